"""Several processes make the pages that one makes, and the pages are no heavier than they may be."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tools.bench import site

from postil_site.pages import pool

LINES = 12_000
RFCS = 30


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_same_pages(shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Octet for octet, the marker of the folder too; and a ratio to the sources that the marks allow."""
    mirror = shared_dir / "rfc" / "txt"
    monkeypatch.setenv("RFC_MIRROR", str(mirror))
    root = tmp_path / "corpus"
    root.mkdir()
    lines, rfcs = site.corpus(root, mirror, LINES, RFCS)
    assert lines >= LINES
    assert rfcs == RFCS
    outs = []
    for jobs in (1, 3):
        outs.append(tmp_path / f"out{jobs}")
        # A process of its own: this one has threads, and then nothing is forked.
        script = f"from pathlib import Path; from postil_site.pages import build; build.build(Path({str(root)!r}), Path({str(outs[-1])!r}), jobs={jobs})"
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / f"cache{jobs}")}
        subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, check=True)
    assert _digests(outs[0]) == _digests(outs[1])
    assert site.ratio(root, outs[0], mirror) <= site.MARKS["ratio"]


def test_order_and_processes() -> None:
    """Results come in the order of the items, from other processes; a fault there is one here."""
    script = """
import os
from postil_site.pages import pool
found = list(pool.each(lambda item: (item * 2, os.getpid()), range(100), 2))
assert [value for value, _ in found] == list(range(0, 200, 2))
assert os.getpid() not in {process for _, process in found}
try:
    list(pool.each(lambda item: 1 // (item - 50), range(100), 2))
except ZeroDivisionError:
    print("as it should be")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "as it should be\n"


def test_here_when_it_does_not_pay() -> None:
    """A few items, one process, or threads beside: everything is done here."""
    own = {os.getpid()}
    assert {process for _, process in _processes(pool.ENOUGH - 1, 2)} == own
    assert {process for _, process in _processes(100, 1)} == own
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert {process for _, process in _processes(100, 2)} == own
    finally:
        ended.set()
        thread.join()


def _processes(count: int, jobs: int) -> list[tuple[int, int]]:
    return list(pool.each(lambda item: (item, os.getpid()), range(count), jobs))
