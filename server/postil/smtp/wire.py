"""Octets of a connection become command lines or the pieces of a message, however the network cuts them.

RFC 5321 §2.3.8 (lines), §4.1.1.4 (end of data), §4.5.2 (transparency), §4.5.3.1.4 (line length).

`Incoming` holds what has arrived and was not used. In command mode `line` takes one line or says that more is needed; in
data mode a `DataReader` takes everything up to the end of the message and leaves what is pipelined behind it.

Only CRLF ends a line, and only CRLF.CRLF a message. A CR or LF alone is never taken for an end: programs that disagree
about it can be made to see two messages where one was sent (SMTP smuggling). Such a message is read to its real end
and then refused; the reader reports it in `bare`.
"""

from __future__ import annotations

from dataclasses import dataclass

_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its CRLF; `too_long` when only its end was seen and its octets were dropped."""

    octets: bytes
    too_long: bool = False


class Incoming:
    """What arrived and was not consumed yet."""

    __slots__ = ("_buffer", "_dropped", "_scanned")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Octets from the connection."""
        self._buffer += data

    def __len__(self) -> int:
        return len(self._buffer)

    def clear(self) -> None:
        """Forget everything (STARTTLS)."""
        self._buffer.clear()
        self._scanned = self._dropped = 0

    def first(self, count: int) -> bytes:
        """Look at the first octets without taking them."""
        return bytes(self._buffer[:count])

    @property
    def dropped(self) -> int:
        """Octets of an over-long line thrown away so far."""
        return self._dropped

    def line(self, longest: int) -> Line | None:
        """The next line of at most `longest` octets with its CRLF, or None: more must arrive."""
        # RFC 5321 §2.3.8: "Conforming implementations MUST NOT recognize or generate any other character or
        # character sequence as a line terminator."
        at = self._buffer.find(b"\r\n", self._scanned)
        if at < 0:
            if len(self._buffer) + self._dropped > longest:
                keep = 1 if self._buffer.endswith(b"\r") else 0
                self._dropped += len(self._buffer) - keep
                del self._buffer[: len(self._buffer) - keep]
            self._scanned = max(0, len(self._buffer) - 1)
            return None
        too_long = at + 2 + self._dropped > longest
        octets = b"" if too_long else bytes(self._buffer[:at])
        del self._buffer[: at + 2]
        self._scanned = self._dropped = 0
        return Line(octets, too_long)

    def take(self) -> bytes:
        """Everything, for a `DataReader`."""
        data = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        return data


class DataReader:
    """The message behind a 354: feed it octets, get pieces of the message, until `done`.

    `_held` is what could be the beginning of the end: at most the four octets CRLF.CR. It starts with a CRLF that the
    message does not have, that of the DATA line (RFC 5321 §4.1.1.4): so a message may be empty and its first line may
    begin with a dot without a special case.
    """

    __slots__ = ("_held", "_skip", "bare", "done", "size")

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._skip = 2  # octets of the invented CRLF still to be left out
        self.done = False
        self.bare = False  # a CR or LF alone was seen
        self.size = 0  # octets given out: RFC 1870 §5, without stuffed dots and the end

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """(octets of the message, octets behind its end); the second only once `done`."""
        assert not self.done
        data = self._held + data
        # The first line that begins with a dot is nearly always the end: one search finds that no other does.
        dot = data.find(b"\n.")
        stuffed = dot >= 0 and data[max(dot - 1, 0) : dot + 4] != _END
        end = data.find(_END, max(dot - 1, 0)) if stuffed else dot - 1
        if end >= 0:
            # RFC 5321 §4.1.1.4: "The first <CRLF> of this terminating sequence is also the <CRLF> that ends
            # the final line of the data (message text)"
            raw, rest = data[: end + 2], data[end + len(_END) :]
            self.done = True
            self._held = b""
        else:
            cut = len(data) - _beginning_of_end(data)
            raw, rest = data[:cut], b""
            self._held = data[cut:]
        # As many pairs as there are of each: cheaper than a look at each line.
        if len(raw) - len(raw.translate(None, b"\r\n")) != 2 * raw.count(b"\r\n"):
            self.bare = True
        # RFC 5321 §4.5.2: "If the first character is a period and there are other characters on the line, the
        # first character is deleted."
        piece = raw.replace(b"\r\n.", b"\r\n") if stuffed else raw
        if self._skip and piece:
            # Held CRLF comes out whole or not at all: it is the beginning of the end.
            piece = piece[self._skip :]
            self._skip = 0
        self.size += len(piece)
        return piece, rest


def _beginning_of_end(data: bytes) -> int:
    """How many of the last octets could begin CRLF.CRLF."""
    for length in range(min(len(_END) - 1, len(data)), 0, -1):
        if _END.startswith(data[-length:]):
            return length
    return 0
