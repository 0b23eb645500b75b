"""INPROGRESS: a word now and then while a command takes long, so that no client thinks we are gone.

RFC 9585. Reported are commands of one long wait: SEARCH, COPY, MOVE, EXPUNGE. FETCH shows by its lines that it lives, IDLE has
its own word. A report is a line of its own: it may come only while the command has no line half written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from postil.ports.stream import StreamClosed

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "INPROGRESS"


class Progress:
    """How far a command is; without a goal nobody knows."""

    def __init__(self) -> None:
        self.done = 0
        self.goal = 0
        self.cancel: Callable[[], None] = lambda: None  # the next report

    def at(self, done: int, goal: int) -> None:
        """So many messages of so many are looked at."""
        self.done = done
        self.goal = goal


@contextmanager
def reported(session: Session) -> Iterator[Progress]:
    """Tell the client every few seconds while the body runs; before the first octet of its answer, and never after."""
    progress = Progress()
    if not session.offers(NAME):
        yield progress
        return
    every, later = session.limits.progress_every, session.settings.later

    def tell() -> None:
        session.write(line(session.tag, progress))
        try:
            session.push()
        except StreamClosed:
            return  # whoever writes the answer hears of it
        progress.cancel = later(every, tell)

    progress.cancel = later(every, tell)
    try:
        yield progress
    finally:
        # RFC 9585 §4: "The response code MUST NOT appear in a tagged response" nor behind one: the timer ends with the command
        progress.cancel()


def line(tag: bytes, progress: Progress) -> bytes:
    """The untagged OK."""
    # RFC 9585 §4: "If the tag is not available or if it contains the "]" character, it MUST be set to NIL."
    name = b"NIL" if b"]" in tag else b'"%b"' % tag
    # RFC 9585 §4: "This is the number that PROGRESS is expected to reach after the completion of the command; therefore, it
    # MUST be greater than PROGRESS."
    if progress.goal > progress.done:
        text = b"Looked at %d of %d messages" % (progress.done, progress.goal)
        return b"* OK [INPROGRESS (%b %d %d)] %b\r\n" % (name, progress.done, progress.goal, text)
    # RFC 9585 §4: "If the PROGRESS is not available, both PROGRESS and GOAL MUST be set to NIL."
    return b"* OK [INPROGRESS (%b NIL NIL)] Still working on it\r\n" % name
