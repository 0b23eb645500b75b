"""Sets of positions as integers."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from postil.imap.search import mask

COUNT = 50
SETS = st.sets(st.integers(0, COUNT - 1))


@given(SETS, SETS)
def test_operations_are_those_of_sets(left: set[int], right: set[int]) -> None:
    """And, or and and-not of masks are intersection, union and difference."""
    a, b = (mask.from_positions(sorted(one), COUNT) for one in (left, right))
    assert set(mask.positions(a & b, COUNT)) == left & right
    assert set(mask.positions(a | b, COUNT)) == left | right
    assert list(mask.positions(a & ~b, COUNT)) == sorted(left - right)
    assert mask.from_positions(mask.positions(a, COUNT), COUNT) == a


@given(st.lists(st.integers(0, 400), max_size=40), st.sets(st.integers(0, 400)), st.integers(0, 40))
def test_tables(numbers: list[int], ones: set[int], count: int) -> None:
    """Numbers with a 1 in the table are found, for tables below and above an octet's range."""
    count = min(count, len(numbers))
    for size in (256, 401):
        low = [number % size for number in numbers]
        table = bytes(number in ones for number in range(size))
        want = [at for at, number in enumerate(low[:count]) if number in ones]
        found = mask.having(array("H", low), count, table)
        assert list(mask.positions(found, count)) == want


@given(st.lists(st.integers(0, 9)), st.integers(-1, 10))
def test_columns(values: list[int], bound: int) -> None:
    """Strictly above and below."""
    column = array("q", values)
    above = mask.positions(mask.above(column, len(values), bound), len(values))
    below = mask.positions(mask.below(column, len(values), bound), len(values))
    assert list(above) == [at for at, value in enumerate(values) if value > bound]
    assert list(below) == [at for at, value in enumerate(values) if value < bound]


def test_nothing() -> None:
    """An empty mailbox has an empty mask."""
    assert mask.everything(0) == 0
    assert list(mask.positions(0, 0)) == []
