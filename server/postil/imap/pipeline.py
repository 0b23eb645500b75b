"""Commands sent together share one group commit: begin the store's write, read on, answer in order.

RFC 9051 §5.5. Waiting for the disk after each of a hundred pipelined APPENDs costs a hundred syncs; begun together they cost one or two.

Theory of operation. A handler yields `Begun(write)` where it would await a write of the store, and gets the result sent back when it is
due. The session holds such commands in order as long as the next command is already here and of the same kind (APPEND after
APPEND, STORE after STORE), so none can change what another means; anything else, or silence, settles them all first. The answers come in the order of
the commands, and EXPUNGE is told only behind the last of them, since the others hold positions.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Final

from postil.imap.command import Done, Spec
from postil.imap.wire import Request

# Commands begun and not answered: their staged messages are on disk or in memory until then.
MOST: Final = 64
KINDS: Final = frozenset({"APPEND", "STORE", "UID STORE"})


class Begun:
    """A coroutine that has run up to its first wait and goes on when awaited, in the same task.

    Calling a write is what puts it into the writer's queue; a task of its own would do the same, but would
    need an event loop's API in pure code and somebody to own it.
    """

    __slots__ = ("_error", "_finished", "_result", "_waits_for", "_work")

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._finished = False
        self._result: Any = None
        self._error: Exception | None = None
        self._waits_for: Any = None
        try:
            self._waits_for = work.send(None)
        except StopIteration as stop:
            self._finished = True
            self._result = stop.value
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            self._finished = True
            self._error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._error is not None:
            raise self._error
        if self._finished:
            return self._result
        self._finished = True
        try:
            yield self._waits_for
        except BaseException:
            self._work.close()
            raise
        return (yield from self._work.__await__())


@dataclass(frozen=True, slots=True)
class InFlight:
    """A command whose write has begun."""

    request: Request
    spec: Spec
    pieces: AsyncGenerator[bytes | Done | Begun, Any]
    write: Begun
