"""The parts put together: a handler for a board, and a session while files are watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from postil_site.config import load
from postil_site.live.session import Board, Session
from postil_site.live.watch import Batches, observe
from postil_site.live.web import Handler


def handler(board: Board) -> type[Handler]:
    """A handler that tells the news of this board."""
    return type("BoardHandler", (Handler,), {"board": board})


@contextlib.contextmanager
def watching(root: Path, out: Path, board: Board, say: Callable[[str], None]) -> Iterator[None]:
    """Renew the pages while files change; where that cannot be watched, it is said, and pages stay as they are."""
    config = load(root.resolve())
    batches = Batches(config.root, frozenset(config.results))
    session = Session(config.root, out, batches, board, say)
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


__all__ = ["Board", "handler", "watching"]
