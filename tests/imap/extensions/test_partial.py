"""PARTIAL: any page of any result is what a slice of all of it would be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.imap import logged_in, message, world

from postil.imap.extensions.esearch import Return, Wanted
from postil.imap.extensions.partial import Page
from postil.imap.extensions.searchres import to_save


@given(st.integers(0, 30), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_page(count: int, first: int, last: int, backward: bool) -> None:
    """One by one: a result is on the page when its place, from either end, is in the range."""
    found = list(range(100, 100 + count))
    low, high = sorted((first, last))
    place = {value: (count - at if backward else at + 1) for at, value in enumerate(found)}
    assert list(Page(first, last, backward).of(found)) == [
        value for value in found if low <= place[value] <= high
    ]


@pytest.mark.rfc(
    "9394",
    "3.1",
    "A single command MUST NOT contain more than one PARTIAL or ALL search return option;",
)
@pytest.mark.rfc(
    "9394",
    "3.1",
    "For SEARCH results, the entire list of results MUST be ordered in mailbox order",
)
@pytest.mark.rfc(
    "9394", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_order_and_exclusions() -> None:
    """From the newest on, and yet ascending; with ALL, or twice, BAD, in any case of letters."""
    async with world() as made:
        for number in range(1, 10):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        lines = await client.command("uid search return (partial -2:-5) not uid 6")
        assert re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\) UID PARTIAL \(-2:-5 4:5,7:8\)', lines[0])
        for options in ("ALL PARTIAL 1:2", "PARTIAL 1:2 ALL", "PARTIAL 1:2 COUNT PARTIAL 1:2"):
            (only,) = await client.command(f"SEARCH RETURN ({options}) ALL")
            assert only.startswith(b"t BAD")


@pytest.mark.parametrize(
    ("wanted", "saved"),
    [
        (Wanted.PARTIAL, [7, 8]),
        (Wanted.PARTIAL | Wanted.MIN, [1, 7, 8]),
        (Wanted.PARTIAL | Wanted.MAX, [7, 8, 9]),
        (Wanted.PARTIAL | Wanted.MIN | Wanted.MAX, [1, 7, 8, 9]),
        (Wanted.PARTIAL | Wanted.COUNT, list(range(1, 10))),
        (Wanted.PARTIAL | Wanted.COUNT | Wanted.MIN, list(range(1, 10))),
    ],
)
def test_table_1(wanted: Wanted, saved: list[int]) -> None:
    """RFC 9394 §3.2, table 1: what `$` becomes."""
    asked = Return(wanted | Wanted.SAVE, Page(7, 8, False))
    assert to_save(asked, range(1, 10)) == saved


async def test_fetch_does_not_count_what_is_gone() -> None:
    """A message that another session expunged takes no place on the page."""
    async with world() as made:
        for number in range(1, 6):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        other = await logged_in(made, "INBOX")
        await other.command("UID STORE 5 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        lines = await client.command("UID FETCH 1:* (UID) (PARTIAL -1:-2)")
        assert lines[:2] == [b"* 3 FETCH (UID 3)", b"* 4 FETCH (UID 4)"]
