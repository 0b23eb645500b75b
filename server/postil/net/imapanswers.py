"""What a client of IMAP gets back: the answer to a command, and news that nobody asked for.

RFC 9051 §2.2.2, §5.2 (untagged responses at any time). News are kept in order and in bounds; who does not look loses the oldest, and is told so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypeVar

from postil.imap.client.codes import AppendUid, CopyUid
from postil.imap.client.numbers import Numbers
from postil.imap.client.parse import Response
from postil.imap.client.responses import Status, Vanished
from postil.net.imaperrors import ConnectionEnded, Violation

T = TypeVar("T")

# News nobody has asked for: about a minute of a mailbox in which a hundred messages a second come and go.
MOST_NEWS: Final = 10_000
# Octets of them: a server may tell of messages with their text (NOTIFY), as large as it likes.
MOST_OCTETS: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """OK, and what the server told for it."""

    status: Status
    responses: tuple[Response, ...]

    def of(self, kind: type[T]) -> list[T]:
        """The responses of one kind."""
        return [one for one in self.responses if isinstance(one, kind)]

    def one(self, kind: type[T]) -> T:
        """The last of a kind without which OK makes no sense."""
        found = self.of(kind)
        if not found:
            raise Violation(f"OK, and no {kind.__name__} before it: {self.status.text!r:.60}")
        return found[-1]

    def code(self, kind: type[T]) -> T | None:
        """A code of that kind, in an untagged OK or the tagged one."""
        codes = [one.code for one in (*self.of(Status), self.status)]
        return next((code for code in codes if isinstance(code, kind)), None)

    @property
    def appended(self) -> AppendUid | None:
        return self.code(AppendUid)

    @property
    def copied(self) -> CopyUid | None:
        return self.code(CopyUid)

    @property
    def gone(self) -> Numbers:
        """The uids of VANISHED."""
        return Numbers(tuple(pair for one in self.of(Vanished) for pair in one.uids.ranges))


@dataclass(frozen=True, slots=True)
class Lost:
    """So many news were dropped, because nobody asked for them."""

    count: int


class NewsQueue:
    """What the server tells unasked, in order; `async for` ends when the connection has been closed in good order."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Response, int]] = deque()  # with its size in octets
        self._octets = 0
        self._lost = 0
        self._stirred = asyncio.Event()
        self._error: ConnectionEnded | None = None

    def put(self, response: Response, size: int = 0) -> None:
        """`size`: what the server sent for it, in octets."""
        self._kept.append((response, size))
        self._octets += size
        while len(self._kept) > MOST_NEWS or self._octets > MOST_OCTETS:
            self._octets -= self._kept.popleft()[1]
            self._lost += 1
        self._stirred.set()

    def end(self, error: ConnectionEnded) -> None:
        self._error = error
        self._stirred.set()

    def waiting(self) -> list[Response | Lost]:
        """What is here now."""
        found: list[Response | Lost] = [Lost(self._lost)] if self._lost else []
        found += [response for response, _ in self._kept]
        self._kept.clear()
        self._octets = self._lost = 0
        return found

    async def next(self) -> Response | Lost:
        """The next; ConnectionEnded when none will come."""
        while not self._kept and not self._lost:
            if self._error is not None:
                raise self._error
            self._stirred.clear()
            await self._stirred.wait()
        if self._lost:
            lost, self._lost = Lost(self._lost), 0
            return lost
        response, size = self._kept.popleft()
        self._octets -= size
        return response

    async def __aiter__(self) -> AsyncIterator[Response | Lost]:
        while True:
            try:
                yield await self.next()
            except ConnectionEnded as error:
                if type(error) is ConnectionEnded and error.__cause__ is None:
                    return
                raise
