"""NOOP, which asks for news, and CHECK, which has nothing to check here.

RFC 9051 §6.1.2; RFC 3501 §6.4.1 (CHECK, for clients of IMAP4rev1). The news come from the session, as after every command.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Nothing of its own."""
    # RFC 3501 §6.4.1: "If a server implementation has no such housekeeping considerations, CHECK is
    # equivalent to NOOP."
    yield Done(f"{session.command} completed")


COMMANDS = (
    Spec("NOOP", State.ANY, nothing, handle),
    Spec("CHECK", State.SELECTED, nothing, handle),
)
