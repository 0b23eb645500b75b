"""Values as octets of a response: strings in their four forms, flags, dates.

RFC 9051 §4.3 (strings), §9; RFC 3501 §9; RFC 3516 §7 (literal8). Mailbox names are written by `names`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from postil.imap.tokens import ATOM, MONTHS

# RFC 9051 §9: ASTRING-CHAR; a word that is only these needs no quotes, but NIL would be read as nothing.
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_QUOTABLE = re.compile(rb"[\x20-\x7e]*")
# Longer values are literals: some clients read quoted strings into small buffers.
_LONGEST_QUOTED = 1000

# Dates that a four digit year can show; what lies outside is shown as the nearest end.
_FIRST_SECOND = -62135596800  # 1 January of the year 1
_LAST_SECOND = 253402300799  # 31 December 9999


def quoted(octets: bytes) -> bytes:
    """A quoted string; the caller knows that the octets may stand in one."""
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def literal(octets: bytes) -> bytes:
    """A literal; NUL is not allowed in it and must have been dealt with."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def string(octets: bytes, *, utf8: bool = False) -> bytes:
    """A quoted string where it can be one, else a literal."""
    if len(octets) <= _LONGEST_QUOTED and (
        _QUOTABLE.fullmatch(octets) or (utf8 and _quotable_utf8(octets))
    ):
        return quoted(octets)
    return literal(octets)


def nstring(octets: bytes | None, *, utf8: bool = False) -> bytes:
    """A string, or NIL for None."""
    return b"NIL" if octets is None else string(octets, utf8=utf8)


def astring(octets: bytes, *, utf8: bool = False) -> bytes:
    """A bare word where it can be one, else a string."""
    if _ASTRING.fullmatch(octets) and octets.upper() != b"NIL":
        return octets
    return string(octets, utf8=utf8)


def is_atom(octets: bytes) -> bool:
    """May it stand as an atom?"""
    return ATOM.fullmatch(octets) is not None


def flag_list(flags: Iterable[str]) -> bytes:
    """`(\\Seen $Junk)`: system flags first, each group in alphabetical order."""
    return f"({' '.join(sorted(flags, key=lambda flag: (flag[:1] != chr(92), flag)))})".encode(
        "ascii"
    )


def date_time(seconds: int) -> str:
    """Seconds since the epoch as a date-time in UTC, with its quotes."""
    t = time.gmtime(min(max(seconds, _FIRST_SECOND), _LAST_SECOND))
    return (
        f'"{t.tm_mday:2d}-{MONTHS[t.tm_mon - 1]}-{t.tm_year:04d}'
        f' {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} +0000"'
    )


def _quotable_utf8(octets: bytes) -> bool:
    if any(octet in octets for octet in (b"\r", b"\n", b"\0")):
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
