"""CAPABILITY: what this client may use now.

RFC 9051 §6.1.1, §7.2.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap import capabilities
from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """One untagged CAPABILITY."""
    # RFC 9051 §6.1.1: "The server MUST send a single untagged CAPABILITY response with 'IMAP4rev2' as one of
    # the listed capabilities before the (tagged) OK response."
    yield f"* {capabilities.line(session)}\r\n".encode("ascii")


COMMANDS = (Spec("CAPABILITY", State.ANY, nothing, handle),)
