"""Changing a file that others read and write at the same time: it is always whole, and nobody's change is lost.

Commands take turns by a lock on a file beside it (`.domains.toml.lock`). The new text goes into a temporary file with the old one's mode and
owner, is synced, and takes the place of the old one in one step; whoever reads has the one or the other. A person's editor knows
nothing of the lock: when the file is another one just before that step, the change is made again on what the person wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from postil.base.durable import sync_folder

WAIT: Final = 30.0  # seconds for other commands; one takes a fraction of one
AGAIN: Final = 5  # times that a person may be quicker than we are
_PAUSE: Final = 0.02  # seconds between two looks at the lock


class CannotWrite(Exception):
    """The file stays as it was; the text says why."""


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Alone among the commands that change this file."""
    lock = path.parent / f".{path.name}.lock"
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except OSError as error:
        raise CannotWrite(f"{lock} cannot be opened: {error.strerror}") from error
    try:
        # Made by root, it must not keep out whoever owns the folder.
        folder = os.stat(path.parent)
        with contextlib.suppress(OSError):
            if os.fstat(fd).st_uid != folder.st_uid:
                os.fchown(fd, folder.st_uid, folder.st_gid)
        until = time.monotonic() + WAIT
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CannotWrite(
                        f"another command has been changing {path} for {WAIT:.0f} s"
                    ) from None
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(fd)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def rewrite(path: Path, change: Callable[[str], str], *, like: Path) -> bool:
    """Replace the file by what `change` makes of its text (of "" when it is not there); False when that is the same.

    A new file gets mode and owner of the file `like`. What `change` raises leaves everything as it was; it may be called again.
    """
    path = path.resolve()  # a link stays one, and leads to the new file
    try:
        with _turn(path):
            for old in path.parent.glob(f".{path.name}.*.new"):  # of a command that was killed
                old.unlink(missing_ok=True)
            for _ in range(AGAIN):
                before = _read(path)
                text = change((before or b"").decode("utf-8"))
                if text.encode() == before:
                    return False
                if _replace(path, before, text.encode(), like):
                    return True
            raise CannotWrite(f"{path} keeps changing while this command wants to: try again")
    except OSError as error:
        raise CannotWrite(
            f"{error.filename or path} cannot be written: {error.strerror}"
        ) from error


def _replace(path: Path, before: bytes | None, content: bytes, like: Path) -> bool:
    """False when the file is not any more what it was."""
    model = os.stat(path if before is not None else like)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as out:
            made = os.fstat(fd)
            if (made.st_uid, made.st_gid) != (model.st_uid, model.st_gid):
                try:
                    os.fchown(fd, model.st_uid, model.st_gid)
                except PermissionError:
                    raise CannotWrite(
                        f"{path} belongs to somebody else, and stays theirs: run this as its owner or as root"
                    ) from None
            os.fchmod(fd, stat.S_IMODE(model.st_mode))
            out.write(content)
            out.flush()
            os.fsync(fd)
        if _read(path) != before:
            return False
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)  # after the replacement it is not there any more
    sync_folder(path.parent)
    return True
