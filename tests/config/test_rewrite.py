"""A file that is replaced: whole at every moment, with its mode, and nobody's change is lost."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from postil.config import rewrite as module
from postil.config.rewrite import CannotWrite, rewrite


@pytest.fixture
def like(tmp_path: Path) -> Path:
    path = tmp_path / "postil.toml"
    path.write_text("")
    path.chmod(0o640)
    return path


def test_new_and_changed(tmp_path: Path, like: Path) -> None:
    """A new file is like its neighbour, a changed one keeps its mode, the same text is no change; nothing else is left behind."""
    path = tmp_path / "f"
    assert rewrite(path, lambda text: text + "one\n", like=like)
    assert path.stat().st_mode & 0o7777 == 0o640
    path.chmod(0o604)
    inode = path.stat().st_ino
    assert not rewrite(path, lambda text: text, like=like)
    assert path.stat().st_ino == inode
    assert rewrite(path, lambda text: text + "zwö\n", like=like)
    assert path.read_text("utf-8") == "one\nzwö\n" and path.stat().st_mode & 0o7777 == 0o604
    assert {one.name for one in tmp_path.iterdir()} == {"f", ".f.lock", "postil.toml"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_stays(tmp_path: Path, like: Path) -> None:
    """Root changes a file of the server's user, and it is still that user's; a new one belongs to whom its neighbour does."""
    os.chown(like, 12345, 12346)
    path = tmp_path / "f"
    rewrite(path, lambda _: "one", like=like)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
    os.chown(path, 23456, 23457)
    rewrite(path, lambda _: "two", like=like)
    assert (path.stat().st_uid, path.stat().st_gid) == (23456, 23457)


def test_a_link_stays_one(tmp_path: Path, like: Path) -> None:
    """Where the name is a link, what it leads to changes."""
    (tmp_path / "real").mkdir()
    (tmp_path / "f").symlink_to("real/g")
    (tmp_path / "real" / "g").write_text("one")
    rewrite(tmp_path / "f", lambda _: "two", like=like)
    assert (tmp_path / "f").is_symlink() and (tmp_path / "real" / "g").read_text() == "two"


def test_what_a_person_writes_meanwhile(tmp_path: Path, like: Path) -> None:
    """An edit by hand between reading and writing is noticed; the change is made again on what the person wrote."""
    path = tmp_path / "f"
    path.write_text("old\n")
    seen: list[str] = []

    def change(text: str) -> str:
        seen.append(text)
        if len(seen) == 1:
            path.write_text("by hand\n")
        return text + "ours\n"

    assert rewrite(path, change, like=like)
    assert seen == ["old\n", "by hand\n"] and path.read_text() == "by hand\nours\n"

    def hopeless(text: str) -> str:
        path.write_text(text + "x")
        return text + "ours\n"

    with pytest.raises(CannotWrite, match="keeps changing"):
        rewrite(path, hopeless, like=like)
    assert path.read_text() == "by hand\nours\n" + "x" * module.AGAIN
    assert not list(tmp_path.glob("*.new"))


def test_what_cannot_be_written(
    tmp_path: Path, like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not there, a disk that is full, a change that raises: one sentence or its own error, and the old file."""
    with pytest.raises(CannotWrite, match="No such file"):
        rewrite(tmp_path / "none" / "f", lambda _: "x", like=like)
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        rewrite(path, lambda _: str(1 // 0), like=like)

    def full(fd: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left"):
        rewrite(path, lambda _: "new", like=like)
    assert path.read_text() == "old"
    assert {one.name for one in tmp_path.iterdir()} == {"f", ".f.lock", "postil.toml"}


def test_synced_before_it_counts(
    tmp_path: Path, like: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content is on the disk before the name leads to it, and the name before the command ends."""
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(fd: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "file")
        sync(fd)

    def replaced(old: str, new: Path) -> None:
        steps.append("replace")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    rewrite(tmp_path / "f", lambda _: "new", like=like)
    assert steps == ["file", "replace", "folder"]


def test_killed_between_writing_and_replacing(tmp_path: Path, like: Path) -> None:
    """The old file is there, whole; the next command works and takes away what was left."""
    path = tmp_path / "f"
    path.write_text("old\n")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom postil.config.rewrite import rewrite\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "rewrite(Path(sys.argv[1]), lambda text: text + 'new', like=Path(sys.argv[2]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(like)], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old\n" and len(list(tmp_path.glob(".f.*.new"))) == 1
    assert rewrite(path, lambda text: text + "next\n", like=like)
    assert path.read_text() == "old\nnext\n" and not list(tmp_path.glob(".f.*.new"))


def test_one_that_never_ends(tmp_path: Path, like: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a command that hangs, the next one gives up with a sentence."""
    monkeypatch.setattr(module, "WAIT", 0.05)
    with (tmp_path / ".f.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(CannotWrite, match="another command has been changing"):
            rewrite(tmp_path / "f", lambda _: "x", like=like)
