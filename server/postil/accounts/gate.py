"""Who may try to log in now: failures counted by address, over all protocols and ports together.

Theory of operation. A failure counts for the address and for the networks around it, in three windows (a minute, an hour, a day). Where a
count has reached its limit nobody from there may try, not even with the right password, until the window ends: else the answer would
tell which guess was right. Others are not touched. From the third failure of the hour on, each answer takes longer.

Many connections at once gain nothing: an address gets few passwords looked at in the same moment, the others wait for their turn, and are refused if
the limit was reached meanwhile. An office whose programs all come back after a restart is served in turns too, and nobody refused.

Memory is bounded: each window remembers so many networks, and forgets the one that failed, or was refused, longest ago first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from postil.base.clock import Clock
from postil.net.admission import networks
from postil.net.limits import ADDRESS_CLASSES
from postil.ports.logins import Attempt, Leave

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86400.0
REMEMBER: Final = 50_000  # networks in each window; some 150 octets each
FREE: Final = 2  # failures of an hour that are answered at once: people mistype
LONGEST_WAIT: Final = 8.0  # seconds; more would only hold connections open
AT_ONCE: Final = 4  # passwords of one address that are looked at in one moment; a hash takes 40 ms


@dataclass(frozen=True, slots=True)
class Allowed:
    """Failures that one address may have; the networks around it as many times more as `ADDRESS_CLASSES` says."""

    per_minute: int = 10
    per_hour: int = 60
    per_day: int = 300  # a telephone that keeps an old password tries every five minutes
    allow: tuple[str, ...] = ("127.0.0.1", "::1")  # networks that are never refused


class _Window:
    """Counts of one length of time, which begin again all at once."""

    def __init__(self, seconds: float, limit: int) -> None:
        self.seconds = seconds
        self.limit = limit
        self._number = 0
        self._counts: OrderedDict[str, int] = OrderedDict()

    def turn(self, now: float) -> None:
        number = int(now // self.seconds)
        if number != self._number:
            self._number = number
            self._counts.clear()

    def ends_in(self, now: float) -> float:
        return self.seconds - now % self.seconds

    def count(self, network: str) -> int:
        return self._counts.get(network, 0)

    def add(self, network: str) -> None:
        self._counts[network] = self._counts.get(network, 0) + 1
        self._counts.move_to_end(network)
        if len(self._counts) > REMEMBER:
            self._counts.popitem(last=False)

    def keep(self, network: str) -> None:
        """Not to be forgotten before those that come no more."""
        self._counts.move_to_end(network)

    def __len__(self) -> int:
        return len(self._counts)


class _Turns:
    """Of one address: who is looked at, and who waits for it."""

    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)
        self.users = 0


class LoginGate:
    """Implements `ports.logins.Gate`; `write` gets every attempt, for the list of attempts and the metrics."""

    def __init__(
        self,
        clock: Clock,
        write: Iterable[Callable[[Attempt], None]] = (),
        allowed: Allowed = Allowed(),
    ) -> None:
        self._clock = clock
        self._write = tuple(write)
        self._open = tuple(ipaddress.ip_network(item, strict=False) for item in allowed.allow)
        self._windows = (
            _Window(MINUTE, allowed.per_minute),
            _Window(HOUR, allowed.per_hour),
            _Window(DAY, allowed.per_day),
        )
        self._turns: dict[str, _Turns] = {}
        self._around = lru_cache(maxsize=4096)(self._networks)  # asked several times for each login

    def ask(self, ip: str) -> Leave:
        return self._ask(self._around(ip))

    def _ask(self, around: tuple[str, ...]) -> Leave:
        now = self._clock.monotonic()
        again = 0.0
        for window in self._windows:
            window.turn(now)
            for network, (_, _, share) in zip(around, ADDRESS_CLASSES, strict=False):
                if window.count(network) >= window.limit * share:
                    again = max(again, window.ends_in(now))
                    window.keep(network)
        if again:
            return Leave(False, LONGEST_WAIT, again)
        late = self._windows[1].count(around[0]) - FREE if around else 0
        return Leave(True, min(LONGEST_WAIT, 0.5 * 2.0 ** min(late, 9)) if late > 0 else 0.0)

    @contextlib.asynccontextmanager
    async def turn(self, ip: str) -> AsyncIterator[Leave]:
        around = self._around(ip)
        if not around:
            yield Leave(True)
            return
        turns = self._turns.setdefault(around[0], _Turns())
        turns.users += 1
        try:
            # Between the end of the block and `record` nobody waits, so the next in turn sees what became of this one.
            async with turns.free:
                yield self._ask(around)
        finally:
            turns.users -= 1
            if not turns.users:
                del self._turns[around[0]]

    def record(self, attempt: Attempt) -> None:
        for write in self._write:
            write(attempt)
        if not attempt.result.counts:
            return
        now = self._clock.monotonic()
        for window in self._windows:
            window.turn(now)
            for network in self._around(attempt.peer.ip):
                window.add(network)

    def __len__(self) -> int:
        """Counts kept now, of all windows."""
        return sum(map(len, self._windows)) + len(self._turns)

    def _networks(self, ip: str) -> tuple[str, ...]:
        """The networks that a failure counts for; none for an address that is never refused."""
        if not ip:
            return ()
        address = ipaddress.ip_address(ip)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self._open):
            return ()
        return networks(ip)
