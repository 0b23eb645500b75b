"""The list of attempts to log in: who, from where, how, and what came of it. It is what `postil logins` shows.

A database of its own beside the control database: it is written all day and nothing depends on it, so that a write need not wait for
the disk. Attempts that differ in nothing but the time are one row an hour with a count: a guesser fills no disk. Rows
are kept 30 days, and no more than so many of each kind, so that failures cannot push out the logins. What costs nobody anything (attempts that
were given up, or not looked at) is a kind of its own: a limited guesser with a new name each time cannot push out the guesses before.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import aiosqlite
import structlog

from postil.accounts import names
from postil.base.clock import Clock
from postil.base.tasks import Tasks
from postil.ports.logins import Attempt, Result

FILE: Final = "logins.db"
KEEP_SECONDS: Final = 30 * 86400
KEEP_ROWS: Final = (
    100_000  # of each kind: some 30 MB; ten times that where every name is as long as may be
)
QUEUE: Final = 10_000  # attempts that wait to be written; more are counted as lost
GATHER_SECONDS: Final = 0.2  # how much later than it happened an attempt is in the list
PRUNE_EVERY: Final = 1000  # written rows
HOUR: Final = 3600

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.accounts")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER PRIMARY KEY,
    hour INTEGER NOT NULL,      -- since the epoch
    first INTEGER NOT NULL,     -- seconds since the epoch
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    login TEXT NOT NULL,        -- as the client wrote it
    account INTEGER,            -- NULL: nobody was logged in
    remote_ip TEXT NOT NULL,
    local_ip TEXT NOT NULL,
    listener TEXT NOT NULL,
    tls TEXT NOT NULL,          -- version, "" without
    server_name TEXT NOT NULL,  -- SNI
    client TEXT NOT NULL,       -- what ID or EHLO said
    result TEXT NOT NULL,       -- the name of ports.logins.Result
    detail TEXT NOT NULL,
    UNIQUE (hour, remote_ip, login, result, protocol, mechanism, detail, client, tls, server_name, local_ip, listener)
) STRICT;
CREATE INDEX IF NOT EXISTS attempt_last ON attempt (last);
"""
# Logins, guesses, and what is free.
_KINDS: Final = tuple(
    ", ".join(f"'{one.name}'" for one in Result if kind(one))
    for kind in (
        lambda one: one is Result.OK,
        lambda one: one is not Result.OK and not one.free,
        lambda one: one.free,
    )
)
_COLUMNS = (
    "protocol", "mechanism", "login", "account", "remote_ip", "local_ip", "listener", "tls", "server_name",
    "client", "result", "detail",
)  # fmt: skip
_INSERT = (
    f"INSERT INTO attempt (hour, first, last, count, {', '.join(_COLUMNS)})"
    f" VALUES ({', '.join('?' * (4 + len(_COLUMNS)))})"
    " ON CONFLICT DO UPDATE SET last = excluded.last, count = count + excluded.count, account = excluded.account"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Attempts that were alike, within an hour."""

    first: int
    last: int
    count: int
    protocol: str
    mechanism: str
    login: str
    account: int | None
    remote_ip: str
    local_ip: str
    listener: str
    tls: str
    server_name: str
    client: str
    result: Result
    detail: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show; "" and None: whatever."""

    login: str = ""  # in any case of letters
    ip: str = ""  # an address or a network
    protocol: str = ""
    failed: bool | None = None
    since: int = 0  # seconds since the epoch


class Attempts:
    """Writes attempts behind the sessions' backs; use `open`, and `close` it."""

    def __init__(self, connection: aiosqlite.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._waiting: list[tuple[int, Attempt]] = []
        self._event = asyncio.Event()
        self._ending = asyncio.Event()
        self._ended = asyncio.Event()
        self._written = 0
        self.lost = 0
        self._tasks = Tasks(self._failed)

    @classmethod
    async def open(cls, path: Path, clock: Clock) -> Attempts:
        """Open or create the database and begin to write; a file that is no database is put aside."""
        try:
            connection = await _opened(path)
        except sqlite3.DatabaseError:
            # It is a list of what was, and nobody is kept out for its sake.
            path.rename(path.with_suffix(".broken"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            connection = await _opened(path)
        attempts = cls(connection, clock)
        await attempts._prune()
        attempts._tasks.start("login attempts", attempts._run())
        return attempts

    def add(self, attempt: Attempt) -> None:
        """Returns at once; what there is no room for is counted in `lost`."""
        if len(self._waiting) >= QUEUE:
            self.lost += 1
            return
        self._waiting.append((int(self._clock.now()), attempt))
        self._event.set()

    async def _run(self) -> None:
        try:
            while not self._ending.is_set():
                await self._event.wait()
                # A transaction costs as much as a login, so one holds what comes in a moment.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), GATHER_SECONDS)
                self._event.clear()
                await self.flush()
        finally:
            self._ended.set()

    def _failed(self, name: str, error: BaseException) -> None:
        self.lost = QUEUE  # a fault of ours: shown by the metric, and nobody is kept out
        _log.error("fault", task=name, exc_info=error)

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
            await self._connection.executemany(
                _INSERT, [_values(at, attempt) for at, attempt in waiting]
            )
            await self._connection.execute("COMMIT")
            self._written += len(waiting)
            if self._written >= PRUNE_EVERY:
                self._written = 0
                await self._prune()
        except sqlite3.Error:  # a full disk must not keep anybody from logging in
            self.lost += len(waiting)
            with contextlib.suppress(sqlite3.Error):
                await self._connection.execute("ROLLBACK")

    async def _prune(self) -> None:
        before = int(self._clock.now()) - KEEP_SECONDS
        await self._connection.execute("DELETE FROM attempt WHERE last < ?", (before,))
        for kind in _KINDS:
            await self._connection.execute(
                f"DELETE FROM attempt WHERE result IN ({kind}) AND id <= coalesce((SELECT id FROM attempt"
                f" WHERE result IN ({kind}) ORDER BY id DESC LIMIT 1 OFFSET ?), -1)",
                (KEEP_ROWS,),
            )

    async def close(self) -> None:
        """Write what waits and close the file."""
        # What is being written is waited for: cancelled, it would be neither in the list nor counted as lost.
        self._ending.set()
        self._event.set()
        await self._ended.wait()
        await self._tasks.close()
        await self.flush()
        await self._connection.close()


async def _opened(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        await connection.execute("PRAGMA busy_timeout = 10000")
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute(
            "PRAGMA synchronous = NORMAL"
        )  # loses the last seconds, breaks nothing
        await connection.executescript(_SCHEMA)
    except BaseException:
        await connection.close()
        raise
    return connection


def _values(at: int, attempt: Attempt) -> tuple[object, ...]:
    peer = attempt.peer
    return (
        *(at // HOUR, at, at, 1),
        *(attempt.protocol, attempt.mechanism, _storable(attempt.login), attempt.account),
        *(peer.ip, peer.local_ip, peer.listener, peer.tls or "", peer.server_name or ""),
        *(_storable(attempt.client), attempt.result.name, _storable(attempt.detail)),
    )


def _storable(text: str) -> str:
    """Clients write what they like; SQLite takes no lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _within(ip: str) -> Callable[[str], bool]:
    """Is an address as it is kept in the network?"""
    network = ipaddress.ip_network(ip or "::/0", strict=False)
    return lru_cache(maxsize=4096)(
        lambda address: bool(address) and ipaddress.ip_address(address) in network
    )


def read(path: Path, wanted: Filter, most: int) -> Sequence[Row]:
    """The newest rows, newest first, beside a running server or without one; none where there is no file yet."""
    if not path.exists():
        return ()
    where = ["last >= ?"]
    values: list[object] = [wanted.since]
    if wanted.protocol:
        where.append("protocol = ?")
        values.append(wanted.protocol)
    if wanted.ip:
        where.append("within(remote_ip)")
    if wanted.login:
        where.append("folded(login) = ?")
        values.append(names.key(wanted.login))
    if wanted.failed is not None:
        where.append(f"result {'<>' if wanted.failed else '='} 'OK'")
    with contextlib.closing(
        sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    ) as connection:
        connection.execute("PRAGMA busy_timeout = 10000")
        # SQLite's own lower() leaves letters beyond ASCII as they are.
        connection.create_function("folded", 1, names.key, deterministic=True)
        connection.create_function("within", 1, _within(wanted.ip), deterministic=True)
        rows = connection.execute(
            f"SELECT first, last, count, {', '.join(_COLUMNS)} FROM attempt"
            f" WHERE {' AND '.join(where)} ORDER BY last DESC, id DESC LIMIT ?",
            (*values, most),
        ).fetchall()
    fields = ("first", "last", "count", *_COLUMNS)
    shown = [dict(zip(fields, row, strict=True)) for row in rows]
    return [Row(**{**row, "result": Result[row["result"]]}) for row in shown]
