"""Header fields over octets: iterate, unfold, look up, and the subsets that IMAP calls HEADER.FIELDS.

RFC 5322 §2.2 (fields), §2.2.3 (folding), §4.5 (obsolete fields); RFC 9051 §6.4.5.1 (subsets).

A header is a slice of the message that ends with its blank line, if it has one. Lines end with LF,
with or without CR before it; a bare CR is an ordinary octet. Every octet of a header belongs to
exactly one field or to the blank line, so that the raw fields joined give the header back. A line
without a colon is a field without a name: never found, never lost.

It does not decode: words.py, addresses.py and dates.py do.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from postil.message.limits import MAX_HEADER

Buffer: TypeAlias = bytes | mmap.mmap
"""Where messages lie: in memory or in a mapped segment."""

# RFC 5322 §2.2.3: a field goes on over lines that begin with white space. Possessive throughout:
# a header of a million lines is read once.
_RAW = re.compile(rb"[^\n]*+\n?+(?:[ \t][^\n]*+\n?+)*+")

# RFC 5322 §4.5: the obsolete syntax allows white space before the colon.
_NAME = re.compile(rb"([!-9;-~]++)[ \t]*+:")

FIELD = re.compile(rb"(?m)^([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)")
"""Name and raw value of each well-formed field; made for findall over a slice of a message."""

_POSSIBLE = re.compile(rb"[!-9;-~]++")  # other names no field can have

_DOUBLED = re.compile(rb"(?<!\r)\r++\n")


class Field(NamedTuple):
    """One field: lower-case name (empty when the line has none), raw octets, offset of the value."""

    name: bytes
    raw: bytes
    value_at: int

    @property
    def value(self) -> bytes:
        """The value unfolded, without white space around it."""
        return unfold(self.raw[self.value_at :])


def iter_fields(header: bytes) -> Iterator[Field]:
    """Every field of a header in order; the blank line that ends it is not one."""
    for match in _RAW.finditer(header):
        raw = match[0]
        if raw in (b"\r\n", b"\n", b""):
            return
        name = _NAME.match(raw)
        if name is None:
            yield Field(b"", raw, 0)
        else:
            yield Field(name[1].lower(), raw, name.end())


def blank_line(header: bytes) -> bytes:
    """The blank line a header ends with, as it was received; empty when there is none."""
    if header.endswith(b"\n\r\n") or header == b"\r\n":
        return b"\r\n"
    if header.endswith(b"\n\n") or header == b"\n":
        return b"\n"
    return b""


@lru_cache(maxsize=256)
def _fields_named(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """What `iter_fields` finds under these names, in a third of its time: lists of mail ask for little else."""
    possible = b"|".join(re.escape(name) for name in names if _POSSIBLE.fullmatch(name))
    if not possible:
        return re.compile(rb"(?!)")
    return re.compile(rb"(?mi)^(?:" + possible + rb")[ \t]*+:[^\n]*+\n?+(?:[ \t][^\n]*+\n?+)*+")


def subset(header: bytes, names: Iterable[bytes], *, exclude: bool = False) -> bytes:
    """The fields with (or, excluded, without) these names, octet for octet, and the blank line.

    RFC 9051 §6.4.5.1: "The field-matching is ASCII-range case insensitive but is otherwise exact."
    """
    asked = tuple(names)
    wanted = {name.lower() for name in asked}
    if exclude:
        kept = [field.raw for field in iter_fields(header) if field.name not in wanted]
    elif b"" in wanted:  # lines without a name have no pattern
        kept = [field.raw for field in iter_fields(header) if field.name in wanted]
    else:
        kept = _fields_named(asked).findall(header)
    # RFC 9051 §6.4.5.1: "the blank line is included in all header fetches, except in the case of
    # a message that has no body and no blank line."
    kept.append(blank_line(header))
    return b"".join(kept)


def unfold(value: bytes) -> bytes:
    """A value on one line, without white space around it.

    RFC 5322 §2.2.3: "Unfolding is accomplished by simply removing any CRLF that is immediately
    followed by WSP." The white space stays.
    """
    if b"\n" in value:
        if b"\r\r" in value:
            value = _DOUBLED.sub(b"\n", value)
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip(b" \t\r\n")


def values(header: bytes, name: bytes) -> list[bytes]:
    """The unfolded values of all fields of this name, within what is looked at of a header."""
    wanted = name.lower()
    return [
        unfold(value)
        for found, value in FIELD.findall(header, 0, MAX_HEADER)
        if found.lower() == wanted
    ]


def first(header: bytes, name: bytes) -> bytes | None:
    """The unfolded value of the first field of this name."""
    wanted = name.lower()
    for match in FIELD.finditer(header, 0, MAX_HEADER):
        if match[1].lower() == wanted:
            return unfold(match[2])
    return None
