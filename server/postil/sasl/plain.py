"""PLAIN: a login name, a password, and perhaps somebody to act as, in one message.

RFC 4616 §2. The mechanism protects nothing: whoever offers it sees to TLS first.
It does not prepare strings (SASLprep): the directory that compares them knows how it stored them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# RFC 4616 §2: "Servers MUST be capable of accepting authzid, authcid, and passwd productions up to
# and including 255 octets." Four times that holds any password manager's phrase; more is an attack on the hash.
LONGEST = 1024


class Malformed(ValueError):
    """The octets are not a message of PLAIN."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the client claims. `authorize` is empty when it wants to be who it logs in as."""

    authorize: str
    login: str
    password: str = field(repr=False)


def parse(message: bytes) -> Credentials:
    """Take the client's only message apart; Malformed when it is not one."""
    # RFC 4616 §2: "message   = [authzid] UTF8NUL authcid UTF8NUL passwd" with exactly two NULs
    fields = message.split(b"\0")
    if len(fields) != 3:
        raise Malformed("expected two NULs")
    if any(len(value) > LONGEST for value in fields):
        raise Malformed(f"a field is longer than {LONGEST} octets")
    try:
        authorize, login, password = (value.decode("utf-8") for value in fields)
    except UnicodeDecodeError:
        # The codec's own error quotes the octets, and a password must not reach a log.
        raise Malformed("not UTF-8") from None
    if not login or not password:
        # RFC 4616 §2: "if preparation fails or results in an empty string, verification SHALL fail."
        raise Malformed("login name and password must not be empty")
    return Credentials(authorize, login, password)
