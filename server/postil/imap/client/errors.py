"""What can be wrong: the server's octets, or what we were asked to send.

RFC 9051 §9 says what either side may write.
"""

from __future__ import annotations


class ProtocolViolation(Exception):
    """The server sent what the protocol does not allow; the connection is of no more use."""


class Unsendable(ValueError):
    """A command holds what cannot be written in IMAP; nothing of it was sent."""
