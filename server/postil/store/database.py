"""Connections to `index.db`: one that writes, in the writer thread, and one that only reads, in the loop.

WAL and synchronous=FULL: a COMMIT that returned is on disk. Automatic checkpoints are off; the writer does them when it has
nothing better to do. Temporary tables (the picked messages of an intent) stay in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from postil.ports.store import Corrupt, StoreError, StoreUnavailable
from postil.store.limits import WAL_TRUNCATE_OCTETS

# What the disk or the file does to us: the batch fails with a temporary error.
DISK_TROUBLE = (
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.BusyError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.PermissionsError,
)

# A text that is none, a column that has another name: what a flipped bit makes of a page that looks well formed.
NONSENSE = (UnicodeDecodeError, apsw.SQLError)

_SECONDS_TO_WAIT = (
    10.0  # for a reader that is in the middle of a page when a checkpoint wants to restart the WAL
)

Row = tuple[Any, ...]


def open_writer(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The writing connection. StoreUnavailable when the disk does not let us."""
    try:
        db = apsw.Connection(str(path), vfs=vfs, statementcachesize=300)
        db.set_busy_timeout(int(_SECONDS_TO_WAIT * 1000))
        # A close after trouble must not copy a doubtful WAL into the database.
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        (mode,) = one(db, "PRAGMA journal_mode=WAL")
        if mode != "wal":
            raise StoreUnavailable(f"the disk under {path} does not allow a write-ahead log")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute(f"PRAGMA journal_size_limit={WAL_TRUNCATE_OCTETS}")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA cache_size=-32000")
    except DISK_TROUBLE as error:
        raise StoreUnavailable(f"cannot open the mail index {path}: {error}") from error
    return db


def open_reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that cannot write."""
    try:
        db = apsw.Connection(str(path), vfs=vfs, statementcachesize=100)
        db.set_busy_timeout(int(_SECONDS_TO_WAIT * 1000))
        db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        db.execute("PRAGMA wal_autocheckpoint=0")
        db.execute("PRAGMA query_only=ON")
        db.execute("PRAGMA cache_size=-16000")
    except DISK_TROUBLE as error:
        raise StoreUnavailable(f"cannot open the mail index {path}: {error}") from error
    return db


def one(db: apsw.Connection, sql: str, bindings: Any = ()) -> Row:
    """The only row of a query that must have one."""
    row: Row | None = db.execute(sql, bindings).fetchone()
    assert row is not None, sql
    return row


def first(db: apsw.Connection, sql: str, bindings: Any = ()) -> Row | None:
    """The first row, if there is one."""
    return db.execute(sql, bindings).fetchone()


def read_first(db: apsw.Connection, sql: str, bindings: Any = ()) -> Row | None:
    """As `first`, for the loop: Corrupt or StoreUnavailable instead of the driver's errors."""
    try:
        return first(db, sql, bindings)
    except (*DISK_TROUBLE, *NONSENSE) as error:
        raise _for_readers(error) from error


def read_every(db: apsw.Connection, sql: str, bindings: Any = ()) -> list[Row]:
    """As `every`, for the loop: Corrupt or StoreUnavailable instead of the driver's errors."""
    try:
        return every(db, sql, bindings)
    except (*DISK_TROUBLE, *NONSENSE) as error:
        raise _for_readers(error) from error


def _for_readers(error: Exception) -> StoreError:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError, *NONSENSE)):
        return Corrupt("a page of the mail index is damaged; run postil verify")
    return StoreUnavailable("the mail index cannot be read now, try again later")


def every(db: apsw.Connection, sql: str, bindings: Any = ()) -> list[Row]:
    """All rows; the statement is finished when this returns."""
    return db.execute(sql, bindings).fetchall()
