"""Changes of files are gathered into batches: what git does in one command is one."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from postil_site.live.watch import Batches


def test_git_at_work(tmp_path: Path) -> None:
    """While git holds its lock nothing is handed out, however long it rests; then everything at once. Built folders are left out."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    batches = Batches(tmp_path)
    taken: list[frozenset[str]] = []
    taking = threading.Thread(target=lambda: taken.append(batches.take()))
    taking.start()
    batches.add(str(tmp_path / "a.py"))
    batches.add(str(tmp_path / "node_modules" / "x.js"))
    taking.join(0.3)  # thirty times what ends a save
    assert taken == []
    batches.add(str(tmp_path / "sub" / "b.py"))
    lock.unlink()
    taking.join(30)
    assert taken == [frozenset({"a.py", "sub/b.py"})]


def test_the_end(tmp_path: Path) -> None:
    """Whoever waits is let go."""
    batches = Batches(tmp_path)
    batches.end()
    assert batches.take() == frozenset()
