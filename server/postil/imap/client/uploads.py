"""Commands that carry messages: APPEND with one or more, REPLACE.

RFC 9051 §6.3.12; RFC 3502 §6.3.11 (MULTIAPPEND), RFC 8508 §3, RFC 3516 §4.4 (literal8).
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass, field

from postil.imap.client import compose
from postil.imap.client.compose import Argument, Command, MailboxName, Upload
from postil.imap.client.errors import Unsendable
from postil.imap.client.responses import Status
from postil.imap.tokens import MONTHS


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be put into a mailbox: octets, or pieces of them with their size together."""

    octets: bytes | Iterable[bytes] | AsyncIterable[bytes] = field(repr=False)
    flags: tuple[str, ...] = ()
    date: datetime.datetime | None = None  # with a zone
    size: int | None = None  # of what comes in pieces
    binary: bool = False  # NUL and parts without transfer encoding in it: a literal8


def append(name: str, messages: Sequence[Message]) -> Command:
    """APPEND; several messages are one transaction."""
    if not messages:
        raise Unsendable("APPEND without a message")
    out: list[Argument] = [b" ", MailboxName(name)]
    for message in messages:
        out += _message(message)
    return Command("APPEND", tuple(out))


def replace(number: int | str, name: str, message: Message, *, uid: bool = True) -> Command:
    """REPLACE or UID REPLACE of one message; `*` is the last."""
    if number != "*" and (isinstance(number, str) or number < 1):
        raise Unsendable(f"{number!r} is not one message")
    arguments = (f" {number} ".encode("ascii"), MailboxName(name), *_message(message))
    # RFC 8508 §4.3: APPENDUID comes in an untagged OK
    return Command(
        "UID REPLACE" if uid else "REPLACE", arguments, claims=(Status,), by_number=not uid
    )


def _message(message: Message) -> list[Argument]:
    """`(flags) "date" {n}` with a space before each."""
    out: list[Argument] = []
    if message.flags:
        out.append(b" (%b)" % compose.words(message.flags))
    if message.date is not None:
        out.append(b' "%b"' % date_time(message.date))
    size = message.size
    if size is None:
        if not isinstance(message.octets, bytes):
            raise Unsendable("a message in pieces needs its size")
        size = len(message.octets)
    return [*out, b" ", Upload(size, message.octets, message.binary)]


def date_time(moment: datetime.datetime) -> bytes:
    """`17-Jul-1996 02:44:25 -0700`"""
    offset = moment.utcoffset()
    if offset is None:
        raise Unsendable("a date without a zone")
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return (
        f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year:04d} "
        f"{moment:%H:%M:%S} {sign}{hours:02d}{rest:02d}"
    ).encode("ascii")
