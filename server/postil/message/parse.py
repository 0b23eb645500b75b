"""The MIME structure of a message: a tree of parts, each of them offsets into the original octets.

RFC 2045 (fields), RFC 2046 §5.1 (multipart), §5.2.1 (message/rfc822), RFC 6532 §3.7
(message/global), RFC 2183, RFC 3282, RFC 2557.

Theory of operation: one pass over the octets, with a stack of open parts and one table of the
delimiters that any of them would recognise. Wherever a line begins with two hyphens it is looked
up in that table, so a delimiter of an outer multipart ends everything inside it, at any
depth, and each octet is looked at once, whatever the nesting. `parse_steps` gives control back
after about SCAN_STEP octets of work; `parse` runs it to the end.

A header ends with its first empty line. Lines in it that are no fields are passed over, but when
already the first line is not one, there is no header and everything is body. What is broken
becomes simpler, never an error: a multipart without boundary or without parts is text/plain, a
part beyond the limits application/octet-stream.

It does not decode content (content.py) and does not render for IMAP (structure.py).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from itertools import islice
from typing import Final, TypeAlias

from postil.message.fields import FIELD, Buffer, unfold
from postil.message.limits import (
    CANDIDATE_WORK,
    MAX_CONTENT_FIELD,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_HEADER,
    MAX_PARTS,
    PART_WORK,
    SCAN_STEP,
)
from postil.message.params import (
    OCTETS,
    PLAIN,
    MediaType,
    content_type,
    strip_comments,
)
from postil.message.part import Part

Steps: TypeAlias = Generator[None, None, Part]
"""A parse in slices: each `next` is a slice, StopIteration carries the tree."""


_ENVELOPE_FIELDS = (
    b"date subject from sender reply-to to cc bcc in-reply-to message-id references"
).split()
_CONTENT_FIELDS = (
    b"content-type content-transfer-encoding content-id content-description content-md5"
    b" content-disposition content-language content-location"
).split()
_KNOWN: Final = frozenset(_ENVELOPE_FIELDS + _CONTENT_FIELDS)
_DESTINATIONS: Final = frozenset((b"to", b"cc", b"bcc"))
_UNENCODED: Final = frozenset(("7bit", "8bit", "binary"))
_RFC822: Final = MediaType("message", "rfc822", ())

_FIRST_LINE = re.compile(rb"(\r?\n)|(?!--)(?:[!-9;-~]++[ \t]*+:|>?From )")
_HEADER_STOP = re.compile(rb"\n(?:\r?\n|--)")
_ENCODING = re.compile(rb"[^\s;\"]++")
_SHORT_HEADER: Final = 4096
_OVER: Final = -1
_PADDING: Final = 64
_COUNTED_AT_ONCE: Final = 500


def parse(data: Buffer) -> Part:
    """The tree of a message, at one go."""
    steps = parse_steps(data)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            root: Part = stop.value
            return root


def parse_steps(data: Buffer) -> Steps:
    """The tree of a message, in slices of a few milliseconds."""
    scan = _Scan(data)
    more = True
    while more:
        while not scan.find_header_end():
            yield
        if scan.open_part():
            while (found := scan.find_delimiter()) is None:
                yield
            more = found
    scan.close_down_to(0, scan.size)
    yield from _count_lines(data, scan.parts)
    return scan.parts[0]


class _Scan:
    """The state of one pass: where it stands, what is open, which lines would be delimiters."""

    __slots__ = (
        "body",
        "data",
        "default",
        "delimiters",
        "lengths",
        "parts",
        "position",
        "size",
        "stack",
        "start",
        "work",
    )

    def __init__(self, data: Buffer) -> None:
        self.data = data
        self.size = len(data)
        self.start = 0  # of the part being opened
        self.body = 0  # of its body, once found
        self.position = 0  # where to look on
        self.default = PLAIN
        self.stack: list[tuple[Part, bytes]] = []  # open parts, with what begins their delimiters
        self.delimiters: dict[bytes, int] = {}  # the same -> place in the stack, or _OVER
        self.lengths: list[int] = []  # of the delimiters, longest first, each once
        self.parts: list[Part] = []
        self.work = 0

    def find_header_end(self) -> bool:
        """Set `body` for the part at `start`; False when more slices are needed."""
        data, start = self.data, self.start
        if self.position <= start:
            match = _FIRST_LINE.match(data, start)
            if match is None or match[1]:
                self.body = self.position = match.end() if match else start
                return True
            end = data.find(b"\r\n\r\n", start, start + _SHORT_HEADER)
            if (
                end >= 0
                and data.find(b"\n--", start, end) < 0
                and data.find(b"\n\n", start, end) < 0
            ):
                self.body = self.position = end + 4
                return True
            self.position = start
        limit = min(self.position + SCAN_STEP, self.size)
        while (match := _HEADER_STOP.search(data, self.position, limit)) is not None:
            if match[0] != b"\n--":
                self.body = self.position = match.end()
                return True
            at = match.start()
            if self.delimiters and self._delimiter(at) is not None:
                self.body = self.position = at + 1
                return True
            self.position = at + 1
            self.work += CANDIDATE_WORK
            if self.work >= SCAN_STEP:
                self.work = 0
                return False
        if limit == self.size:
            self.body = self.position = self.size
            return True
        self.position = max(self.position, limit - 2)
        return False

    def open_part(self) -> bool:
        """Make the part whose header is known; False when a message in it is to be opened next."""
        start, body = self.start, self.body
        part = _describe(self.data[start : min(body, start + MAX_HEADER)], self.default)
        part.header_start = start
        part.body_start = part.body_end = body
        self.parts.append(part)
        if self.stack:
            parent = self.stack[-1][0]
            if parent.type == "multipart":
                parent.children.append(part)
            else:
                parent.message = part
        self.work += PART_WORK
        self.position = max(body - 1, 0)
        key = b""
        if len(self.parts) >= MAX_PARTS:
            # The last part that is allowed takes the rest of the message.
            self.delimiters.clear()
            _degrade(part, OCTETS)
        elif part.type == "multipart":
            key = self._register(part)
        elif part.type == "message" and self._contains_message(part):
            self.stack.append((part, b""))
            self.start = self.position = body
            self.default = PLAIN
            return False
        self.stack.append((part, key))
        return True

    def find_delimiter(self) -> bool | None:
        """Go to the next part; False when there is none, None when more slices are needed."""
        data, size, delimiters = self.data, self.size, self.delimiters
        while delimiters:
            if self.work >= SCAN_STEP:
                self.work = 0
                return None
            position = self.position
            limit = min(position + SCAN_STEP, size)
            at = data.find(b"\n--", position, limit)
            if at < 0:
                if limit == size:
                    return False
                self.work += limit - position
                self.position = limit - 2
                continue
            self.work += at - position + CANDIDATE_WORK
            self.position = at + 1
            found = self._delimiter(at)
            if found is None:
                continue
            level, closing = found
            self.close_down_to(level + 1, at - 1 if data[at - 1 : at] == b"\r" else at)
            owner, key = self.stack[level]
            if closing:
                if level == 0:
                    return False
                # What follows is its epilogue: its delimiters are known and mean nothing.
                delimiters[key] = _OVER
                continue
            line_end = data.find(b"\n", at + 1)
            self.start = self.position = size if line_end < 0 else line_end + 1
            # RFC 2046 §5.1.5: in a digest the default of a part is message/rfc822.
            self.default = _RFC822 if owner.subtype == "digest" else PLAIN
            return True
        return False

    def close_down_to(self, level: int, end: int) -> None:
        """End the open parts from this place in the stack upwards."""
        while len(self.stack) > level:
            part, key = self.stack.pop()
            if key:
                self.delimiters.pop(key, None)
                self._measure()
            # RFC 2046 §5.1.1: "the initial CRLF is considered to be attached to the boundary
            # delimiter line rather than part of the preceding part"; an empty part has none of
            # its own, the line before is then the header's.
            # Then those around it end there too, not an octet earlier.
            part.body_end = end = max(part.body_start, end)
            if part.type == "multipart" and not part.children:
                _degrade(part, PLAIN)

    def _delimiter(self, at: int) -> tuple[int, bool] | None:
        """Place in the stack, and whether it closes, when the next line is a delimiter.

        RFC 2046 §5.1.1: "An exact match of the entire candidate line is not required; it is
        sufficient that the boundary appear in its entirety following the CRLF." The longest one
        is meant when several do. Padding that transports added is covered by that.
        """
        line = self.data[at + 1 : at + 1 + self.lengths[0] + _PADDING] if self.lengths else b""
        for length in self.lengths:
            level = self.delimiters.get(line[:length])
            if level is not None:
                rest = line[length:].lstrip(b" \t")
                return None if level == _OVER else (level, rest.startswith(b"--"))
        return None

    def _register(self, part: Part) -> bytes:
        """Have the delimiters of a multipart recognised; degrade it when it has none of its own."""
        boundary = part.param(b"boundary")
        if len(self.stack) >= MAX_DEPTH:
            _degrade(part, OCTETS)
            return b""
        # RFC 2046 §5.1.1: white space at the end of a delimiter "must be presumed to have been
        # added by a gateway, and must be deleted"; so it cannot be part of the boundary.
        stripped = b"" if boundary is None else boundary.rstrip(b" \t\r\n")
        key = b"--" + stripped
        if not stripped or key in self.delimiters:
            _degrade(part, PLAIN)
            return b""
        self.delimiters[key] = len(self.stack)
        self._measure()
        return key

    def _measure(self) -> None:
        self.lengths = sorted(set(map(len, self.delimiters)), reverse=True)

    def _contains_message(self, part: Part) -> bool:
        """Whether a message is parsed inside this part; degrade it when one should be but cannot."""
        if part.subtype not in ("rfc822", "global"):
            return False
        if len(self.stack) + 1 >= MAX_DEPTH:
            _degrade(part, OCTETS)
            return False
        if part.encoding in _UNENCODED:
            return True
        # RFC 2046 §5.2.1: "No encoding other than '7bit', '8bit', or 'binary' is permitted for the
        # body of a 'message/rfc822' entity." An encoded one has no octets that could be sliced.
        # RFC 6532 §3.7 allows it for message/global, which stays what it is, unopened.
        if part.subtype == "rfc822":
            _degrade(part, OCTETS)
        return False


def _degrade(part: Part, media: MediaType) -> None:
    part.type, part.subtype, part.params = media


def _describe(header: bytes, default: MediaType) -> Part:
    """A part with what its header says; offsets are still to be set."""
    fields: dict[bytes, bytes] = {}
    joined: dict[bytes, list[bytes]] = {}
    pairs: Iterable[tuple[bytes, bytes]]
    if len(header) <= _SHORT_HEADER:
        pairs = FIELD.findall(header)
    else:
        pairs = ((m[1], m[2]) for m in islice(FIELD.finditer(header), MAX_FIELDS))
    for raw_name, value in pairs:
        name = raw_name.lower()
        if name not in _KNOWN:
            continue
        if name not in fields:
            fields[name] = unfold(value)
        elif name in _DESTINATIONS:
            joined.setdefault(name, [fields[name]]).append(unfold(value))
    for name, values in joined.items():
        # RFC 5322 §4.5.3: "When multiple occurrences of destination address fields occur in a
        # message, they SHOULD be treated as if the address list in the first occurrence of the
        # field is combined with the address lists of the subsequent occurrences by adding a comma
        # and concatenating."
        fields[name] = b", ".join(values)
    declared = fields.get(b"content-type")
    part = Part(0, 0, default if declared is None else content_type(declared))
    part.fields = fields
    encoding = fields.get(b"content-transfer-encoding")
    if encoding is not None:
        match = _ENCODING.match(strip_comments(encoding[:MAX_CONTENT_FIELD]))
        if match is not None:
            part.encoding = match[0].decode("latin-1").lower()
    return part


def _count_lines(data: Buffer, parts: list[Part]) -> Generator[None, None, None]:
    """Fill in the line counts of texts and messages.

    Inside a message the counts of the parts are summed up, innermost first, so that the octets of
    nested messages are counted once.
    """
    nested = any(part.message is not None for part in parts)
    for number, part in enumerate(reversed(parts), start=1):
        if number % _COUNTED_AT_ONCE == 0:
            yield
        if nested:
            part.lines = yield from _total(data, part)
        elif part.type == "text":
            part.lines = yield from _newlines(data, part.body_start, part.body_end)
    if nested:
        for part in parts:
            if part.type != "text" and part.message is None:
                part.lines = 0


def _total(data: Buffer, part: Part) -> Generator[None, None, int]:
    """The lines of a body whose inner parts are counted already."""
    inner = part.children if part.message is None else [part.message]
    position = part.body_start
    lines = 0
    for child in inner:
        lines += child.lines + (yield from _newlines(data, position, child.body_start))
        position = child.body_end
    return lines + (yield from _newlines(data, position, part.body_end))


def _newlines(data: Buffer, start: int, end: int) -> Generator[None, None, int]:
    if isinstance(data, bytes) and end - start <= SCAN_STEP:
        return data.count(b"\n", start, end)
    lines = 0
    for at in range(start, end, SCAN_STEP):
        lines += data[at : min(at + SCAN_STEP, end)].count(b"\n")
        yield
    return lines
