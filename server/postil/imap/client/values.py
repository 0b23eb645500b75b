"""Values that several responses share: names of mailboxes, dates, and lists of what is not known.

RFC 9051 §5.1 (names), §9 (date-time, tagged-ext-val); RFC 3501 §5.1.3 (modified UTF-7).
"""

from __future__ import annotations

import datetime
import re
from typing import TypeAlias

from postil.base import utf7
from postil.imap.client import limits
from postil.imap.client.words import Words
from postil.imap.tokens import MONTHS

# What an item that is not known may be: an atom or string, NIL, or a list of such.
Value: TypeAlias = "bytes | tuple[Value, ...] | None"

_DATE_TIME = re.compile(
    rb" ?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-][0-9]{2})([0-9]{2})"
)
_MONTH = {name.upper().encode("ascii"): number for number, name in enumerate(MONTHS, 1)}


def mailbox(words: Words) -> str:
    """A mailbox's name."""
    return name(words.astring(), words.utf8)


def name(wire: bytes, utf8: bool) -> str:
    """The name behind the octets; what is no modified UTF-7 is taken for UTF-8 as it stands."""
    if wire.upper() == b"INBOX":
        # RFC 9051 §5.1: "The case-insensitive mailbox name INBOX is a special name reserved to mean "the primary mailbox for this
        # user on this server"."
        return "INBOX"
    if not utf8:
        try:
            return utf7.decode(wire)
        except utf7.BadName:
            pass
    return wire.decode("utf-8", "surrogateescape")


def text(octets: bytes) -> str:
    """Text for people."""
    return octets.decode("utf-8", "replace")


def flags(words: Words) -> tuple[str, ...]:
    """`(\\Seen $Junk)`"""
    return words.list_of(words.flag)


def date_time(words: Words) -> datetime.datetime:
    """`"17-Jul-1996 02:44:25 -0700"`, with its zone."""
    start = words.at
    match = _DATE_TIME.fullmatch(words.string())
    try:
        if match is None:
            raise ValueError
        day, month, year, hour, minute, second, zone, zone_minutes = match.groups()
        offset = datetime.timedelta(
            minutes=int(zone[1:]) * 60 + int(zone_minutes),
        )
        return datetime.datetime(
            int(year), _MONTH[month.upper()], int(day), int(hour), int(minute),
            min(int(second), 59), tzinfo=datetime.timezone(-offset if zone[:1] == b"-" else offset),
        )  # fmt: skip
    except (KeyError, ValueError):
        words.at = start
        words.fail("a date-time")


def value(words: Words, depth: int = 0) -> Value:
    """One value of any form."""
    if depth > limits.DEPTH:
        words.fail(f"lists nested less than {limits.DEPTH} deep")
    if words.peek() == b"(":
        return words.list_of(lambda: value(words, depth + 1))
    return words.nstring()
