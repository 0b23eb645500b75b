"""The log of changes: who did what to which account, alias, domain or role, and what it was before and after.

Rows are written by `changes`, in the transaction of the change itself. They are kept `limits.AUDIT_SECONDS`, and never hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from postil.accounts.changes import Changes, State
from postil.accounts.roles import Kind, Thing


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change. `before` None: it was not there; `after` None: it is no more."""

    id: int
    at: int  # seconds since the epoch
    actor: str
    account: int | None  # None: the machine's owner
    action: str
    kind: str
    about: str  # the account, alias, domain …
    before: dict[str, object] | None
    after: dict[str, object] | None

    def changed(self) -> dict[str, tuple[object, object]]:
        """What differs: field to its values before and after."""
        before, after = self.before or {}, self.after or {}
        return {
            field: (before.get(field), after.get(field))
            for field in sorted({**before, **after})
            if before.get(field) != after.get(field)
        }


class Log:
    """Reads the log of changes."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def note_files(
        self, changed: Sequence[tuple[Kind, str, State | None, State | None]]
    ) -> None:
        """Settings that stand in a file were changed: what, its name, before, after. Called behind the change."""
        async with self._changes.change() as change:
            for kind, name, before, after in changed:
                action = "add" if before is None else "remove" if after is None else "set"
                domains = frozenset({name}) if kind is Kind.RULES else frozenset()
                thing = Thing(kind, name, domains)
                await change.wrote(f"{kind.value}.{action}", thing, before, after)

    async def note_certificate(self, name: str, action: str, done: State) -> None:
        """Something was done at an authority: to which certificate or account there, what, with what outcome. Called behind it."""
        async with self._changes.change() as change:
            await change.wrote(f"certificate.{action}", Thing(Kind.CERTIFICATE, name), None, done)

    async def read(
        self,
        *,
        since: int = 0,
        actor: str = "",
        about: str = "",
        most: int = 100,
    ) -> Sequence[AuditRow]:
        """The newest first, at most so many of those that the actor may see; `actor` and `about` without case."""
        where = ["at >= ?"]
        conditions: list[object] = [since]
        for column, value in (("actor", actor), ("object", about)):
            if value:
                where.append(f"{column} = ? COLLATE NOCASE")
                conditions.append(value)
        found: list[AuditRow] = []
        last = 1 << 62
        while len(found) < most:
            page = await self._changes.rows(
                "SELECT id, at, actor, account, action, kind, object, domains, before, after FROM audit"
                f" WHERE id < ? AND {' AND '.join(where)} ORDER BY id DESC LIMIT 1000",
                (last, *conditions),
            )
            if not page:
                break
            last = int(str(page[-1][0]))
            found += [_row(row) for row in page if self._changes.sees(_thing(row))]
        return found[:most]


def _thing(row: Sequence[object]) -> Thing:
    return Thing(Kind.LOG, str(row[6]), frozenset(str(row[7]).split()))


def _row(row: Sequence[object]) -> AuditRow:
    number, at, actor, account, action, kind, name, _, before, after = row
    return AuditRow(
        id=int(str(number)),
        at=int(str(at)),
        actor=str(actor),
        account=account if isinstance(account, int) else None,
        action=str(action),
        kind=str(kind),
        about=str(name),
        before=None if before is None else json.loads(str(before)),
        after=None if after is None else json.loads(str(after)),
    )
