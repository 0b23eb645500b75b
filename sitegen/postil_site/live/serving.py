"""The parts put together: a handler for a board, and a session while files are watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from postil_site.config import load
from postil_site.live.session import Board, Session
from postil_site.live.watch import Batches, observe
from postil_site.live.web import Handler
from postil_site.live.written import Written, there


def handler(board: Board) -> type[Handler]:
    """A handler that tells the news of this board."""
    return type("BoardHandler", (Handler,), {"board": board})


@contextlib.contextmanager
def watching(
    root: Path,
    out: Path,
    board: Board,
    say: Callable[[str], None],
    written: Written | None = None,
) -> Iterator[None]:
    """Renew the pages while files change; where that cannot be watched, it is said, and pages stay as they are."""
    config = load(root.resolve())
    batches = Batches(config.root, frozenset(config.results))
    session = Session(config.root, out, batches, board, say, written)
    try:
        observer = observe(config, batches)
    except OSError as error:
        say(f"files are not watched: {error.strerror or error}")
        yield
        return
    session.start()
    try:
        yield
    finally:
        observer.stop()
        session.end()
        observer.join()


def website(root: Path, out: Path, say: Callable[[str], None]) -> Written | None:
    """The website of a repository, built for the first time; None when it has none."""
    if not there(root):
        return None
    written = Written(root.resolve(), out)
    written.build()
    for told in written.errors.values():
        for line in told.split("\n"):
            say(line)
    return written


__all__ = ["Board", "handler", "watching", "website"]
