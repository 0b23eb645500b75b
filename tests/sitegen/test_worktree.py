"""The state of a working tree: equal contents have equal names, whoever looks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from postil_site.worktree import TreeState, tree_state


def git(folder: Path, *arguments: str) -> None:
    """Runs git as somebody."""
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    command = ["git", *identity, *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one commit and a subfolder."""
    git(tmp_path, "init", "-q")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.txt").write_text("".join(f"line {n}\n\n" for n in range(60)))
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_clean(tree: Path) -> None:
    """A tree equal to its commit has no dirty hash; ignored files and touched files change nothing."""
    (tree / "x.log").write_text("ignored")
    (tree / "sub/a.txt").touch()
    state = tree_state(tree)
    assert state.commit is not None
    assert len(state.commit) == 40
    assert state.dirty is None


def test_every_kind_of_change_counts(tree: Path) -> None:
    """Changed, staged, removed, untracked, renamed untracked and executable files all differ."""
    file = tree / "sub/a.txt"
    seen = [tree_state(tree).dirty]
    original = file.read_bytes()
    file.write_bytes(original.replace(b"line 7\n", b"line seven\n"))
    seen.append(tree_state(tree).dirty)
    staged_equal = seen[-1]
    git(tree, "add", ".")
    assert tree_state(tree).dirty == staged_equal  # staged or not, the content is the same
    file.unlink()
    seen.append(tree_state(tree).dirty)
    file.write_bytes(original)
    file.chmod(0o755)
    seen.append(tree_state(tree).dirty)
    file.chmod(0o644)
    (tree / "new").write_bytes(b"\0binary")
    seen.append(tree_state(tree).dirty)
    (tree / "new").rename(tree / "other")
    seen.append(tree_state(tree).dirty)
    (tree / "other").unlink()
    (tree / "link").symlink_to("nowhere")
    seen.append(tree_state(tree).dirty)
    (tree / "link").unlink()
    assert len(set(seen)) == len(seen)
    assert tree_state(tree).dirty is None


def test_same_from_any_folder_and_with_any_settings(tree: Path) -> None:
    """Neither the folder one asks from nor the user's settings change the hash."""
    text = (tree / "sub/a.txt").read_text()
    for number in (7, 12):
        text = text.replace(f"line {number}\n", f"line {number} changed\n")
    (tree / "sub/a.txt").write_text(text)
    before = tree_state(tree)
    for setting in (
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.interHunkContext=9",
        "diff.context=1",
        "diff.suppressBlankEmpty=true",
        "diff.algorithm=patience",
        "diff.relative=true",
        "diff.external=false",
        "color.ui=always",
        "core.abbrev=5",
    ):
        git(tree, "config", *setting.split("="))
        assert tree_state(tree / "sub") == before, setting


def test_without_commit_and_without_git(tmp_path: Path) -> None:
    """A repository without commits has no commit; outside of git nothing is known."""
    assert tree_state(tmp_path) == TreeState(None, None)
    git(tmp_path, "init", "-q")
    assert tree_state(tmp_path) == TreeState(None, None)
    (tmp_path / "a").write_text("a")
    untracked = tree_state(tmp_path)
    git(tmp_path, "add", "a")
    staged = tree_state(tmp_path)
    assert untracked.commit is staged.commit is None
    assert None not in (untracked.dirty, staged.dirty)
