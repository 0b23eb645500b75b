"""IDLE: the client waits, the server tells what happens as it happens.

RFC 9051 §6.3.13; RFC 2177. The store's change feed wakes the stream; the truth is in the view. A mailbox that gets busy is told of once
per turn of the loop, not once per change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing
from postil.imap.errors import Bad
from postil.imap.wire import Woken
from postil.ports.stream import StreamClosed, StreamTimeout

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Tell until DONE."""
    session.idling = True
    try:
        # RFC 9051 §6.3.13: "The server requests a response to the IDLE command using the continuation ('+') response."
        session.write(b"+ idling\r\n")
        while True:
            # RFC 9051 §6.3.13: "as long as an IDLE command is active, the server is now free to send untagged EXISTS,
            # EXPUNGE, FETCH, and other responses at any time"
            await session.news.tell(expunges=True)
            await session.flush()
            line = await _line(session)
            # RFC 2177 §3: "and then MUST immediately send the tagged response to the IDLE command and prepare to process
            # other commands."
            if line is not None:
                break
    finally:
        session.idling = False
    if line.upper() != b"DONE":
        raise Bad("expected DONE")
    yield Done("IDLE terminated")


async def _line(session: Session) -> bytes | None:
    """What the client says, or None when there may be news."""
    try:
        line = await session.reader.line_or_wake(session.limits.still_here)
    except StreamTimeout:
        # A word now and then keeps the mappings of NAT routers alive, and finds out who is gone.
        session.write(b"* OK Still here\r\n")
        return None
    if line is None:
        raise StreamClosed
    return None if isinstance(line, Woken) else line


COMMANDS = (Spec("IDLE", State.LOGGED_IN, nothing, handle, capability="IDLE"),)
