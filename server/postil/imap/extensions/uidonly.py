"""UIDONLY: a client that never counts messages, so nobody has to renumber for it.

RFC 9586. Once enabled, FETCH becomes UIDFETCH (`SelectedView.subject`), EXPUNGE becomes VANISHED, and whatever holds message numbers is
refused. A `*` in a set of uids is no message number but the highest uid, and stays allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postil.imap.errors import Bad

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "UIDONLY"


def refuse_numbers(session: Session) -> None:
    """Bad: what the client has just sent counts messages."""
    if session.uidonly:
        # RFC 9586 §3: "the server MUST return a tagged BAD response if the client uses message sequence numbers. The server
        # MUST include the UIDREQUIRED response code in such BAD responses"
        raise Bad("Message numbers are not allowed once UIDONLY is enabled", "UIDREQUIRED")
