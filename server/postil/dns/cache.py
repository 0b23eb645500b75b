"""What was asked before, for as long as the answer says; bounded, the least recently used goes first.

RFC 1035 §7.4, RFC 2308 §5 (that something is not there may be kept too). Only what somebody knew is kept: a failure is asked again.
"""

from __future__ import annotations

from collections import OrderedDict

from postil.base.clock import Clock
from postil.dns import limits
from postil.ports.resolver import Answer, Record

Key = tuple[str, type[Record]]


class Cache:
    """Answers by name and kind."""

    def __init__(self, clock: Clock, most: int = limits.CACHE_ANSWERS) -> None:
        self._clock = clock
        self._most = most
        self._kept: OrderedDict[Key, tuple[float, Answer[Record]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Answer[Record] | None:
        """The answer, if it is still good."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept[0] <= self._clock.monotonic():
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept[1]

    def put(self, key: Key, answer: Answer[Record], octets: int) -> None:
        """Keep an answer that came in `octets`; one with no time to live, or too large, is not."""
        if not answer.outcome.known or answer.ttl <= 0 or octets > limits.CACHE_OCTETS:
            return
        self._kept[key] = (self._clock.monotonic() + answer.ttl, answer)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
