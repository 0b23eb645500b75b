"""EXTERNAL: the client is who its TLS key says, or asks to act as somebody else.

RFC 4422 §A. The mechanism itself proves nothing: whoever runs it has had the key proved by the handshake.
"""

from __future__ import annotations

from postil.sasl.plain import LONGEST, Malformed


def parse(message: bytes) -> str:
    """The authorization identity, "" for none; Malformed."""
    if len(message) > LONGEST:
        raise Malformed(f"the identity is longer than {LONGEST} octets")
    # RFC 4422 §3.4.1: "The authorization identity string is a sequence of zero or more Unicode [Unicode] characters, excluding the
    # NUL (U+0000) character, representing the identity to act as."
    if b"\0" in message:
        raise Malformed("NUL in the identity")
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
