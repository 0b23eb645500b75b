"""What may no longer be logged in with, noticed from the control database: commands change it from another process.

Theory of operation. SQLite tells for the price of one small read whether anybody has committed since the last look (`PRAGMA data_version`
for other connections, the count of changes for our own). Only then, or when somebody has logged in since, the logins that sessions rest on
are compared with what the database says now, each once, however many sessions it opened.

Which change withdraws what: a new password of the account, its removal, and TOTP switched on withdraw that password; the removal of a password for a
program or of a TLS key withdraws that one; disabling or removing the account, and `postil account logout`, withdraw all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from typing import Final

import aiosqlite

from postil.base.clock import Clock
from postil.ports.accounts import AccountsUnavailable, Means
from postil.ports.sessions import Ended, Held

CHUNK: Final = 500  # numbers in one question; SQLite takes 32,766

_TABLES: Final = {Means.APP_PASSWORD: "app_password", Means.TLS_KEY: "tls_key"}


class Revocations:
    """Compares what sessions rest on with what is kept."""

    def __init__(self, connection: aiosqlite.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._seen: tuple[int, int] | None = None

    async def changed(self) -> bool:
        """Has anything been committed since this was last asked? True the first time; AccountsUnavailable."""
        rows = await self._rows("PRAGMA data_version")
        now = int(str(rows[0][0])), self._connection.total_changes
        changed, self._seen = now != self._seen, now
        return changed

    async def withdrawn(self, held: Collection[Held]) -> dict[Held, Ended]:
        """Which of them no longer hold, and why; AccountsUnavailable."""
        accounts = await self._accounts({int(one.account) for one in held})
        kept = {
            means: await self._numbers(
                table, {one.credential.number for one in held if one.credential.means is means}
            )
            for means, table in _TABLES.items()
        }
        found: dict[Held, Ended] = {}
        for one in held:
            account, credential = accounts.get(int(one.account)), one.credential
            if account is None or account[2]:
                found[one] = Ended.ACCOUNT
            elif account[0] != credential.epoch:
                found[one] = Ended.LOGOUT
            elif credential.means is Means.PASSWORD:
                if account[1] != credential.number:
                    found[one] = Ended.CREDENTIAL
            elif credential.number not in kept[credential.means]:
                found[one] = Ended.CREDENTIAL
        return found

    async def _accounts(self, numbers: set[int]) -> dict[int, tuple[int, int, bool]]:
        """Epoch, epoch of the password, disabled."""
        found = {}
        for some in _chunks(numbers):
            for number, epoch, password_epoch, disabled in await self._rows(
                "SELECT id, epoch, password_epoch, disabled IS NOT NULL AND coalesce(disabled_until > ?, 1)"
                f" FROM account WHERE id IN ({','.join('?' * len(some))})",
                [int(self._clock.now()), *some],
            ):
                found[int(str(number))] = int(str(epoch)), int(str(password_epoch)), bool(disabled)
        return found

    async def _numbers(self, table: str, numbers: set[int]) -> frozenset[int]:
        found: set[int] = set()
        for some in _chunks(numbers):
            marks = ",".join("?" * len(some))
            rows = await self._rows(f"SELECT id FROM {table} WHERE id IN ({marks})", some)
            found.update(int(str(row[0])) for row in rows)
        return frozenset(found)

    async def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        try:
            return [tuple(row) for row in await self._connection.execute_fetchall(sql, values)]
        except (sqlite3.Error, ValueError) as error:
            raise AccountsUnavailable(f"the accounts cannot be read: {error}") from error


def _chunks(numbers: set[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    for at in range(0, len(ordered), CHUNK):
        yield ordered[at : at + CHUNK]
