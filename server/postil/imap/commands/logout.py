"""LOGOUT: the polite end.

RFC 9051 §6.1.3, §3.4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """BYE, and the loop ends behind the tagged OK."""
    # RFC 9051 §6.3.1 and §6.4.1: LOGOUT closes the mailbox without an expunge, and nobody reads its news any more
    session.deselect()
    session.ending = True
    # RFC 9051 §6.1.3: "The server MUST send a BYE untagged response before the (tagged) OK response, and then
    # close the network connection."
    yield b"* BYE Logging out\r\n"


COMMANDS = (Spec("LOGOUT", State.ANY, nothing, handle),)
