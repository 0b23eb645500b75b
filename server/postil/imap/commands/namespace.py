"""NAMESPACE: one personal namespace without a prefix.

RFC 9051 §6.3.10, §7.3.2; RFC 2342. Mailboxes of other users come with sharing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Always the same line."""
    # RFC 9051 §6.3.10: "The response will contain a NIL for any namespace class that is not available."
    yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'


COMMANDS = (Spec("NAMESPACE", State.LOGGED_IN, nothing, handle, capability="NAMESPACE"),)
