"""Time-outs for thousands of connections at the price of setting an attribute.

A timer of the loop per read costs 2 us to set and cancel, a tenth of a whole command. Here each connection keeps its
deadline in an attribute; a bucket per second (finer for short waits) holds the connections to look at. A connection
whose deadline has moved on when its bucket comes is put into a later one, so in the usual case, commands
arriving all the time, nothing is done per read.

Late by at most one step: a second for waits of ten and more, a twentieth for shorter ones.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from typing import Final, Protocol

LONG: Final = 10.0
COARSE: Final = 1.0
FINE: Final = 0.05
_EARLY: Final = 0.001  # loops round their clocks to a millisecond


class Watched(Protocol):
    """Something with a deadline."""

    deadline: float | None  # in the loop's time; None: waits for nothing
    bucket: float | None  # the wheel's own note: which bucket holds it

    def expired(self) -> None:
        """The deadline has passed; it is None by now."""
        ...

    def __hash__(self) -> int: ...


class Wheel:
    """The buckets of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._buckets: dict[float, set[Watched]] = {}
        self._order: list[float] = []
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, item: Watched, seconds: float) -> None:
        """Call `item.expired()` unless its deadline is moved or cleared before `seconds` are over."""
        deadline = self._loop.time() + seconds
        item.deadline = deadline
        if item.bucket is not None and item.bucket > deadline + COARSE:
            self._buckets[item.bucket].discard(item)
            item.bucket = None
        if item.bucket is None:
            self._put(item, deadline, seconds)

    def _put(self, item: Watched, deadline: float, seconds: float) -> None:
        step = COARSE if seconds >= LONG else FINE
        key = math.ceil(deadline / step) * step
        held = self._buckets.get(key)
        if held is None:
            held = self._buckets[key] = set()
            heapq.heappush(self._order, key)
            if self._order[0] == key:
                self._arm()
        held.add(item)
        item.bucket = key

    def forget(self, item: Watched) -> None:
        """The connection is gone: hold on to it no longer, its deadline may be half an hour away."""
        item.deadline = None
        if item.bucket is not None:
            self._buckets[item.bucket].discard(item)
            item.bucket = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._order:
            self._timer = self._loop.call_at(self._order[0], self._turn)

    def _turn(self) -> None:
        now = self._loop.time()
        late = []
        while self._order and self._order[0] <= now + _EARLY:
            key = heapq.heappop(self._order)
            for item in self._buckets.pop(key):
                item.bucket = None
                if item.deadline is None:
                    continue
                if item.deadline <= now + _EARLY:
                    late.append(item)
                else:
                    self._put(item, item.deadline, item.deadline - now)
        self._arm()
        for item in late:
            # An `expired` before this one may have changed it.
            if item.deadline is not None and item.deadline <= now + _EARLY:
                item.deadline = None
                item.expired()

    def close(self) -> None:
        """Forget everything; nothing expires any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for held in self._buckets.values():
            for item in held:
                item.bucket = None
        self._buckets.clear()
        self._order.clear()
