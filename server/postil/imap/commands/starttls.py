"""STARTTLS: everything said so far in plaintext is forgotten.

RFC 9051 §6.2.1, §11.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing
from postil.imap.errors import Bad, No

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """The tagged OK, then the handshake."""
    if session.stream.peer.tls is not None:
        # RFC 9051 §6.2.1: "The server MUST always respond with a tagged BAD response when the STARTTLS command
        # is received on an Implicit TLS port."
        raise Bad("TLS is already active")
    if not session.stream.can_start_tls:
        raise No("No certificate is configured", "UNAVAILABLE")

    async def upgrade() -> None:
        # RFC 9051 §6.2.1: "Extra data from the TCP buffer is thrown away." Else a command injected in plaintext
        # would run as if TLS had protected it
        session.reader.forget()
        await session.stream.start_tls()
        session.event("tls", version=session.stream.peer.tls)

    session.after_reply = upgrade
    yield Done("Begin TLS negotiation now")


COMMANDS = (Spec("STARTTLS", State.NOT_AUTHENTICATED, nothing, handle),)
