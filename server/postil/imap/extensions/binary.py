"""BINARY: parts without their content transfer encoding, and NULs that survive.

RFC 3516 §4; RFC 9051 §6.4.5, §7.5.2 (which took the FETCH items in). APPEND of a literal8 is in `commands/append.py`.

A message is kept as it came, so BODYSTRUCTURE calls a part BINARY when its header does, and BODY[…] shows its NULs as 0x80.

The size of a literal stands before its octets, so a part is decoded twice, once for the size, in slices both times: nothing here
grows with the part. Small parts are decoded once and kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import encode, limits
from postil.imap.errors import No
from postil.imap.fetch.items import Item, Needs, Parser, Slices, Value
from postil.imap.fetch.sections import Partial, parse_partial, part_numbers
from postil.imap.tokens import Tokens
from postil.message.params import MediaType
from postil.message.part import Part
from postil.message.section import section_part
from postil.message.transfer import UnknownEncoding, decoder

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message


@dataclass(frozen=True, slots=True)
class Binary:
    """`BINARY[1.2]<0.100>` and `BINARY.PEEK[…]`."""

    label: bytes
    numbers: tuple[int, ...]
    partial: Partial | None
    sets_seen: bool

    @property
    def needs(self) -> Needs:
        return Needs.BODY

    async def answer(self, message: Message) -> Value:
        """The decoded octets: a string, or a literal8 when they hold NUL."""
        part = await _leaf(message, self.numbers)
        if part is None:
            return b"NIL"
        size, nul, kept = await _measure(message, part)
        start, end = self.partial.cut(0, size) if self.partial else (0, size)
        if kept is not None:
            octets = kept[start:end]
            # RFC 3516 §4.3: "If the domain of the decoded data is '8bit' and the data does not
            # contain the NUL octet, the server SHOULD return the data in a <string> instead of a
            # <literal8>"
            return (b"~" if b"\0" in octets else b"") + encode.literal(octets)
        return Slices(end - start, _cut(_decoded(message, part), start, end), binary=nul)


@dataclass(frozen=True, slots=True)
class BinarySize:
    """`BINARY.SIZE[1.2]`."""

    label: bytes
    numbers: tuple[int, ...]

    @property
    def needs(self) -> Needs:
        return Needs.BODY

    @property
    def sets_seen(self) -> bool:
        return False

    async def answer(self, message: Message) -> Value:
        """The size of the decoded octets; 0 for a part that does not exist, whose BINARY is NIL."""
        part = await _leaf(message, self.numbers)
        if part is None:
            return b"0"
        # RFC 3516 §4.3: "The value returned MUST match the size of the <nstring> or <literal8> that
        # will be returned by the corresponding FETCH BINARY request."
        return b"%d" % (await _measure(message, part))[0]


async def _leaf(message: Message, numbers: tuple[int, ...]) -> Part | None:
    """The part that is meant; a whole message when no number is given."""
    root = await message.root()
    part = section_part(root, numbers)
    if part is None:
        return None
    if numbers and part.children:
        # RFC 9051 §6.4.5: this data item can only be requested for leaf body parts. A
        # message in the message has no encoding to take off and is given as it is.
        raise No("BINARY is for parts that hold no other parts", "CANNOT")
    if numbers:
        _check_encoding(part)
        return part
    # `BINARY[]`: the message itself has no encoding, so its octets are what they are.
    return _Whole(root, (await message.body()).size)


class _Whole(Part):
    """A message as if it were a part without encoding."""

    __slots__ = ()

    def __init__(self, root: Part, size: int) -> None:
        super().__init__(0, 0, MediaType("message", "rfc822", ()))
        self.encoding = "binary"
        self.body_end = size


def _check_encoding(part: Part) -> None:
    try:
        decoder(part.encoding)
    except UnknownEncoding:
        # RFC 3516 §4.3: who does not know how to decode the section's CTE fails the request with
        # UNKNOWN-CTE; the sentence stands there twice.
        raise No("the part has a transfer encoding nobody knows", "UNKNOWN-CTE") from None


async def _decoded(message: Message, part: Part) -> AsyncIterator[bytes]:
    # RFC 3516 §6: "servers MUST ensure that textual line-oriented sections are always transmitted
    # using the IMAP4 CRLF line termination syntax, regardless of the underlying storage
    # representation of the data on the server."
    made = decoder(part.encoding, lines=part.type == "text")
    async for piece in message.slices(part.body_start, part.body_end):
        yield made.feed(piece)
    yield made.finish()


async def _measure(message: Message, part: Part) -> tuple[int, bool, bytes | None]:
    """The decoded size, whether there is a NUL, and the octets if they are few."""
    kept: list[bytes] | None = []
    size, nul = 0, False
    async for piece in _decoded(message, part):
        size += len(piece)
        nul = nul or b"\0" in piece
        if kept is not None:
            kept.append(piece)
            if size > limits.BODY_SLICE:
                kept = None
    return size, nul, None if kept is None else b"".join(kept)


async def _cut(pieces: AsyncIterator[bytes], start: int, end: int) -> AsyncIterator[bytes]:
    """The octets from `start` to `end` of what the pieces hold together."""
    at = 0
    async for piece in pieces:
        wanted = piece[max(0, start - at) : max(0, end - at)]
        at += len(piece)
        if wanted:
            yield wanted
        if at >= end:
            return


def _parse(name: str, tokens: Tokens) -> Item:
    tokens.expect(b"[")
    numbers = part_numbers(tokens)
    tokens.expect(b"]")
    inside = ".".join(map(str, numbers)).encode("ascii")
    if name == "BINARY.SIZE":
        return BinarySize(b"BINARY.SIZE[" + inside + b"]", numbers)
    item = Binary(b"BINARY[" + inside + b"]", numbers, None, sets_seen=name == "BINARY")
    partial = parse_partial(tokens)
    if partial is None:
        return item
    # RFC 3516 §4.2: "the exception that the <partial> arguments refer to the DECODED section data."
    label = b"%b<%d>" % (item.label, partial.start)
    return dataclasses.replace(item, partial=partial, label=label)


# TODO(RFC 3516 §6): BODYSTRUCTURE and BODY[…] should describe and give parts that hold NULs as if they were base64; a client
# that does not use BINARY gets such a part with 0x80 for NUL, in the size that was announced.
FETCH_ITEMS: Final[Mapping[str, Parser]] = {
    "BINARY": _parse,
    "BINARY.PEEK": _parse,
    "BINARY.SIZE": _parse,
}
