"""Small files: whole, private, and on the disk before anybody is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from postil.base.durable import write_private


def test_synced_before_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The octets are on the disk before the name points to them, the name before anybody is told."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_private(tmp_path / "x", b"octets")
    assert steps == ["file", "rename", "folder"]


def test_private_and_alone(tmp_path: Path) -> None:
    """Nobody else reads it, whatever the umask; what was there is replaced, and nothing is left beside it."""
    before = os.umask(0)
    try:
        write_private(tmp_path / "x", b"one")
        write_private(tmp_path / "x", b"two")
    finally:
        os.umask(before)
    (only,) = tmp_path.iterdir()
    assert only.read_bytes() == b"two" and stat.S_IMODE(only.stat().st_mode) == 0o600


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full takes nothing away."""
    write_private(tmp_path / "x", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "x", b"new")
    (only,) = tmp_path.iterdir()
    assert only.read_bytes() == b"old"
