"""Who is logged in now, over all protocols, and the end of those who no longer may be.

Theory of operation. A session says when somebody has logged in and when that is over. Every `LOOK_EVERY` seconds, while anybody is, the
directory is asked whether something changed (`accounts.revocations`); if so, or for those who came since the last look, whether what each
rests on still holds. Who came since is always asked about: his login and its withdrawal may have crossed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Final, Protocol

from postil.ports.accounts import AccountsUnavailable, Credential, Means
from postil.ports.ids import AccountId
from postil.ports.sessions import Ended, Held

LOOK_EVERY: Final = 1.0  # seconds; how long a session may outlive its password

End = Callable[[Ended], None]
_UNKNOWN: Final = Credential(Means.PASSWORD, -1, -1)  # of a directory that tells none


class Judge(Protocol):
    """What may still be rested on; `accounts.revocations.Revocations` is one."""

    async def changed(self) -> bool:
        """Has anything changed since this was last asked?"""
        ...

    async def withdrawn(self, held: Collection[Held]) -> Mapping[Held, Ended]:
        """Which of them no longer hold."""
        ...


class LoggedIn:
    """The sessions that are logged in."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Held, End]] = {}
        self._fresh: set[int] = set()
        self._next = 0

    def enter(
        self, account: AccountId, credential: Credential | None, end: End
    ) -> Callable[[], None]:
        """Somebody has logged in; `end` is called at most once. Gives what to call when that is over."""
        self._next += 1
        number = self._next
        self._held[number] = Held(account, credential or _UNKNOWN), end
        self._fresh.add(number)

        def leave() -> None:
            self._held.pop(number, None)
            self._fresh.discard(number)

        return leave

    def __len__(self) -> int:
        return len(self._held)

    async def look(self, judge: Judge) -> int:
        """End who must go; how many that were. AccountsUnavailable, and then the next look asks about all."""
        changed = await judge.changed()
        asked = set(self._held) if changed else set(self._fresh)
        self._fresh -= asked
        if not asked:
            return 0
        try:
            found = await judge.withdrawn(
                {held for number, (held, _) in self._held.items() if number in asked}
            )
        except AccountsUnavailable:
            self._fresh |= asked & set(self._held)
            raise
        ended = 0
        for number in asked:
            held, end = self._held.get(number, (None, None))
            if held is not None and end is not None and held in found:
                del self._held[number]
                end(found[held])
                ended += 1
        return ended

    async def watch(self, judge: Judge, unavailable: Callable[[AccountsUnavailable], None]) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if not self._held:
                continue
            try:
                await self.look(judge)
            except AccountsUnavailable as error:
                unavailable(error)
