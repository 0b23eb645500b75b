"""The writing connection of a shard: opened again after trouble, copied back when its log has grown.

Theory of operation. SQLite's own checkpoints are off, so that none falls into a commit that somebody waits for: a small log is copied back
when nobody waits, a big one at once. After an error of the disk nobody knows what is in the files: the connection is closed
as it is, and the next one is used only after a check of the whole index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apsw

from postil.ports.store import StoreUnavailable
from postil.store.database import DISK_TROUBLE, every, first, one
from postil.store.limits import WAL_PASSIVE_OCTETS, WAL_TRUNCATE_OCTETS
from postil.store.transaction import Transaction

TROUBLE = "the disk does not take the change, try again later"


@dataclass(slots=True)
class WriterCounts:
    """For metrics and tests: how often what was done."""

    batches: int = 0
    intents: int = 0
    body_syncs: int = 0
    commits: int = 0
    recoveries: int = 0
    wal_octets: int = 0


class WritingConnection:
    """The one of a writer; `tx` is None from the trouble on until it is opened again."""

    def __init__(
        self,
        connect: Callable[[], apsw.Connection],
        on_error: Callable[[str, BaseException], None],
        counts: WriterCounts,
    ) -> None:
        self._connect = connect
        self._on_error = on_error
        self._counts = counts
        self._next_body = 1
        self._page_size = 0
        self.tx: Transaction | None = None

    def next_body(self) -> int:
        """A body id nobody had; gaps are fine."""
        self._next_body += 1
        return self._next_body - 1

    def reopen(self) -> Transaction:
        """Open it again after trouble. StoreUnavailable while that fails."""
        db = self._connect()
        try:
            # First what fails at once while the disk is still bad; the check reads the whole index.
            every(db, "PRAGMA wal_checkpoint(TRUNCATE)")
            (verdict,) = one(db, "PRAGMA quick_check(1)")
            if verdict != "ok":
                raise StoreUnavailable("the mail index is damaged; run postil verify")
        except DISK_TROUBLE as error:
            db.close()
            raise StoreUnavailable(TROUBLE) from error
        except StoreUnavailable:
            db.close()
            raise
        tx = self.adopt(db)
        self._counts.recoveries += 1
        return tx

    def adopt(self, db: apsw.Connection) -> Transaction:
        """Take over a connection that is sound."""
        row = first(db, "SELECT seq FROM sqlite_sequence WHERE name='body'")
        self._next_body = max(self._next_body, (row[0] if row else 0) + 1)
        db.set_wal_hook(self._wal_grew)
        self._page_size = int(one(db, "PRAGMA page_size")[0])
        for statement in _TEMPORARY:
            db.execute(statement)
        self.tx = Transaction(db, self.next_body)
        return self.tx

    def _wal_grew(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._counts.wal_octets = pages * self._page_size
        return apsw.SQLITE_OK

    def drop(self) -> None:
        """Trust it no more: close it as it is."""
        if self.tx is not None:
            tx, self.tx = self.tx, None
            try:
                tx.db.close(True)
            except apsw.Error as error:
                self._on_error("closing the index", error)

    def checkpoint(self, idle: bool) -> bool:
        """Copy back what is due. False: the disk has failed."""
        size = self._counts.wal_octets
        if self.tx is None or size < WAL_PASSIVE_OCTETS:
            return True
        if size >= WAL_TRUNCATE_OCTETS:
            return self._copy_back(self.tx, "TRUNCATE")
        return not idle or self._copy_back(self.tx, "PASSIVE")

    def _copy_back(self, tx: Transaction, how: str) -> bool:
        sound = True
        try:
            every(tx.db, f"PRAGMA wal_checkpoint({how})")
        except apsw.BusyError:
            return True  # somebody reads; next time
        except DISK_TROUBLE as error:
            self._on_error("checkpoint", error)
            sound = not isinstance(error, apsw.IOError)
        # Until the next commit tells otherwise there is nothing to copy.
        self._counts.wal_octets = 0
        return sound

    def close(self) -> None:
        """Copy everything back and let go."""
        if self.tx is None:
            return
        if self._copy_back(self.tx, "TRUNCATE"):
            self.tx.db.close()
            self.tx = None
        else:
            self.drop()


_TEMPORARY = (
    "CREATE TEMP TABLE IF NOT EXISTS picked (n INTEGER PRIMARY KEY, uid INTEGER NOT NULL, modseq INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL, body INTEGER NOT NULL)",
    "CREATE TEMP TABLE IF NOT EXISTS flagmap (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)",
)
