"""From octets to responses: lines, with the literals in them.

RFC 9051 §2.2.2, §4.3; RFC 3516 §4.2 (literal8).

Theory of operation. `feed` takes octets in any cut; `next` gives a `Frame` as soon as a response is complete. A line that ends in `{n}`
is continued by n octets and another line. The text keeps the header and its CRLF, the octets of literals stand beside it in order: no line holds a CRLF
otherwise, so `{5}\\r\\n` in the text is always a literal. What is behind a complete response stays here, untouched, until it is asked for: it may be
of another layer (TLS, COMPRESS), and `rest` hands it over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.limits import ReplyLimits

_HEADER = re.compile(rb"~?\{([0-9]{1,20})\}\Z")
_TAIL = 24  # octets at the end of a line that can hold a literal header


@dataclass(frozen=True, slots=True)
class Frame:
    """One response: its text, and the octets of its literals."""

    text: bytes
    literals: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Octets, literals included."""
        return len(self.text) + sum(map(len, self.literals))


class Framer:
    """The incoming half of a connection."""

    __slots__ = ("_buffer", "_limits", "_literals", "_seen", "_size", "_text", "_total")

    def __init__(self, limits: ReplyLimits | None = None) -> None:
        self._limits = limits or ReplyLimits()
        self._buffer = bytearray()
        self._seen = 0  # octets of the buffer without a CRLF
        self._text = b""  # lines of the response so far, each with its CRLF
        self._literals: list[bytes] = []
        self._size: int | None = None  # of the literal that is being read
        self._total = 0

    def feed(self, data: bytes) -> None:
        """Octets from the server."""
        self._buffer += data

    def next(self) -> Frame | None:
        """The next complete response; None when more octets are needed."""
        while True:
            if self._size is not None and not self._literal(self._size):
                return None
            line = self._line()
            if line is None:
                return None
            header = _HEADER.search(line, max(0, len(line) - _TAIL)) if line[-1:] == b"}" else None
            if header is None:
                frame = Frame(self._text + line, tuple(self._literals))
                self._text, self._literals, self._total = b"", [], 0
                return frame
            self._text += line + b"\r\n"
            self._begin(int(header.group(1)))

    @property
    def waiting(self) -> int:
        """Octets that came and belong to no complete response yet."""
        return len(self._buffer)

    @property
    def inside(self) -> bool:
        """Has a response begun that is not complete?"""
        return bool(self._buffer) or bool(self._text)

    def rest(self) -> bytes:
        """What came behind the last response; it is the caller's now."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        self._seen = 0
        return taken

    def _begin(self, size: int) -> None:
        self._total += size
        limits = self._limits
        if size > limits.literal or self._total > limits.literals:
            raise ProtocolViolation(f"a literal of {size} octets is more than is taken here")
        if len(self._literals) >= limits.count:
            raise ProtocolViolation(f"a response with more than {limits.count} literals")
        self._size = size

    def _literal(self, size: int) -> bool:
        if len(self._buffer) < size:
            return False
        self._literals.append(bytes(self._buffer[:size]))
        del self._buffer[:size]
        self._size = None
        self._seen = 0
        return True

    def _line(self) -> bytes | None:
        most = self._limits.line - len(self._text)
        end = self._buffer.find(b"\r\n", self._seen)
        if end > most or (end < 0 and len(self._buffer) > most + 1):
            raise ProtocolViolation(f"a response longer than {self._limits.line} octets")
        if end < 0:
            self._seen = max(0, len(self._buffer) - 1)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        self._seen = 0
        return line
