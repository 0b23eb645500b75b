"""Sets of numbers as a server writes them: `1:3,7`, in the order written.

RFC 9051 §9 (sequence-set, uid-set), RFC 4731 §3.1 (ALL), RFC 10022 §3.1.2 (ranges that fall).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SET = re.compile(rb"[0-9]{1,10}(?::[0-9]{1,10})?(?:,[0-9]{1,10}(?::[0-9]{1,10})?)*+")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Ranges in the order written; a range may fall (`7:3`), and none is ever expanded unasked."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Numbers:
        """These numbers in this order, joined to ranges where they follow each other."""
        out: list[tuple[int, int]] = []
        for number in numbers:
            if out and number == out[-1][1] + 1:
                out[-1] = (out[-1][0], number)
            else:
                out.append((number, number))
        return cls(tuple(out))

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1) if first <= last else range(first, last - 1, -1)

    def __contains__(self, number: int) -> bool:
        return any(min(pair) <= number <= max(pair) for pair in self.ranges)

    @property
    def count(self) -> int:
        """How many there are, each range counted for itself. No `__len__`: it could not tell of 2^63."""
        return sum(abs(last - first) + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __bytes__(self) -> bytes:
        return b",".join(
            b"%d" % first if first == last else b"%d:%d" % (first, last)
            for first, last in self.ranges
        )


def scan(text: bytes, at: int) -> tuple[Numbers, int] | None:
    """The set that begins at `at` and where it ends; None when there is none."""
    match = _SET.match(text, at)
    if match is None:
        return None
    ranges = []
    for element in match.group().split(b","):
        first, _, last = element.partition(b":")
        ranges.append((int(first), int(last or first)))
    return Numbers(tuple(ranges)), match.end()
