"""Values as octets of a response: strings in their four forms, flags, dates.

RFC 9051 §4.3 (strings), §9; RFC 3501 §9; RFC 3516 §7 (literal8). Mailbox names are written by `names`.
"""

from __future__ import annotations

import functools
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


@functools.lru_cache(maxsize=4096)
def _day(number: int) -> str:
    """`17-Jul-1996` for days since the epoch; a mailbox has few days and many messages."""
    t = time.gmtime(number * 86400)
    return f"{t.tm_mday:2d}-{MONTHS[t.tm_mon - 1]}-{t.tm_year:04d}"


_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(24 * 60))
_SECONDS = tuple(f"{second:02d}" for second in range(60))


def date_time(seconds: int) -> str:
    """Seconds since the epoch as a date-time in UTC, with its quotes."""
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        seconds = _FIRST_SECOND if seconds < 0 else _LAST_SECOND
    day, rest = divmod(seconds, 86400)
    minute, second = divmod(rest, 60)
    return f'"{_day(day)} {_MINUTES[minute]}:{_SECONDS[second]} +0000"'


def _quotable_utf8(octets: bytes) -> bool:
    if any(octet in octets for octet in (b"\r", b"\n", b"\0")):
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
