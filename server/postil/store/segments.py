"""Message bodies on disk: append-only log segments, and files of their own for big messages.

A record is a header {magic, length, CRC-32, id, account} and the payload; nothing is ever rewritten in place. The header repeats what `body` in
the index says, so that bodies can be told apart without it.

Theory of operation. The writer thread appends the records of one batch to the current log segment, syncs it, and syncs the folder when the file is
new; only then the index may name them. The current segment is made by this process and known to be good up to its end. After any start, and after any failed write or
sync, it is abandoned and a new one begun: nobody ever appends behind a tail that might be torn, and a failed fdatasync is never
tried again, since the kernel has forgotten which pages were dirty. Numbers of segments are reserved by a commit before files of
that name are made, so a file that no row names is an orphan and may be removed, and its name is never used again.

It knows nothing of SQL; `writer` calls it, `readers` reads what it wrote.
"""

from __future__ import annotations

import re
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from postil.ports.store import StoreUnavailable
from postil.store.files import Files
from postil.store.limits import SEGMENT_OCTETS

HEADER = struct.Struct("<4sIIIQQ")  # magic, length, crc, zero, id, account
MAGIC = b"Pst1"
_NAME = re.compile(r"[0-9]{10}\Z")


def segment_path(folder: Path, number: int) -> Path:
    """Where a segment lies; ten digits keep listings in order."""
    return folder / f"{number:010d}"


def segment_numbers(files: Files, folder: Path) -> Sequence[int]:
    """The numbers of the segment files that are there."""
    return sorted(int(name) for name in files.names(folder) if _NAME.match(name))


@dataclass(slots=True)
class Record:
    """A payload on its way into the log; the writer fills in where it went."""

    account: int
    pieces: tuple[bytes, ...]
    length: int
    crc: int
    body: int = 0
    segment: int = 0
    offset: int = 0

    @property
    def space(self) -> int:
        """Octets it takes in the log."""
        return HEADER.size + self.length


def header(length: int, crc: int, identity: int, account: int) -> bytes:
    """The octets before a payload."""
    return HEADER.pack(MAGIC, length, crc, 0, identity, account)


class Numbers:
    """Segment numbers that a commit has reserved; taken by the loop and by the writer thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 1
        self._end = 1

    def reserved(self, start: int, end: int) -> None:
        """A commit has made numbers up to `end` ours; those already reserved stay usable."""
        with self._lock:
            self._next = max(self._next, start)
            self._end = end

    @property
    def left(self) -> int:
        return self._end - self._next

    @property
    def end(self) -> int:
        return self._end

    def take(self) -> int:
        """A number nobody used. StoreUnavailable when a burst outran the commits."""
        with self._lock:
            if self._next >= self._end:
                raise StoreUnavailable("too many big messages at once, try again later")
            self._next += 1
            return self._next - 1


class Log:
    """The current log segment; used by the writer thread alone."""

    def __init__(self, files: Files, folder: Path, numbers: Numbers) -> None:
        self._files = files
        self._folder = folder
        self._numbers = numbers
        self._fd: int | None = None
        self._new = False
        self.number = 0  # 0: none yet
        self.end = 0

    def write(self, records: Sequence[Record]) -> None:
        """Append the records and note in them where they are. OSError leaves nothing that counts."""
        if self._fd is None or self.end >= SEGMENT_OCTETS:
            self._begin()
        assert self._fd is not None
        pieces: list[bytes] = []
        offset = self.end
        for record in records:
            pieces.append(header(record.length, record.crc, record.body, record.account))
            pieces.extend(record.pieces)
            record.segment = self.number
            record.offset = offset + HEADER.size
            offset += record.space
        self._files.write(self._fd, pieces, self.end)
        self.end = offset

    def sync(self) -> None:
        """Everything written is on disk, under a name that is."""
        assert self._fd is not None
        self._files.sync(self._fd)
        if self._new:
            self._files.sync_folder(self._folder)
            self._new = False

    def abandon(self) -> None:
        """Never write to this segment again; idempotent."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            self.number = 0
            self._files.close(fd)

    def _begin(self) -> None:
        self.abandon()
        number = self._numbers.take()
        self._fd = self._files.create(segment_path(self._folder, number))
        self.number = number
        self.end = 0
        self._new = True
