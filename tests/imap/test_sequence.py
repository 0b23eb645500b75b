"""Sequence sets: parsing, resolving, mapping to positions, writing."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.imap import sequence
from postil.imap.sequence import BadSet, SequenceSet, parse

NUMBERS = st.one_of(st.just(b"*"), st.integers(1, 40).map(lambda n: b"%d" % n))
ELEMENTS = st.one_of(NUMBERS, st.tuples(NUMBERS, NUMBERS).map(b":".join))
SETS = st.lists(ELEMENTS, min_size=1, max_size=8).map(b",".join)


def naive(octets: bytes, largest: int) -> set[int]:
    """The set by the words of the RFC, number by number."""
    numbers: set[int] = set()
    for element in octets.split(b","):
        ends = [largest if n == b"*" else int(n) for n in element.split(b":")]
        numbers.update(range(min(ends), max(ends) + 1))
    return numbers


@given(SETS, st.integers(1, 30))
def test_positions_of_sequence_numbers(octets: bytes, count: int) -> None:
    """Positions are those the RFC's words give, ascending, each once, none beyond the mailbox."""
    want = sorted(n - 1 for n in naive(octets, count) if n <= count)
    assert list(parse(octets).positions_of_seqs(count)) == want


@given(SETS, st.sets(st.integers(1, 60), max_size=30))
def test_positions_of_uids(octets: bytes, uids: set[int]) -> None:
    """Uids map to the positions of those that exist, whatever the order and overlap of the set."""
    ordered = sorted(uids)
    largest = ordered[-1] if ordered else 1
    wanted = naive(octets, largest)
    want = [at for at, uid in enumerate(ordered) if uid in wanted]
    assert list(parse(octets).positions_of_uids(array("I", ordered), len(ordered))) == want


@pytest.mark.rfc("9051", "9", "Example: 2:4 and 4:2 are equivalent and")
def test_reversed_range() -> None:
    """A range given backwards means the same."""
    assert parse(b"4:2").resolve(9) == parse(b"2:4").resolve(9) == [(2, 4)]


def test_star_below_the_named_end() -> None:
    """3291:* holds the last message even when its uid is lower."""
    assert list(parse(b"3291:*").positions_of_uids(array("I", [3, 9]), 2)) == [1]


def test_examples_of_the_grammar() -> None:
    """The RFC's two examples expand as it says."""
    assert parse(b"2,4:7,9,12:*").resolve(15) == [(2, 2), (4, 7), (9, 9), (12, 15)]
    assert parse(b"*:4,5:7").resolve(10) == [(4, 10)]


def test_untold_messages_are_not_reached() -> None:
    """Only the first `count` uids exist for the session; `*` is the last of these."""
    uids = array("I", [1, 2, 3, 4])
    assert list(parse(b"*").positions_of_uids(uids, 2)) == [1]
    assert list(parse(b"1:10").positions_of_uids(uids, 2)) == [0, 1]


def test_huge_ranges_cost_nothing() -> None:
    """A range over all numbers is mapped without counting them."""
    everything = parse(b"1:4294967295,1:4294967294")
    assert list(everything.positions_of_uids(array("I", [7]), 1)) == [0]
    assert everything.positions_of_seqs(100_000) == range(100_000)


@pytest.mark.parametrize(
    "octets",
    [b"", b"0", b"1:", b":1", b"1,,2", b"1,", b"a", b"-1", b"1:2:3", b"4294967296", b"01", b"1 ", b"$,1", b"**", b"99999999999999999999999"],
)  # fmt: skip
def test_not_a_set(octets: bytes) -> None:
    """What the grammar does not allow is refused."""
    with pytest.raises(BadSet):
        parse(octets)


def test_saved_result() -> None:
    """`$` stands alone."""
    assert parse(b"$") == SequenceSet((), saved=True)


@given(st.sets(st.integers(1, 200)))
def test_write_round_trip(numbers: set[int]) -> None:
    """A written set reads back as the same numbers, in the fewest ranges."""
    ordered = sorted(numbers)
    text = sequence.write(ordered)
    assert bool(text) == bool(ordered)
    if ordered:
        found = parse(text)
        assert [n for low, high in found.ranges for n in range(low, high + 1)] == ordered
        assert list(found.ranges) == found.resolve(1)


@given(st.lists(st.integers(1, 20)))
def test_write_in_order(numbers: list[int]) -> None:
    """COPYUID's sets keep their order."""
    text = sequence.write_in_order(numbers)
    back = [
        n
        for pair in text.split(b",")
        if pair
        for n in range(int(pair.split(b":")[0]), int(pair.split(b":")[-1]) + 1)
    ]
    assert back == numbers
