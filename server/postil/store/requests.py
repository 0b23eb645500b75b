"""What the writer thread is asked for, how it waits its turn, and what becomes of it.

An intent is a wish as a value, a request the wish with somebody who waits for it. Everything that waits makes one batch, within limits.
"""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from postil.store.events import Event
from postil.store.limits import BATCH_INTENTS, BATCH_OCTETS
from postil.store.segments import Record
from postil.store.transaction import Transaction

T = TypeVar("T")


class Intent(Generic[T]):
    """A change somebody wants; subclasses are dataclasses in `intents`.

    `records`: bodies to be in the log before `execute`. `grows`: refuse it below the floor of free space.
    """

    records: Sequence[Record] = ()
    grows: bool = False

    def prepare(self, tx: Transaction) -> None:
        """Before the bodies are written, outside of any transaction."""

    def execute(self, tx: Transaction) -> T:
        """Do it, in a savepoint. StoreError: nothing has happened."""
        raise NotImplementedError


@dataclass(slots=True)
class Outcome:
    """What became of a request; `events` are empty unless it went well."""

    future: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None
    events: Sequence[Event] = ()


@dataclass(slots=True)
class Request:
    intent: Intent[Any]
    future: asyncio.Future[Any]


_WAKE = object()


@dataclass(slots=True)
class Inbox:
    """Requests on their way into the thread."""

    requests: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    chores: deque[Request] = field(default_factory=deque)
    held: Request | None = None  # taken, but too big for the batch it was taken for

    def put(self, request: Request) -> None:
        """For the next batch."""
        self.requests.put(request)

    def put_chore(self, request: Request) -> None:
        """For when nothing else waits."""
        self.chores.append(request)
        self.requests.put(_WAKE)

    def end(self) -> None:
        """Nothing comes any more."""
        self.requests.put(None)

    def take(self, wait: bool, ending: bool) -> tuple[list[Request], bool]:
        """Everything that waits, up to a batch; True when the end was asked for."""
        batch: list[Request] = []
        octets = 0
        if self.held is not None:
            batch.append(self.held)
            octets = sum(record.space for record in self.held.intent.records)
            self.held = None
            wait = False
        while len(batch) < BATCH_INTENTS:
            try:
                item = self.requests.get(block=wait and not batch and not ending)
            except queue.Empty:
                break
            if item is None:
                ending = True
                continue
            if item is _WAKE:
                if not batch:
                    break
                continue
            request: Request = item
            octets += sum(record.space for record in request.intent.records)
            if batch and octets > BATCH_OCTETS:
                self.held = request
                break
            batch.append(request)
        return batch, ending
