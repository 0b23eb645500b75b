"""BODY[…] and its ancestors RFC822, RFC822.HEADER and RFC822.TEXT: the octets of a message or of a part of it.

RFC 9051 §6.4.5, §6.4.5.1, §7.5.2; RFC 3501 §6.4.5. Sections are ranges of the message as received (`postil.message.section`); only
HEADER.FIELDS makes something new. A part the message does not have is NIL (RFC 9051 §4.5).
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import encode, limits
from postil.imap.errors import Bad
from postil.imap.fetch import items
from postil.imap.fetch.items import Needs, Parser, Slices, Value
from postil.imap.fetch.message import without_nul
from postil.imap.tokens import Tokens
from postil.message import fields
from postil.message.section import Specifier, section_range

if TYPE_CHECKING:
    from postil.imap.fetch.message import Message

_NUMBERS = re.compile(rb"[1-9][0-9]{0,9}(?:\.[1-9][0-9]{0,9})*")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)


class Kind(enum.Enum):
    """What of a part."""

    ALL = ""
    HEADER = "HEADER"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


_RANGE: Final[Mapping[Kind, Specifier]] = {
    Kind.ALL: "",
    Kind.HEADER: "HEADER",
    Kind.FIELDS: "HEADER",
    Kind.FIELDS_NOT: "HEADER",
    Kind.TEXT: "TEXT",
    Kind.MIME: "MIME",
}


@dataclass(frozen=True, slots=True)
class Partial:
    """`<start.count>`: at most `count` octets from `start` on."""

    start: int
    count: int

    def cut(self, start: int, end: int) -> tuple[int, int]:
        """The part of a range that is wanted."""
        # RFC 9051 §6.4.5: "Any partial fetch that attempts to read beyond the end of the text is
        # truncated as appropriate."
        first = min(start + self.start, end)
        return first, min(first + self.count, end)


@dataclass(frozen=True, slots=True)
class Section:
    """One BODY[…] of a command."""

    label: bytes
    numbers: tuple[int, ...] = ()
    kind: Kind = Kind.ALL
    names: tuple[bytes, ...] = ()
    partial: Partial | None = None
    sets_seen: bool = True

    @property
    def needs(self) -> Needs:
        """The index keeps the header, so that lists of mail read no body."""
        if self.numbers or self.kind in (Kind.ALL, Kind.TEXT, Kind.MIME):
            return Needs.BODY
        return Needs.DETAILS

    async def answer(self, message: Message) -> Value:
        """The octets, NIL when there is no such part."""
        if self.kind in (Kind.FIELDS, Kind.FIELDS_NOT):
            return await self._fields(message)
        place = await self._range(message)
        if place is None:
            return b"NIL"
        start, end = self.partial.cut(*place) if self.partial else place
        if self.kind is Kind.HEADER and not self.numbers:
            return encode.literal(without_nul((await message.header())[start:end]))
        if end - start <= limits.WRITE_SIZE and (await message.body()).size <= limits.BODY_SLICE:
            # Nearly every message: one piece costs a third of what a generator of one piece does.
            return encode.literal(without_nul(await message.read(start, end)))
        await message.body()
        return Slices(end - start, _clean(message.slices(start, end)))

    async def _range(self, message: Message) -> tuple[int, int] | None:
        if not self.numbers:
            match self.kind:
                case Kind.ALL:
                    return 0, (await message.body()).size
                case Kind.HEADER:
                    return 0, await message.header_end()
                case Kind.TEXT:
                    return await message.header_end(), (await message.body()).size
        return section_range(await message.root(), self.numbers, _RANGE[self.kind])

    async def _fields(self, message: Message) -> Value:
        if self.numbers:
            place = section_range(await message.root(), self.numbers, "HEADER")
            if place is None:
                return b"NIL"
            header = await message.read(*place)
        else:
            header = await message.header()
        kept = fields.subset(header, self.names, exclude=self.kind is Kind.FIELDS_NOT)
        if self.partial:
            # RFC 9051 §6.4.5: "A substring fetch of a HEADER.FIELDS or HEADER.FIELDS.NOT part
            # specifier is calculated after subsetting the header."
            start, end = self.partial.cut(0, len(kept))
            kept = kept[start:end]
        return encode.literal(without_nul(kept))


async def _clean(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield without_nul(piece)


def _parse_body(name: str, tokens: Tokens) -> items.Item:
    """`BODY`, `BODY[…]`, `BODY.PEEK[…]`, with `<start.count>`."""
    if tokens.peek() != b"[":
        if name == "BODY":
            return items.BODY
        tokens.fail("'['")
    tokens.expect(b"[")
    numbers = part_numbers(tokens)
    kind = Kind.ALL
    names: tuple[bytes, ...] = ()
    if tokens.peek() != b"]":
        if numbers:
            tokens.expect(b".")
        kind = _kind(tokens)
        if kind is Kind.MIME and not numbers:
            # RFC 9051 §6.4.5.1: "The MIME part specifier MUST be prefixed by one or more numeric
            # part specifiers."
            raise Bad("MIME needs a part number before it")
        if kind in (Kind.FIELDS, Kind.FIELDS_NOT):
            tokens.sp()
            names = _field_names(tokens)
    tokens.expect(b"]")
    inside = ".".join([*map(str, numbers), *([kind.value] if kind.value else [])])
    label = b"BODY[" + inside.encode("ascii")
    if names:
        label += b" (" + b" ".join(encode.astring(name) for name in names) + b")"
    section = Section(label + b"]", numbers, kind, names, sets_seen=name == "BODY")
    partial = parse_partial(tokens)
    if partial is None:
        return section
    # RFC 9051 §7.5.2: "If the origin octet is specified, this string is a substring of the entire
    # body contents, starting at that origin octet."
    return dataclasses.replace(
        section, partial=partial, label=b"%b<%d>" % (section.label, partial.start)
    )


def part_numbers(tokens: Tokens) -> tuple[int, ...]:
    """`1.2.3`, or nothing."""
    match = _NUMBERS.match(tokens.text, tokens.at)
    if match is None:
        return ()
    numbers = tuple(map(int, match.group().split(b".")))
    if len(numbers) > limits.SECTION_DEPTH:
        raise Bad(f"a part specifier has at most {limits.SECTION_DEPTH} numbers")
    tokens.at = match.end()
    return numbers


def parse_partial(tokens: Tokens) -> Partial | None:
    """`<start.count>`, or nothing."""
    if not tokens.accept(b"<"):
        return None
    start = tokens.number64()
    tokens.expect(b".")
    if tokens.peek() == b"0":
        tokens.fail("a number from 1 on")
    count = tokens.number64()
    tokens.expect(b">")
    return Partial(start, count)


def _kind(tokens: Tokens) -> Kind:
    match = _KIND.match(tokens.text, tokens.at)
    if match is None:
        tokens.fail("HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, MIME or ']'")
    tokens.at = match.end()
    return Kind(match.group().decode("ascii").upper())


def _field_names(tokens: Tokens) -> tuple[bytes, ...]:
    names = tokens.list_of(tokens.astring)
    if len(names) > limits.FETCH_FIELDS:
        raise Bad(f"a list of fields has at most {limits.FETCH_FIELDS} names")
    return tuple(names)


# RFC 3501 §6.4.5: "Functionally equivalent to BODY[], differing in the syntax of the resulting
# untagged FETCH data (RFC822 is returned)."
RFC822: Final = Section(b"RFC822")
# RFC 3501 §6.4.5: "Functionally equivalent to BODY.PEEK[HEADER]"
RFC822_HEADER: Final = Section(b"RFC822.HEADER", kind=Kind.HEADER, sets_seen=False)
# RFC 3501 §6.4.5: "Functionally equivalent to BODY[TEXT]"
RFC822_TEXT: Final = Section(b"RFC822.TEXT", kind=Kind.TEXT)

PARSERS: Final[Mapping[str, Parser]] = {
    "BODY": _parse_body,
    "BODY.PEEK": _parse_body,
    "RFC822": lambda name, tokens: RFC822,
    "RFC822.HEADER": lambda name, tokens: RFC822_HEADER,
    "RFC822.TEXT": lambda name, tokens: RFC822_TEXT,
}
