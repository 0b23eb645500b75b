"""A version is built in a folder of its own beside the published one and takes its place by renaming; equal files of versions are one file.

The folder begins as hard links to the version it replaces (or to the newest other one), so that a build writes only what changed. The builder never
writes into a file that is there, it replaces it: the published version keeps its octets until the exchange.
"""

from __future__ import annotations

import contextlib
import fcntl
import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

LOCK = ".publish.lock"


class Busy(RuntimeError):
    """Another publication is at work in the folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One publication at a time; what an interrupted one left is put right first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"another sitegen publish is at work in {folder}") from error
        _recover(folder)
        yield


def _recover(folder: Path) -> None:
    for left in folder.glob(".*.old"):
        name = left.name[1:-4]
        if not (folder / name).exists():
            left.rename(
                folder / name
            )  # stopped between the two renames: the version is still whole
        else:
            shutil.rmtree(left)
    for left in folder.glob(".*.new"):
        shutil.rmtree(left)


def begin(folder: Path, name: str, like: str | None) -> Path:
    """The folder to build in; `like` is the version whose files it begins with."""
    new = folder / f".{name}.new"
    if like is not None and (folder / like).is_dir():
        shutil.copytree(folder / like, new, copy_function=_link)
    return new


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links, or too many of them
        shutil.copyfile(source, target)


def exchange(folder: Path, name: str) -> None:
    """Put the built version in its place."""
    new, old = folder / f".{name}.new", folder / f".{name}.old"
    if (folder / name).exists():
        (folder / name).rename(old)
    new.rename(folder / name)
    shutil.rmtree(old, ignore_errors=True)


def share(folder: Path, name: str, others: list[str]) -> int:
    """Make files of a version that equal those of another one hard links to them; how many were made."""
    made = 0
    own = folder / name
    for file in sorted(own.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        for other in others:
            twin = folder / other / file.relative_to(own)
            if _same(file, twin):
                made += _replace(file, twin)
                break
    return made


def _same(file: Path, twin: Path) -> bool:
    try:
        one, two = file.stat(), twin.stat()
    except OSError:
        return False
    if (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino):
        return True
    return one.st_size == two.st_size and filecmp.cmp(file, twin, shallow=False)


def _replace(file: Path, twin: Path) -> int:
    if file.stat().st_ino == twin.stat().st_ino:
        return 0
    part = file.with_name(file.name[:200] + ".link")
    try:
        os.link(twin, part)
    except OSError:
        return 0
    part.replace(file)
    return 1
