"""How the control database is changed: one transaction, the right to do it, and a row in the log of changes.

Theory of operation. `Changes.change` takes the lock of the database first, so that what a change reads is what it changes, however many
commands run at once. The block says what it did with `Change.wrote`, which asks `roles.may` and adds the row. A block that changed
something and wrote no row is a fault of ours and is undone: a change without a row cannot be committed.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiosqlite

from postil.accounts import limits, schema
from postil.accounts.roles import Action, Actor, Power, Role, Thing, may
from postil.base.clock import Clock
from postil.ports.ids import AccountId


class AccountError(Exception):
    """Refused; the text is for the person at the terminal."""


class NotAllowed(AccountError):
    """The actor's roles do not allow it."""


State = Mapping[str, object]  # as JSON shows it; never a secret


class Change:
    """One change that is being made."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self.last = 0  # number of the newest row of the log; 0: this change has none

    async def wrote(
        self, action: str, thing: Thing, before: State | None, after: State | None
    ) -> None:
        """What was done to what; NotAllowed undoes it. Nothing is noted where before and after are the same."""
        changes = self._changes
        if not may(changes.actor, Action.CHANGE, thing):
            raise NotAllowed(f"{changes.actor} may not change {thing.kind.value} {thing.name}")
        if before == after:
            return
        now = int(changes.clock.now())
        cursor = await changes.connection.execute(
            "INSERT INTO audit (at, actor, account, action, kind, object, domains, before, after)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(now, str(changes.actor), changes.actor.account, action),
                *(thing.kind.value, thing.name, " ".join(sorted(thing.domains))),
                *(_json(before), _json(after)),
            ),
        )
        assert cursor.lastrowid is not None
        self.last = cursor.lastrowid

    async def prune(self) -> None:
        """Rows that are too old or too many go with the change that makes it so."""
        connection, now = self._changes.connection, int(self._changes.clock.now())
        await connection.execute("DELETE FROM audit WHERE at < ?", (now - limits.AUDIT_SECONDS,))
        await connection.execute(
            "DELETE FROM audit WHERE id <= ?", (self.last - limits.AUDIT_ROWS,)
        )


def _json(state: State | None) -> str | None:
    return None if state is None else json.dumps(state, ensure_ascii=False, sort_keys=True)


class Changes:
    """The connection through which everything administrative goes, and on whose behalf."""

    def __init__(self, connection: aiosqlite.Connection, clock: Clock, actor: Actor) -> None:
        self.connection = connection
        self.clock = clock
        self.actor = actor
        self._turn = asyncio.Lock()  # the connection has one transaction at a time

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Change]:
        """All that the block does, or nothing."""
        async with self._turn:
            await self.connection.execute("BEGIN IMMEDIATE")
            try:
                if self.actor.account is not None:  # roles may have been taken away since
                    self.actor = await acting(self, self.actor.account)
                before = self.connection.total_changes
                change = Change(self)
                yield change
                if change.last:
                    await change.prune()
                elif self.connection.total_changes != before:
                    raise AssertionError("a change that is not in the log of changes")
                await self.connection.execute("COMMIT")
            except BaseException:
                await schema.undo(self.connection)
                raise

    def sees(self, thing: Thing) -> bool:
        """May the actor know of it?"""
        return may(self.actor, Action.READ, thing)

    async def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a question; the caller says what of it the actor may see."""
        return [tuple(row) for row in await self.connection.execute_fetchall(sql, values)]

    async def insert(self, sql: str, values: Sequence[object], taken: str) -> int:
        """The number of the new row; AccountError with `taken` where there is one like it."""
        try:
            cursor = await self.connection.execute(sql, values)
        except sqlite3.IntegrityError as error:
            raise AccountError(taken) from error
        assert cursor.lastrowid is not None
        return cursor.lastrowid


async def acting(changes: Changes, account: AccountId) -> Actor:
    """The account as somebody who acts; one that is gone, disabled or without a role may do nothing."""
    rows = await changes.rows(
        "SELECT account.name, role.role, role.domain FROM account LEFT JOIN role ON role.account = account.id"
        " WHERE account.id = ? AND (disabled IS NULL OR disabled_until <= ?)",
        (account, int(changes.clock.now())),
    )
    name = str(rows[0][0]) if rows else "an account that is no more"
    held = frozenset(Role(Power(role), str(domain)) for _, role, domain in rows if role)
    return Actor(name, account, held)
