"""The file port: every write, sync and removal of segment files goes through here.

A seam on purpose: the crash recorder logs what passes and rebuilds the disk as a power cut would have left it, and a test lets
any call fail with ENOSPC or EIO. Methods block; they are called by the writer thread and by staging threads, `open` and `read` also
inline in the event loop (a `pread` from the page cache takes 4 us).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_IOV_MAX = 512  # pieces per system call; the kernel takes 1024


class Files(Protocol):
    """What segments need of a file system; failures are OSError."""

    def make_folder(self, path: Path) -> None:
        """A new folder; the one above it exists. No error when it is there."""
        ...

    def create(self, path: Path) -> int:
        """A new file, open for reading and writing; it must not exist."""
        ...

    def open(self, path: Path) -> int:
        """An existing file, for reading."""
        ...

    def close(self, fd: int) -> None: ...

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        """All pieces, one after the other from `offset`; returns how many octets."""
        ...

    def read(self, fd: int, length: int, offset: int) -> bytes:
        """Up to `length` octets; fewer only at the end of the file."""
        ...

    def sync(self, fd: int) -> None:
        """On return the file's data is on disk (fdatasync)."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """On return the names in the folder are on disk."""
        ...

    def remove(self, path: Path) -> None:
        """Delete; no error when it is not there."""
        ...

    def names(self, folder: Path) -> Sequence[str]: ...

    def free_space(self, folder: Path) -> int:
        """Octets that we may still write."""
        ...


class DiskFiles:
    """The real disk."""

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)

    def create(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def write(self, fd: int, pieces: Sequence[bytes | memoryview], offset: int) -> int:
        start = offset
        for first in range(0, len(pieces), _IOV_MAX):
            some = pieces[first : first + _IOV_MAX]
            wanted = sum(len(piece) for piece in some)
            done = os.pwritev(fd, some, offset)
            if (
                done < wanted
            ):  # a signal, a full disk: the rest as one piece until it is in or fails
                rest = memoryview(b"".join(some))
                while done < wanted:
                    done += os.pwrite(fd, rest[done:], offset + done)
            offset += wanted
        return offset - start

    def read(self, fd: int, length: int, offset: int) -> bytes:
        data = os.pread(fd, length, offset)
        if len(data) == length or not data:
            return data
        parts = [data]
        got = len(data)
        while got < length and (data := os.pread(fd, length - got, offset + got)):
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def names(self, folder: Path) -> Sequence[str]:
        return os.listdir(folder)

    def free_space(self, folder: Path) -> int:
        space = os.statvfs(folder)
        return space.f_bavail * space.f_frsize
