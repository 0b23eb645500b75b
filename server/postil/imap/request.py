"""What the reader of a connection gives: commands, what is none, and messages still to be read.

RFC 9051 §2.2.1, §4.3; RFC 7888 §3; RFC 3516 §4.4 (literal8). The reader itself is `wire.CommandReader`.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap.errors import Reply
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.wire import CommandReader


class Woken(enum.Enum):
    """`Stream.wake` was called before a line was complete."""

    WOKEN = enum.auto()


WOKEN: Final = Woken.WOKEN


@dataclass(frozen=True, slots=True)
class Request:
    """A command, complete or up to the message that its handler reads itself."""

    tag: bytes
    name: str  # upper case, "UID FETCH" in one
    tokens: Tokens  # stands behind the name
    literal: MessageLiteral | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A command that is none: send the reply with the tag (`*` where there is no tag), then `abandon`."""

    tag: bytes
    reply: Reply


@dataclass(frozen=True, slots=True)
class Continuation:
    """What follows a message: the text up to the line's end or up to the next message."""

    tokens: Tokens
    literal: MessageLiteral | None


class MessageLiteral:
    """A literal that is read by the handler: refuse it, or `accept` it and take its pieces."""

    __slots__ = ("_reader", "accepted", "binary", "left", "nul", "size", "sync")

    def __init__(self, reader: CommandReader, size: int, *, sync: bool, binary: bool) -> None:
        self._reader = reader
        self.size = size
        self.sync = sync
        self.binary = binary  # literal8: NUL is allowed
        self.left = size
        self.accepted = False
        self.nul = False  # a NUL has come by

    async def accept(self) -> None:
        """Ask for the octets if the client waits for that."""
        # RFC 7888 §3: "The server does not generate a command continuation request in response to a
        # non-synchronizing literal"
        self.accepted = True
        if self.sync:
            await self._reader.go_ahead()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The octets in pieces of at most 256 KiB; StreamClosed when the client leaves."""
        while self.left:
            piece = await self._reader.octets(self.left)
            self.left -= len(piece)
            self.nul = self.nul or b"\0" in piece
            yield piece

    async def skip(self) -> None:
        """Take the octets and throw them away."""
        async for _ in self:
            pass
