"""A part of a message: what its header says of its content, and where in the message it lies.

RFC 2045 (fields), RFC 2183 (disposition), RFC 3282 (language), RFC 2557 §4 (location).

It holds offsets, never octets of the body. parse.py makes it.
"""

from __future__ import annotations

from collections.abc import Generator

from postil.message.params import (
    Disposition,
    MediaType,
    disposition,
    find_param,
    strip_comments,
)


class Part:
    """One part, by offsets: header [header_start, body_start), body [body_start, body_end).

    The header includes its blank line. Either `children` (multipart) or `message` (message/rfc822
    and message/global: the message inside, itself a part) or neither is filled. `fields` holds the
    unfolded values of the fields the parser knows, the first of each name, but all of To, Cc and
    Bcc joined.
    """

    __slots__ = (
        "body_end",
        "body_start",
        "children",
        "encoding",
        "fields",
        "header_start",
        "lines",
        "message",
        "params",
        "subtype",
        "type",
    )

    def __init__(self, header_start: int, body_start: int, media: MediaType) -> None:
        self.header_start = header_start
        self.body_start = body_start
        self.body_end = body_start
        self.type, self.subtype, self.params = media
        self.encoding = "7bit"
        self.fields: dict[bytes, bytes] = {}
        self.lines = 0
        self.children: list[Part] = []
        self.message: Part | None = None

    @property
    def header_end(self) -> int:
        """Where the header ends, blank line included: where the body starts."""
        return self.body_start

    @property
    def size(self) -> int:
        """Octets of the body as transferred."""
        return self.body_end - self.body_start

    @property
    def id(self) -> bytes | None:
        """Content-ID."""
        return self.fields.get(b"content-id")

    @property
    def description(self) -> bytes | None:
        """Content-Description, encoded words as they are."""
        return self.fields.get(b"content-description")

    @property
    def md5(self) -> bytes | None:
        """Content-MD5."""
        return self.fields.get(b"content-md5")

    @property
    def location(self) -> bytes | None:
        """Content-Location."""
        return self.fields.get(b"content-location")

    @property
    def disposition(self) -> Disposition | None:
        """Content-Disposition, RFC 2231 decoded."""
        value = self.fields.get(b"content-disposition")
        return None if value is None else disposition(value)

    @property
    def language(self) -> list[bytes]:
        """The tags of Content-Language, in order."""
        value = self.fields.get(b"content-language")
        if value is None:
            return []
        return [tag for piece in strip_comments(value).split(b",") if (tag := piece.strip())]

    def param(self, name: bytes) -> bytes | None:
        """The first parameter of this lower-case name, decoded or not."""
        return find_param(self.params, name)

    def walk(self) -> Generator[Part, None, None]:
        """This part and everything inside it, in the order of the message."""
        yield self
        for child in self.children:
            yield from child.walk()
        if self.message is not None:
            yield from self.message.walk()
