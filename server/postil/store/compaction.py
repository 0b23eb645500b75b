"""Space comes back: live records of a segment that is mostly dead move to the current one, and the file goes.

A slice reads up to 200 records, verifies each against its checksum, appends them to the log like new bodies and, in the transaction that follows the sync, points
their rows at the new place. When the last has moved, the segment's row is deleted and, after that commit, its file. A session that
still reads the old file keeps it open; one that looked up the old place a moment ago looks again.

Bodies with `refs = 0` move like others: a view may show them. A record that fails its checksum stays where it is, and the segment is marked
so that nobody moves half of it again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import apsw

from postil.store.database import read_every
from postil.store.events import BodiesReclaimed
from postil.store.files import Files
from postil.store.limits import COMPACT_OCTETS, COMPACT_RECORDS
from postil.store.requests import Intent
from postil.store.segments import Log, Record, segment_path
from postil.store.transaction import Transaction


def candidates(db: apsw.Connection, current: int) -> Sequence[int]:
    """Log segments under half live, but never the one that is written to; the emptiest first."""
    return [
        number
        for (number,) in read_every(
            db,
            "SELECT number FROM segment WHERE kind=0 AND corrupt=0 AND live*2 < size AND number<>?"
            " ORDER BY live LIMIT 8",
            (current,),
        )
    ]


class Compact(Intent[int]):
    """Move a slice of one segment; gives how many records it moved."""

    grows = False  # it needs a little room and gives back more

    def __init__(self, segment: int, log: Log, files: Files, folder: Path) -> None:
        self._segment = segment
        self._log = log
        self._files = files
        self._folder = folder
        self._broken = False
        self.records: list[Record] = []

    def prepare(self, tx: Transaction) -> None:
        """Read and verify the records of this slice."""
        self.records = []
        self._broken = False
        if self._segment == self._log.number:
            return
        rows = tx.every(
            "SELECT id, account, offset, length, crc FROM body WHERE segment=? LIMIT ?",
            (self._segment, COMPACT_RECORDS),
        )
        if not rows:
            return
        octets = 0
        try:
            fd = self._files.open(segment_path(self._folder, self._segment))
        except OSError:
            self._broken = True
            return
        try:
            for body, account, offset, length, crc in rows:
                data = self._files.read(fd, length, offset)
                if len(data) != length or crc32(data) != crc:
                    self._broken = True
                    continue
                self.records.append(Record(account, (data,), length, crc, body))
                octets += length
                if octets >= COMPACT_OCTETS:
                    break
        except OSError:
            self._broken = True
        finally:
            self._files.close(fd)

    def execute(self, tx: Transaction) -> int:
        moved = 0
        if self._segment == self._log.number:
            return 0
        for record in self.records:
            # Somebody may have reclaimed the body since `prepare`: then there is nothing to point.
            tx.run(
                "UPDATE body SET segment=?, offset=? WHERE id=? AND segment=?",
                (record.segment, record.offset, record.body, self._segment),
            )
            if tx.db.changes():
                moved += 1
                tx.count_live(record.segment, record.space)
                tx.run(
                    "UPDATE segment SET live=live-? WHERE number=?", (record.space, self._segment)
                )
        if self._broken:
            tx.run("UPDATE segment SET corrupt=1 WHERE number=?", (self._segment,))
        if tx.first("SELECT 1 FROM body WHERE segment=? LIMIT 1", (self._segment,)) is None:
            tx.run("DELETE FROM segment WHERE number=?", (self._segment,))
            tx.tell(BodiesReclaimed((), (self._segment,)))
        return moved
