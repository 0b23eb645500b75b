"""One process owns a data folder: an advisory lock that the kernel drops when the owner dies.

Two owners would both think that they alone append to the current segment. `flock` and not a pid file: after a crash
nothing has to be cleaned up. The pid in the file is only for the sentence that a person reads.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from postil.ports.store import StoreUnavailable


class FolderLock:
    """The lock on a data folder; `release` it, or end the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        try:
            self._fd: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot write in the data folder {folder}: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        except OSError as error:
            owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            self._fd = None
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise StoreUnavailable(
                    f"the data folder {folder} is in use by another Postil (process {owner}): stop it first"
                ) from error
            raise StoreUnavailable(
                f"cannot lock the data folder {folder}: {error.strerror}"
            ) from error

    def release(self) -> None:
        """Let another process have the folder; idempotent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
