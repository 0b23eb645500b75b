"""Values with parameters: Content-Type and Content-Disposition, and the continuations of RFC 2231.

RFC 2045 §5.1 (syntax), §5.2 (defaults); RFC 2183 §2; RFC 2231 §3 and §4 (continuations, charsets).

What is in use is wider than the grammar: unquoted blanks, missing semicolons, comments, quotes
that never end. All of it gives parameters, in linear time; what is no parameter is passed over.
Values are octets: as sent, or UTF-8 when a charset was declared; a name then keeps its asterisk,
as RFC 9051 §7.5.2 shows it, so that a reader knows that the value was decoded.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote_to_bytes

from postil.message.charsets import to_text
from postil.message.limits import MAX_COMMENT_DEPTH, MAX_CONTENT_FIELD, MAX_PARAMS

Params: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Pairs of lower-case name and value in the order sent."""


class MediaType(NamedTuple):
    """What a Content-Type says."""

    type: str
    subtype: str
    params: Params


class Disposition(NamedTuple):
    """What a Content-Disposition says."""

    kind: bytes
    params: Params

    def param(self, name: bytes) -> bytes | None:
        """The first parameter of this lower-case name, decoded or not."""
        return find_param(self.params, name)


PLAIN = MediaType("text", "plain", ())
"""RFC 2045 §5.2: what is assumed when nothing, or nothing valid, is declared."""

OCTETS = MediaType("application", "octet-stream", ())

_TYPE = re.compile(
    rb"[ \t]*+([!#$%&'*+.^_`|{}~0-9A-Za-z-]++)[ \t]*+/[ \t]*+([!#$%&'*+.^_`|{}~0-9A-Za-z-]++)"
)
_TOKEN = re.compile(rb"[ \t]*+([^\s;\"]++)")
# The look-behind lets a match begin only where a run of separators does: linear on blanks.
_PARAM = re.compile(
    rb"(?<![\s;])[;\s]++([^\s=;\"]++)\s*+=\s*+(?:(\")((?:[^\"\\]++|\\.)*+)\"?+|([^;]*+))", re.S
)
_ESCAPED = re.compile(rb"\\(.)", re.S)
_SECTION = re.compile(rb"(.+?)\*(?:(0|[1-9][0-9]{0,2})(\*)?)?", re.S)
_PIECE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|\\.|[()]|[^"\\()]++|\\', re.S)

_CACHED_LENGTH = 160  # longer values hold boundaries and file names, which do not come again


def content_type(value: bytes) -> MediaType:
    """The media type in an unfolded Content-Type value; text/plain when it is not valid."""
    if len(value) <= _CACHED_LENGTH and b"boundary" not in value:
        return _cached_content_type(value)
    return _content_type(value)


def disposition(value: bytes) -> Disposition:
    """The disposition in an unfolded Content-Disposition value."""
    if len(value) <= _CACHED_LENGTH:
        return _cached_disposition(value)
    return _disposition(value)


def _content_type(value: bytes) -> MediaType:
    value = strip_comments(value[:MAX_CONTENT_FIELD])
    match = _TYPE.match(value)
    if match is None:
        # RFC 2045 §5.2: "It is also recommend that this default be assumed when a syntactically
        # invalid Content-Type header field is encountered."
        return PLAIN
    params = parse_params(value, match.end()) if match.end() < len(value) else ()
    return MediaType(match[1].decode("ascii").lower(), match[2].decode("ascii").lower(), params)


def _disposition(value: bytes) -> Disposition:
    value = strip_comments(value[:MAX_CONTENT_FIELD])
    match = _TOKEN.match(value)
    if match is None:
        # RFC 2183 §2.8: an unknown disposition is an attachment; so is none at all.
        return Disposition(b"attachment", parse_params(b";" + value, 0))
    return Disposition(match[1].lower(), parse_params(value, match.end()))


_cached_content_type = lru_cache(maxsize=512)(_content_type)
_cached_disposition = lru_cache(maxsize=512)(_disposition)


def strip_comments(value: bytes) -> bytes:
    """The value without comments in parentheses; what is quoted is left alone."""
    if b"(" not in value:
        return value
    kept: list[bytes] = []
    depth = 0
    for match in _PIECE.finditer(value):
        piece = match[0]
        if piece == b"(":
            depth = min(depth + 1, MAX_COMMENT_DEPTH)
        elif piece == b")" and depth:
            depth -= 1
        elif not depth:
            kept.append(piece)
    return b"".join(kept).strip()


def parse_params(value: bytes, start: int) -> Params:
    """The parameters after the first word of a value, RFC 2231 decoded."""
    found: list[tuple[bytes, bytes]] = []
    extended = False
    for match in _PARAM.finditer(value, start):
        name, quote, quoted, bare = match.groups()
        if quote:
            text = _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        else:
            text = bare.strip()
        extended = extended or b"*" in name
        found.append((name.lower(), text))
        if len(found) == MAX_PARAMS:
            break
    return _decode_extended(found) if extended else tuple(found)


def _decode_extended(found: list[tuple[bytes, bytes]]) -> Params:
    """Join `name*0`, `name*1*`… and decode what declares a charset.

    RFC 2231 §3: the sections count in decimal from zero and may come in any order; one that is
    missing ends the value.
    """
    sections: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    order: list[tuple[bytes, bytes | None]] = []
    for name, value in found:
        match = _SECTION.fullmatch(name)
        if match is None:
            order.append((name, value))
            continue
        base = match[1]
        if base not in sections:
            sections[base] = {}
            order.append((base, None))
        # "name*" alone is the whole value, encoded (RFC 2231 §4).
        number, encoded = (0, True) if match[2] is None else (int(match[2]), match[3] is not None)
        sections[base].setdefault(number, (value, encoded))
    return tuple(
        (name, value) if value is not None else _join(name, sections[name]) for name, value in order
    )


def _join(base: bytes, sections: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    charset: bytes | None = None
    pieces: list[bytes] = []
    for number in range(len(sections)):
        if number not in sections:
            break
        value, encoded = sections[number]
        if encoded:
            if number == 0:
                declared, tick, rest = value.partition(b"'")
                _language, second, text = rest.partition(b"'")
                if tick and second:
                    charset, value = declared, text
                else:
                    charset = b"utf-8"
            value = unquote_to_bytes(value)
        pieces.append(value)
    joined = b"".join(pieces)
    if charset is None:
        return base, joined
    # RFC 9051 §7.5.2: "Servers SHOULD decode parameter-value continuations and parameter-value
    # character sets as described in [RFC2231]" to UTF-8, under the name with its asterisk.
    return base + b"*", to_text(joined, charset).encode("utf-8", "replace")


def find_param(params: Params, name: bytes) -> bytes | None:
    """The first parameter of this lower-case name; one with a charset (`name*`) before a plain one.

    RFC 6266 §4.3 gives that order for the same situation: the plain one is for old readers.
    """
    plain: bytes | None = None
    for found, value in params:
        if found == name + b"*":
            return value
        if found == name and plain is None:
            plain = value
    return plain
