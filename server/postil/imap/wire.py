"""From octets to commands: lines, literals, continuation requests, and getting back in step.

RFC 9051 §2.2.1, §4.3, §7.6; RFC 7888 (non-synchronising literals), RFC 3516 §4.4 (literal8).

Theory of operation. `next` reads the lines of one command; a line that ends in `{n}` is answered with `+` and the octets are
collected, one that ends in `{n+}` is not answered. The message of APPEND is never collected: `next` returns at its
header, the handler decides (refusing before `+` costs nobody anything), then reads it in pieces and goes on with `more`.
While a command is not read to its end the reader is *open*; after a refusal the session sends the tagged response and calls
`abandon`, which throws away what the client is certain to send still: that keeps both sides in step.

A line ends in CRLF and nothing else. A bare CR, LF or NUL makes the command BAD: a client that filters
only CRLF out of what its user typed must not get a second command out of it.

Not here: what `next` gives (`request`), what a command means (`registry`), the octets of answers (`encode`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Final

from postil.imap import limits
from postil.imap.errors import Bad, Bye, Reply
from postil.imap.request import (
    WOKEN,
    Continuation,
    MessageLiteral,
    Request,
    Unreadable,
    Woken,
)
from postil.imap.tokens import Tokens
from postil.ports.stream import Stream, StreamClosed

__all__ = [
    "WOKEN",
    "CommandReader",
    "Continuation",
    "MessageLiteral",
    "Request",
    "Unreadable",
    "Woken",
]

# RFC 9051 §9: tag = 1*<any ASTRING-CHAR except "+">
_HEAD = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]+) ((?:[Uu][Ii][Dd] )?[^ ]+)')
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+(?= )')
_HEADER = re.compile(rb"(~?)\{([0-9]+)(\+?)\}\Z")
_FORBIDDEN = re.compile(rb"[\r\n\0]")
_TAIL = 32  # octets at the end of a line that can hold a literal header worth understanding
_LONGEST_TAG = 100  # octets of a tag that is looked for in a line that is too long
_GO_AHEAD: Final = b"+ Ready for the literal\r\n"
_TLS_HANDSHAKE = 0x16  # RFC 8446 §5.1: content type of a record that holds a ClientHello


class _TooLong(Exception):
    """A line is longer than allowed; it is still in the buffer, perhaps without its end."""


class CommandReader:
    """The reading half of a session."""

    def __init__(
        self,
        stream: Stream,
        known: Callable[[str], bool],
        streamed: Mapping[str, int],
    ) -> None:
        """`streamed`: commands that read messages, with how many arguments before may be literals."""
        self._stream = stream
        self._known = known
        self._streamed = streamed
        self._buffer = bytearray()
        self._open = False
        self._literal: MessageLiteral | None = None
        self._first = True
        self.limits = limits.READER_BEFORE_LOGIN
        self.utf8 = False

    # --- commands

    async def next(self, timeout: float) -> Request | Unreadable | None:
        """The next command; None when the client sends no more. `timeout` is for its first line."""
        request = await self._next(timeout, wakeable=False)
        assert request is not WOKEN
        return request

    async def next_or_wake(self, timeout: float) -> Request | Unreadable | Woken | None:
        """As `next`, but WOKEN when the stream was woken before the first line was complete."""
        return await self._next(timeout, wakeable=True)

    async def _next(self, timeout: float, *, wakeable: bool) -> Request | Unreadable | Woken | None:
        await self.abandon()
        try:
            line = await self._line(self.limits.line, timeout, wakeable=wakeable)
        except _TooLong:
            self._not_imap_if_first("the first line is far too long")
            # Only so far: how much of the line has arrived by now is chance.
            tag = _TAG.match(self._buffer[:_LONGEST_TAG])
            return Unreadable(tag.group() if tag else b"*", self._too_long())
        if line is None or isinstance(line, Woken):
            return line
        head = _HEAD.match(line)
        if head is None:
            self._not_imap_if_first("the first line is no IMAP command")
            tag = _TAG.match(line)
            self._begin(line)
            return Unreadable(tag.group() if tag else b"*", Bad("expected a tag and a command"))
        name = _name(head.group(2))
        if not self._known(name):
            self._not_imap_if_first("the first line is no IMAP command")
            # RFC 9051 §2.2.1: "If, instead, the server detected an error in the command, it sends
            # a BAD completion response with a tag matching the command"; before any literal
            self._begin(line)
            shown = "".join(c if " " <= c < "\x7f" else "?" for c in name[:40])
            return Unreadable(head.group(1), Bad(f"there is no command {shown}"))
        self._first = False
        if line[-1:] != b"}" and _FORBIDDEN.search(line) is None:
            # Nearly every command: one line, no literal.
            return Request(head.group(1), name, Tokens(line, utf8=self.utf8, at=head.end()))
        try:
            return await self._collect(head.group(1), name, head.end(), line)
        except Reply as reply:
            return Unreadable(head.group(1), reply)
        except StreamClosed:
            return None

    async def _collect(self, tag: bytes, name: str, at: int, line: bytes) -> Request:
        """The rest of a command whose first line is here."""
        literal = self._begin(line)
        if literal is None:
            _check(line)
            return Request(tag, name, Tokens(line, utf8=self.utf8, at=at))
        text = b""
        literals: list[bytes] = []
        total = 0
        before = self._streamed.get(name)
        while literal is not None:
            _check(line)
            text += line
            if before is not None and len(text[at:].split()) > before:
                tokens = Tokens(text[: text.rindex(b"{")], literals, utf8=self.utf8, at=at)
                if literal.binary:
                    tokens.text = tokens.text[:-1]
                return Request(tag, name, tokens, literal)
            total += literal.size
            if total > self.limits.literals or len(literals) >= self.limits.literal_count:
                raise Bad("the command's literals are too many or too long", "TOOBIG")
            await literal.accept()
            literals.append(b"".join([piece async for piece in literal]))
            text += b"\r\n"
            line = await self._rest_of_line(self.limits.line - len(text))
            literal = self._begin(line)
        _check(line)
        return Request(tag, name, Tokens(text + line, literals, utf8=self.utf8, at=at))

    async def more(self) -> Continuation:
        """What follows a message that has been read."""
        assert self._literal is not None
        assert self._literal.left == 0
        line = await self._rest_of_line(self.limits.line)
        literal = self._begin(line)
        _check(line)
        if literal is None:
            return Continuation(Tokens(line, utf8=self.utf8), None)
        text = line[: line.rindex(b"{")]
        text = text[:-1] if literal.binary else text
        return Continuation(Tokens(text, utf8=self.utf8), literal)

    async def abandon(self) -> None:
        """Throw away what the client still sends of this command; Bye when that is too much."""
        dropped = 0
        while self._open:
            literal = self._literal
            if literal is not None:
                if literal.sync and not literal.accepted:
                    # The client waits for "+" and has seen the tagged response instead.
                    self._open = False
                    break
                if not literal.accepted:
                    dropped += literal.left
                    if dropped > limits.DROP:
                        # RFC 7888 §4: "Send an untagged BYE response explaining the reason for
                        # rejecting the literal"
                        raise Bye("the literal is too long to be thrown away", "TOOBIG")
                try:
                    await literal.skip()
                except StreamClosed:
                    self._open = False
                    break
            tail, length = await self._drop_line(limits.DROP - dropped)
            dropped += length
            self._begin(tail)

    # --- lines that are not commands

    async def line(self, timeout: float) -> bytes | None:
        """A line without its CRLF: a SASL response, DONE; Bad when it is too long or broken."""
        line = await self.line_or_wake(timeout, wakeable=False)
        assert not isinstance(line, Woken)
        return line

    async def line_or_wake(self, timeout: float, *, wakeable: bool = True) -> bytes | Woken | None:
        """As `line`, or WOKEN."""
        try:
            line = await self._line(self.limits.line, timeout, wakeable=wakeable)
        except _TooLong:
            raise self._too_long() from None
        if isinstance(line, bytes):
            _check(line)
        return line

    # --- changing what is underneath

    def pending(self) -> bool:
        """Is something here, or on the stream, that was not looked at yet?"""
        return bool(self._buffer) or self._stream.pending()

    def has_line(self) -> bool:
        """Has a whole line, such as the next command's first, been received already?"""
        return b"\r\n" in self._buffer

    def buffered(self) -> int:
        """How many octets have been received and not yet looked at."""
        return len(self._buffer)

    def take(self) -> bytes:
        """Octets received and not yet looked at, which now belong to the caller."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken

    def forget(self) -> None:
        """Throw away what came before TLS."""
        # RFC 9051 §6.2.1: what was pipelined in plaintext behind STARTTLS must never be obeyed.
        self._buffer.clear()

    # --- for MessageLiteral

    async def go_ahead(self) -> None:
        """Ask for a synchronising literal."""
        self._stream.write(_GO_AHEAD)
        await self._stream.drain()

    async def octets(self, most: int) -> bytes:
        """At least one and at most `most` octets."""
        if not self._buffer:
            piece = await self._stream.read(self.limits.patience)
            if not piece:
                self._open = False
                raise StreamClosed
            if len(piece) <= most:
                return piece
            self._buffer += piece
        taken = bytes(self._buffer[:most])
        del self._buffer[: len(taken)]
        return taken

    # --- inside

    def _begin(self, line: bytes) -> MessageLiteral | None:
        """Look at the end of a line: is the command complete, or which literal follows?"""
        # RFC 7888 §3: "The protocol receiver of an IMAP server MUST check the end of every received
        # line (a sequence of octets that ends with a CRLF) for an open brace ('{') followed by an
        # octet count, a plus ('+'), and a close brace ('}') immediately preceding the CRLF."
        header = _HEADER.search(line, max(0, len(line) - _TAIL)) if line[-1:] == b"}" else None
        self._open = header is not None
        self._literal = None
        if header is None:
            return None
        size = int(header.group(2))
        self._literal = MessageLiteral(
            self, size, sync=not header.group(3), binary=bool(header.group(1))
        )
        return self._literal

    async def _rest_of_line(self, limit: int) -> bytes:
        try:
            line = await self._line(limit, self.limits.patience, wakeable=False)
        except _TooLong:
            raise self._too_long() from None
        if line is None:
            self._open = False
            raise StreamClosed
        assert not isinstance(line, Woken)
        return line

    def _too_long(self) -> Bad:
        self._open = True
        self._literal = None
        return Bad(f"the command is longer than {self.limits.line} octets", "TOOBIG")

    async def _line(self, limit: int, timeout: float, *, wakeable: bool) -> bytes | Woken | None:
        """A line without CRLF; what is behind it stays in the buffer."""
        buffer = self._buffer
        seen = 0
        while True:
            end = buffer.find(b"\r\n", seen)
            if end > limit or (end < 0 and len(buffer) > limit + 1):
                raise _TooLong
            if self._first:
                self._check_first(end)
            if end >= 0:
                line = bytes(buffer[:end])
                del buffer[: end + 2]
                return line
            seen = max(0, len(buffer) - 1)
            if wakeable:
                piece = await self._stream.read_or_wake(timeout)
                if piece is None:
                    return WOKEN
            else:
                piece = await self._stream.read(timeout)
            if not piece:
                return None
            buffer += piece

    async def _drop_line(self, budget: int) -> tuple[bytes, int]:
        """Throw away up to the next CRLF: the end of the line, and how long it was."""
        buffer = self._buffer
        length = 0
        tail = b""
        while (end := buffer.find(b"\r\n")) < 0:
            kept = buffer[-1:] if buffer[-1:] == b"\r" else b""
            gone = len(buffer) - len(kept)
            tail = (tail + bytes(buffer[:gone]))[-_TAIL:]
            length += gone
            buffer[:] = kept
            if length > budget:
                raise Bye("the line is too long to be thrown away", "TOOBIG")
            piece = await self._stream.read(self.limits.patience)
            if not piece:
                return b"", length
            buffer += piece
        tail = (tail + bytes(buffer[:end]))[-_TAIL:]
        del buffer[: end + 2]
        if length + end > budget:
            raise Bye("the line is too long to be thrown away", "TOOBIG")
        return tail, length + end

    def _check_first(self, end: int) -> None:
        """A browser, a TLS client or a person with netcat: tell them at once, they wait for us."""
        if self._buffer[:1] == b"\x16":
            raise Bye("this is a port without TLS: use the other port, or STARTTLS")
        if end < 0:
            end = len(self._buffer)
        if b"\n" in self._buffer[:end]:
            raise Bye("lines end in CRLF here (nc -C)")

    def _not_imap_if_first(self, why: str) -> None:
        if self._first:
            raise Bye(f"this is an IMAP server, and {why}")


@functools.lru_cache(maxsize=256)
def _name(octets: bytes) -> str:
    """A command's name in capitals; there are few, in few spellings."""
    # RFC 3691 §4: "Implementations MUST accept these strings in a case-insensitive fashion."
    # RFC 5161 §4: "Implementations MUST accept these strings in a case-insensitive fashion."
    # RFC 6851 §5: "Implementations MUST accept these strings in a case-insensitive fashion."
    return octets.decode("ascii", "replace").upper()


def _check(line: bytes) -> None:
    """No octets in a line that some other program might take for its end."""
    # RFC 9051 §9: "The ASCII NUL character, %x00, MUST NOT be used anywhere, with the exception of
    # the OCTET production."
    found = _FORBIDDEN.search(line)
    if found is not None:
        what = {b"\r": "CR", b"\n": "LF", b"\0": "NUL"}[found.group()]
        raise Bad(f"a bare {what} in a command: lines end in CRLF")
