"""APPENDLIMIT: how large a message may be, told before it is sent.

RFC 7889. One limit for all mailboxes, without quota, which RFC 7889 §3.3 keeps apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "APPENDLIMIT"


def limit(session: Session) -> str:
    """Octets, for CAPABILITY and STATUS."""
    return str(session.limits.largest_message)
