"""Sequence sets and uid sets: `2,4:7,9,12:*` and `$`.

RFC 9051 §4.1.1, §9 (sequence-set, uid-set), §6.4.4.1 (`$`); RFC 3501 §9 with erratum 261.

A `SequenceSet` is what the client wrote, with `*` not yet resolved. Against a mailbox it becomes ascending
ranges without overlaps, so each message is answered once, however often the client named it.
Ranges are mapped to positions by bisection, never number by number: `1:4294967295` costs as much as `1`.
"""

from __future__ import annotations

import functools
import itertools
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STAR = 0  # stands for "*" in a range; no message has number 0
HIGHEST = 2**32 - 1  # RFC 9051 §9: nz-number is an unsigned 32-bit integer

_SET = re.compile(
    rb"(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?(?:,(?:[1-9][0-9]{0,9}|\*)(?::(?:[1-9][0-9]{0,9}|\*))?)*+"
)


class BadSet(ValueError):
    """The octets are not a sequence set."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A set as written; `saved` is the lone `$`, the result of the last SEARCH that saved one."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False

    @property
    def has_star(self) -> bool:
        """Does it need to know the largest number?"""
        return any(STAR in pair for pair in self.ranges)

    @property
    def largest_named(self) -> int:
        """The largest number written out, 0 when there is none."""
        return max((max(pair) for pair in self.ranges), default=0)

    def resolve(self, largest: int) -> list[tuple[int, int]]:
        """Ascending, disjoint, not adjacent ranges, with `largest` for `*`."""
        # RFC 9051 §9: 3291:* includes the last message even when its uid is less than 3291.
        if len(self.ranges) == 1:
            low, high = self.ranges[0]
            low, high = low or largest, high or largest
            return [(low, high) if low <= high else (high, low)]
        pairs = []
        for low, high in self.ranges:
            low, high = low or largest, high or largest
            pairs.append((low, high) if low <= high else (high, low))
        return merge(pairs)

    def positions_of_seqs(self, count: int) -> Sequence[int]:
        """Positions (number - 1) of the set in a mailbox of `count`; what lies beyond is left out."""
        if not count:
            return ()
        return _join(
            [range(low - 1, min(high, count)) for low, high in self.resolve(count) if low <= count]
        )

    def positions_of_uids(self, uids: array[int], count: int, uidnext: int = 1) -> Sequence[int]:
        """Positions among the first `count` of `uids` (ascending) whose uid is in the set."""
        # RFC 9051 §9: in an empty mailbox "*" is the current UIDNEXT value.
        largest = uids[count - 1] if count else uidnext
        found = []
        for low, high in self.resolve(largest):
            start = bisect_left(uids, low, 0, count)
            stop = bisect_right(uids, high, start, count)
            if start < stop:
                found.append(range(start, stop))
        return _join(found)

    def __contains__(self, number: int) -> bool:
        """Is a number in the set? Only for sets without `*`."""
        return any(min(pair) <= number <= max(pair) for pair in self.ranges)


def parse(octets: bytes) -> SequenceSet:
    """The set the client wrote; BadSet when it is none."""
    if octets == b"$":
        return SequenceSet((), saved=True)
    found, end = scan(octets, 0)
    if end != len(octets):
        raise BadSet(octets)
    return found


def scan(octets: bytes, at: int) -> tuple[SequenceSet, int]:
    """The set that begins at `at`, and where it ends."""
    if octets[at : at + 1] == b"$":
        return SequenceSet((), saved=True), at + 1
    match = _SET.match(octets, at)
    if match is None:
        raise BadSet(octets[at:])
    written = match.group()
    read = _short_set if len(written) <= _SHORT else _read_set
    return read(written), match.end()


def _read_set(octets: bytes) -> SequenceSet:
    ranges = []
    for element in octets.split(b","):
        first, colon, second = element.partition(b":")
        low = STAR if first == b"*" else int(first)
        high = low if not colon else STAR if second == b"*" else int(second)
        if low > HIGHEST or high > HIGHEST:
            raise BadSet(element)
        ranges.append((low, high))
    return SequenceSet(tuple(ranges))


# `1:*` and its like come again and again; sets are immutable, so one will do.
_SHORT = 32
_short_set = functools.lru_cache(maxsize=1024)(_read_set)


def merge(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending ranges, overlapping and adjacent ones joined."""
    merged: list[tuple[int, int]] = []
    last = -1
    for low, high in sorted(pairs):
        if merged and low <= last + 1:
            if high > last:
                merged[-1] = (merged[-1][0], high)
                last = high
        else:
            merged.append((low, high))
            last = high
    return merged


def ranges_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The ranges that ascending numbers form."""
    if not numbers:
        return []
    if numbers[-1] - numbers[0] + 1 == len(numbers):
        return [(numbers[0], numbers[-1])]
    # Where a run ends: found in one comprehension, so that 100,000 numbers take milliseconds.
    ends = [at for at, (one, two) in enumerate(itertools.pairwise(numbers)) if two != one + 1]
    starts = [0, *(end + 1 for end in ends)]
    ends.append(len(numbers) - 1)
    return [(numbers[start], numbers[end]) for start, end in zip(starts, ends, strict=True)]


def write(numbers: Sequence[int]) -> bytes:
    """Ascending numbers as the shortest set; b"" for none."""
    return write_ranges(ranges_of(numbers))


def write_ranges(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Ranges as a set, in the order given."""
    return ",".join([f"{low}" if low == high else f"{low}:{high}" for low, high in ranges]).encode(
        "ascii"
    )


def write_in_order(numbers: Sequence[int]) -> bytes:
    """Numbers in the order given as a set whose expansion has the same order.

    For COPYUID, where the n-th uid of one set belongs to the n-th of the other (RFC 9051 §7.1).
    """
    if not numbers:
        return b""
    out = []
    start = previous = numbers[0]
    for number in numbers[1:]:
        if number != previous + 1:
            out.append((start, previous))
            start = number
        previous = number
    out.append((start, previous))
    return write_ranges(out)


def _join(ranges: list[range]) -> Sequence[int]:
    if not ranges:
        return ()
    if len(ranges) == 1:
        return ranges[0]
    joined: list[int] = []
    for piece in ranges:
        joined.extend(piece)
    return joined
