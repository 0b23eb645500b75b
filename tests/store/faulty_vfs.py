"""An SQLite file system whose syncs of the write-ahead log fail when told to."""

from __future__ import annotations

from typing import Any

import apsw


class FaultyVFS(apsw.VFS):
    """Passes everything on to the real one; `broken` makes syncs of WAL files fail after the writes are done."""

    def __init__(self, name: str) -> None:
        self.vfs_name = name
        self.broken = False
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, vfs: FaultyVFS, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        self._wal = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__("", name, flags)

    def xSync(self, flags: int) -> None:
        if self._wal and self._vfs.broken:
            raise apsw.IOError("the test broke the disk")
        super().xSync(flags)
