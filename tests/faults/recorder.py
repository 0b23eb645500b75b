"""Everything that changes the disk, in order, beside what clients asked for and were told.

Two seams are listened to: SQLite's file system (an apsw VFS) and the file port of the segments. The files are really written, so
that the store can read them; syncs are only written down, because the disk that counts is the one `disk` builds from the record.
A sync stands in the record when it is over, an acknowledgement when the client has it: whatever stands before is what it vouches for.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from postil.store.files import DiskFiles


@dataclass(frozen=True, slots=True)
class Made:
    """A new name in a folder: a file, or a folder (`inode` 0)."""

    path: Path
    inode: int


@dataclass(frozen=True, slots=True)
class Removed:
    path: Path


@dataclass(frozen=True, slots=True)
class Written:
    inode: int
    offset: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Truncated:
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Synced:
    inode: int


@dataclass(frozen=True, slots=True)
class FolderSynced:
    path: Path


@dataclass(frozen=True, slots=True)
class Begun:
    """A client sent its request."""

    request: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A client has the answer."""

    request: int


Entry = Made | Removed | Written | Truncated | Synced | FolderSynced | Begun | Acknowledged


class Recorder:
    """The record of one run; its methods may be called by any thread."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._lock = threading.Lock()
        self._inodes: dict[Path, int] = {}
        self._next = 1

    def note(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)

    def known(self, path: Path, inode: int) -> None:
        """A file that is there from the beginning."""
        self._inodes[path] = inode
        self._next = max(self._next, inode + 1)

    def made(self, path: Path) -> int:
        with self._lock:
            inode, self._next = self._next, self._next + 1
            self._inodes[path] = inode
            self.entries.append(Made(path, inode))
        return inode

    def removed(self, path: Path) -> None:
        with self._lock:
            if self._inodes.pop(path, None) is not None:
                self.entries.append(Removed(path))

    def inode(self, path: Path) -> int | None:
        return self._inodes.get(path)


class RecordingFiles(DiskFiles):
    """The file port, written down."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: dict[int, int] = {}

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._recorder.note(Made(path, 0))

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._open[fd] = self._recorder.made(path)
        return fd

    def close(self, fd: int) -> None:
        self._open.pop(fd, None)
        super().close(fd)

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        octets = b"".join(pieces)
        self._recorder.note(Written(self._open[fd], offset, octets))
        return super().write(fd, pieces, offset)

    def sync(self, fd: int) -> None:
        self._recorder.note(Synced(self._open[fd]))

    def sync_folder(self, folder: Path) -> None:
        self._recorder.note(FolderSynced(folder))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._recorder.removed(path)


_names = itertools.count()


class RecordingVFS(apsw.VFS):
    """SQLite's file system, written down."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.vfs_name = f"recording-{next(_names)}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name)
        there = path.exists()
        file = _RecordingFile(self.recorder, path, name, flags)
        if not there:
            self.recorder.made(path)
        file.adopt(fresh=not there)
        return file

    def xDelete(self, name: str, sync_folder: bool) -> None:
        super().xDelete(name, False)
        self.recorder.removed(Path(name))
        if sync_folder:
            self.recorder.note(FolderSynced(Path(name).parent))


class _RecordingFile(apsw.VFSFile):
    def __init__(self, recorder: Recorder, path: Path, name: Any, flags: list[int]) -> None:
        self._recorder = recorder
        self._path = path
        self._inode = 0
        self._sync_folder = False
        self._log = bool(flags[0] & (apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL))
        super().__init__("", name, flags)

    def adopt(self, fresh: bool) -> None:
        """SQLite's own Unix file system syncs the folder with the first sync of a new journal or WAL."""
        self._inode = self._recorder.inode(self._path) or 0
        assert self._inode
        self._sync_folder = fresh and self._log

    def xWrite(self, data: bytes, offset: int) -> None:
        self._recorder.note(Written(self._inode, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._recorder.note(Truncated(self._inode, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._recorder.note(Synced(self._inode))
        if self._sync_folder:
            self._recorder.note(FolderSynced(self._path.parent))
            self._sync_folder = False


@contextmanager
def recording() -> Iterator[tuple[Recorder, RecordingFiles, RecordingVFS]]:
    """The two seams, taken away again at the end."""
    recorder = Recorder()
    vfs = RecordingVFS(recorder)
    try:
        yield recorder, RecordingFiles(recorder), vfs
    finally:
        vfs.unregister()
