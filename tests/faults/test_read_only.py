"""A disk that turns read-only: mail is served, changes are refused for now, and nothing is lost when it can be written again."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.store.disk import ALICE, FaultyFiles, Trial, message

from postil.ports.store import FlagChange, StoreUnavailable
from postil.store.verify import verify


class _ReadOnlyVFS(apsw.VFS):
    """SQLite's file system, on a disk that the kernel has remounted when `frozen`."""

    def __init__(self, name: str) -> None:
        self.frozen = False
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, vfs: _ReadOnlyVFS, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__("", name, flags)

    def _check(self) -> None:
        if self._vfs.frozen:
            raise apsw.IOError("the disk is read-only")

    def xWrite(self, data: bytes, offset: int) -> None:
        self._check()
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._check()
        super().xTruncate(newsize)


async def test_while_running(tmp_path: Path) -> None:
    """As after an error of the disk, when the kernel remounts it."""
    vfs = _ReadOnlyVFS(f"read-only-{tmp_path.name}")
    files = FaultyFiles()
    trial = Trial(tmp_path / "data", files, f"read-only-{tmp_path.name}")
    await trial.open()
    stored = {(await trial.put(message(number))).uids[0]: message(number) for number in range(5)}
    vfs.frozen = True
    files.fail = dict.fromkeys(("create", "write", "sync"), errno.EROFS)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await trial.put(message(9))
        with pytest.raises(StoreUnavailable):
            await trial.store.change_flags(trial.inbox, [1], FlagChange.ADD, frozenset({"New"}))
        with pytest.raises(StoreUnavailable):
            await trial.store.create(ALICE, "other")
        assert await trial.read() == stored
    vfs.frozen = False
    files.fail = {}
    stored[(await trial.put(message(10))).uids[0]] = message(10)
    assert await trial.read() == stored
    await trial.store.close()
    assert verify(trial.folder) == []
    vfs.unregister()


async def test_at_the_start(tmp_path: Path) -> None:
    """The start is refused in a sentence; verify still reads everything."""
    mount = shutil.which("mount")
    folder = tmp_path / "small"
    folder.mkdir()
    tmpfs = [str(mount), "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(tmpfs, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs: run the tests as root")
    try:
        trial = Trial(folder / "data")
        await trial.open()
        await trial.put(message(1))
        await trial.store.close()
        subprocess.run([mount, "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(StoreUnavailable, match="cannot write in the data folder"):
            await trial.open()
        assert verify(trial.folder) == []
        subprocess.run([mount, "-o", "remount,rw", str(folder)], check=True)
        await trial.open()
        assert await trial.read() == {1: message(1)}
        await trial.store.close()
    finally:
        subprocess.run(["umount", str(folder)], check=True)
