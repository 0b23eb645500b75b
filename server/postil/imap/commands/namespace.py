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
    # RFC 2342 §2: "If an INBOX exists for a user, it MUST appear within the user's personal namespace."
    # RFC 2342 §2: "In the typical case, there SHOULD be only one Personal Namespace on a server."
    yield b'* NAMESPACE (("" "/")) NIL NIL\r\n'


COMMANDS = (Spec("NAMESPACE", State.LOGGED_IN, nothing, handle, capability="NAMESPACE"),)
