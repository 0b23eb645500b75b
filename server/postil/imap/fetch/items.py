"""The items FETCH can ask for, and those that need no body: UID, FLAGS, dates, sizes, ENVELOPE, BODYSTRUCTURE.

RFC 9051 §6.4.5, §7.5.2; RFC 3501 §6.4.5. `sections.py` and extensions add items of their own: an item is whatever
has these attributes; `PARSERS` says which word of the client makes it.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from postil.imap import encode
from postil.imap.tokens import Tokens
from postil.message import structure

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message


class Needs(enum.IntEnum):
    """How deep an item must look."""

    PICTURE = 0  # the arrays in memory
    DETAILS = 1  # a row of the index
    BODY = 2  # the octets


@dataclass(frozen=True, slots=True)
class Slices:
    """A value too big to hold: a literal whose octets come while they are sent."""

    size: int
    pieces: AsyncIterator[bytes]
    binary: bool = False  # literal8

    @property
    def header(self) -> bytes:
        """`{n}` or `~{n}` with its CRLF."""
        return b"%b{%d}\r\n" % (b"~" if self.binary else b"", self.size)


Value: TypeAlias = bytes | Slices


class Item(Protocol):
    """One thing the client wants to know of each message."""

    @property
    def label(self) -> bytes:
        """The name in the response."""
        ...

    @property
    def needs(self) -> Needs: ...

    @property
    def sets_seen(self) -> bool:
        """Does asking for it mark the message as read?"""
        ...

    async def answer(self, message: Message) -> Value:
        """What stands behind the label. Whatever can be refused is refused here, before a line begins."""
        ...


@dataclass(frozen=True, slots=True)
class Attribute:
    """An item without arguments that never marks a message as read."""

    label: bytes
    needs: Needs
    read: Callable[[Message], Awaitable[bytes]]
    sets_seen: bool = False

    async def answer(self, message: Message) -> Value:
        """What `read` gives."""
        return await self.read(message)


async def _uid(message: Message) -> bytes:
    return b"%d" % message.uid


async def _flags(message: Message) -> bytes:
    return f"({message.flags})".encode("ascii")


async def _internal_date(message: Message) -> bytes:
    return encode.date_time(message.generation.dates[message.position]).encode("ascii")


async def _size(message: Message) -> bytes:
    return b"%d" % message.size


async def _modseq(message: Message) -> bytes:
    # RFC 7162 §3.1.4.2: MODSEQ ( <permsg-modsequence> )
    return b"(%d)" % message.generation.modseqs[message.position]


async def _envelope(message: Message) -> bytes:
    details = await message.details()
    if details.plain:
        return details.envelope
    return structure.envelope(await message.root(), utf8=message.utf8)


async def _bodystructure(message: Message) -> bytes:
    details = await message.details()
    if details.plain:
        return details.bodystructure
    return structure.bodystructure(await message.root(), utf8=message.utf8)


async def _body(message: Message) -> bytes:
    # RFC 9051 §7.5.2: "Extension data follows the multipart subtype. Extension data is never
    # returned with the BODY fetch"
    return structure.bodystructure(await message.root(), utf8=message.utf8, extended=False)


UID: Final = Attribute(b"UID", Needs.PICTURE, _uid)
FLAGS: Final = Attribute(b"FLAGS", Needs.PICTURE, _flags)
INTERNALDATE: Final = Attribute(b"INTERNALDATE", Needs.PICTURE, _internal_date)
SIZE: Final = Attribute(b"RFC822.SIZE", Needs.PICTURE, _size)
MODSEQ: Final = Attribute(
    b"MODSEQ", Needs.PICTURE, _modseq
)  # RFC 7162; asked for through `condstore`
ENVELOPE: Final = Attribute(b"ENVELOPE", Needs.DETAILS, _envelope)
BODYSTRUCTURE: Final = Attribute(b"BODYSTRUCTURE", Needs.DETAILS, _bodystructure)
BODY: Final = Attribute(b"BODY", Needs.BODY, _body)

MACROS: Final[Mapping[str, tuple[Item, ...]]] = {
    # RFC 9051 §6.4.5: "Macro equivalent to: (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
    "ALL": (FLAGS, INTERNALDATE, SIZE, ENVELOPE),
    # RFC 9051 §6.4.5: "Macro equivalent to: (FLAGS INTERNALDATE RFC822.SIZE)"
    "FAST": (FLAGS, INTERNALDATE, SIZE),
    # RFC 9051 §6.4.5: "Macro equivalent to: (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)"
    "FULL": (FLAGS, INTERNALDATE, SIZE, ENVELOPE, BODY),
}

# The word in front, and who reads what follows it.
Parser: TypeAlias = Callable[[str, Tokens], Item]


def _constant(item: Item) -> Parser:
    return lambda name, tokens: item


PARSERS: Final[Mapping[str, Parser]] = {
    item.label.decode("ascii"): _constant(item)
    for item in (UID, FLAGS, INTERNALDATE, SIZE, ENVELOPE, BODYSTRUCTURE)
}
