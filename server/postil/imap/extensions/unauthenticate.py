"""UNAUTHENTICATE: back to before the login, on the same connection.

RFC 8437. Everything is reset but TLS and what ID told (§3). There is no NO: what cannot be reset would end the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def handle(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Forget who it was."""
    # RFC 8437 §3: "If a mailbox was selected, the mailbox ceases to be selected, but no expunge event is generated."
    # RFC 8437 §4.1: "The connection state for the following list of IMAP extensions MUST be reset if both a) the specified
    # extension is advertised and b) the UNAUTHENTICATE command is advertised and used."
    session.log_out()
    if session.stream.compressed:

        async def end() -> None:
            # RFC 8437 §4.1: "If IMAP COMPRESS [RFC4978] is active, the server terminates its outgoing compression layer after
            # it sends the CRLF following the OK response." What the reader holds was decoded as if it were compressed
            session.stream.uncompress(len(session.reader.take()))

        session.after_reply = end
    yield Done("Log in again")


COMMANDS = (Spec("UNAUTHENTICATE", State.LOGGED_IN, nothing, handle, capability="UNAUTHENTICATE"),)
