"""Mailbox names between the wire and the store: modified UTF-7 or UTF-8 outside, NFC text inside.

RFC 9051 §5.1 (names), Appendix A.1 and RFC 3501 §5.1.3 (modified UTF-7), RFC 5198 §2 (Net-Unicode).
The spelling on the wire depends on what the client enabled; which names may be created does not. What a
name means (does it exist?) is the store's business.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from postil.base import utf7
from postil.imap import limits
from postil.imap.errors import Bad, No

DELIMITER: Final = "/"
INBOX: Final = "INBOX"

_ATOM: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/+=&@!#$',;<>?^`|~"
)


def read(raw: bytes, utf8: bool) -> str:
    """The name behind the octets of an argument; a trailing delimiter is gone, INBOX is in capitals.

    `No` where the octets are no name at all, `Bad` where they are not even text.
    """
    return canonical(decode(raw, utf8))


def decode(raw: bytes, utf8: bool) -> str:
    """The text of the octets as the client's encoding has it, nothing normalised."""
    if utf8:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            # RFC 9755 §3: the client promised UTF-8
            raise Bad("mailbox name is not valid UTF-8") from None
    try:
        return utf7.decode(raw)
    except utf7.BadName as error:
        raise No(f"not a name in modified UTF-7: {error}", "CANNOT") from None


def canonical(text: str) -> str:
    """NFC, INBOX in capitals wherever it is the first level, no trailing delimiter."""
    # RFC 9051 §5.1: "Servers that choose to accept such denormalized UTF-8 mailbox names MUST
    # accept them in all IMAP commands that have a mailbox name parameter." So all come through here
    name = text if text.isascii() else unicodedata.normalize("NFC", text)
    if len(name) > 1 and name.endswith(DELIMITER):
        name = name[:-1]
    first, delimiter, rest = name.partition(DELIMITER)
    # RFC 9051 §9: every spelling of INBOX in capitals and small letters means INBOX
    if len(first) == len(INBOX) and first.upper() == INBOX:
        return INBOX + delimiter + rest
    return name


def write(name: str, utf8: bool) -> bytes:
    """The name as an astring of a response."""
    # RFC 9051 Appendix A: "Servers advertising both IMAP4rev1 and IMAP4rev2 MUST NOT generate
    # UTF-8-quoted strings unless the client has issued 'ENABLE IMAP4rev2'."
    return quote(name.encode("utf-8") if utf8 else utf7.encode(name))


def is_denormalized(raw: bytes, utf8: bool) -> bool:
    """Did the client spell a name otherwise than we give it back (RFC 9051 §6.3.9.7)?"""
    text = decode(raw, utf8)
    return not text.isascii() and unicodedata.normalize("NFC", text) != text


def quote(octets: bytes) -> bytes:
    """Octets of a name as an atom where they allow it, else as a quoted string."""
    if octets and _ATOM.issuperset(octets) and octets.upper() != b"NIL":
        return octets
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def check_new(name: str) -> None:
    """May a mailbox get this name? `No [CANNOT]` or `No [LIMIT]` with the reason otherwise."""
    if len(name.encode("utf-8", "surrogatepass")) > limits.NAME_OCTETS:
        raise No(f"name is longer than {limits.NAME_OCTETS} octets", "LIMIT")
    levels = name.split(DELIMITER)
    if len(levels) > limits.LEVELS:
        raise No(f"name has more than {limits.LEVELS} levels", "LIMIT")
    for level in levels:
        if not level:
            raise No("a level of the name is empty", "CANNOT")
        if len(level.encode("utf-8", "surrogatepass")) > limits.LEVEL_OCTETS:
            raise No(f"a level of the name is longer than {limits.LEVEL_OCTETS} octets", "LIMIT")
    for character in name:
        _check_character(character)


def _check_character(character: str) -> None:
    """RFC 5198 §2: what Net-Unicode forbids, and what no user interface can show."""
    kind = unicodedata.category(character)
    # RFC 9051 §5.1: "Servers MAY refuse to create mailbox names containing Unicode CTL characters."
    if kind in ("Cc", "Zl", "Zp"):
        raise No("name holds a control character", "CANNOT")
    # RFC 9051 §5.1: "Server implementations MUST prohibit the creation of 8-bit mailbox names that do
    # not comply with Net-Unicode."
    if kind in ("Cn", "Cs") or character == "\ufeff":
        raise No("name holds a character that is not in Net-Unicode (RFC 5198)", "CANNOT")
