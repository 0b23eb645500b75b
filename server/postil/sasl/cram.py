"""CRAM-MD5: the server sends a text, the client an HMAC-MD5 of it under the password.

RFC 2195 §2; RFC 2104 §4 for the contexts. It is off unless the configuration says otherwise, and then good for passwords that were made
for it and for nothing else. Why: the server must keep something that is as good as the password for this mechanism; the client does not learn
who the server is; nothing is bound to the TLS connection; who has listened can guess passwords at leisure. SCRAM is better in each of these.

What is kept is the two states of MD5 after the block made of the password: what they were made from cannot be read back.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from postil.sasl import md5
from postil.sasl.plain import LONGEST, Malformed

CONTEXTS: Final = 32  # octets of both states
_DIGEST: Final = re.compile(rb"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Response:
    """What the client claims."""

    login: str
    digest: bytes = field(repr=False)


def challenge(number: int, now: float, host: str) -> bytes:
    """The text to be answered, never the same twice."""
    # RFC 2195 §2: "The data encoded in the first ready response contains an presumptively arbitrary string of random digits, a
    # timestamp, and the fully-qualified primary host name of the server."
    # RFC 2195 §2: "The syntax of the unencoded form must correspond to that of an RFC 822 'msg-id'"
    return f"<{number}.{int(now)}@{host}>".encode("ascii")


def parse(message: bytes) -> Response:
    """Take the client's only message apart; Malformed."""
    # RFC 2195 §2: "a string consisting of the user name, a space, and a 'digest'." A name may hold spaces itself
    name, space, digest = message.rpartition(b" ")
    if not space or not name or len(name) > LONGEST:
        raise Malformed("expected a name, a space and a digest")
    # RFC 2195 §2: "a 16-octet value which is sent in hexadecimal format, using lower-case ASCII characters."
    if _DIGEST.fullmatch(digest) is None:
        raise Malformed("the digest is not 32 hexadecimal digits in lower case")
    try:
        return Response(name.decode("utf-8"), digest)
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None


def contexts(secret: bytes) -> bytes:
    """What a server keeps of a password, 32 octets."""
    # RFC 2195 §2: "If the shared secret is longer than 64 bytes, the MD5 digest of the shared secret is used as a 16 byte input"
    if len(secret) > md5.BLOCK:
        secret = hashlib.md5(secret, usedforsecurity=False).digest()
    block = secret.ljust(md5.BLOCK, b"\0")
    pads = (bytes(octet ^ pad for octet in block) for pad in (0x36, 0x5C))  # RFC 2104 §2
    return b"".join(md5.pack(md5.compress(md5.START, pad)) for pad in pads)


def digest(kept: bytes, text: bytes) -> bytes:
    """What a client that has the password answers."""
    inner = md5.finish(md5.unpack(kept[:16]), 1, text)
    return md5.finish(md5.unpack(kept[16:]), 1, inner).hex().encode("ascii")
