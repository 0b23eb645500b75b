"""LIST patterns: right against a plain definition, and never slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.imap import listing
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import Mailbox


def plainly(pattern: str, name: str) -> bool:
    """The definition of RFC 9051 §6.3.9, letter by letter."""
    reach = {0}
    for letter in pattern:
        if letter in "*%":
            grown = set(reach)
            for start in reach:
                for end in range(start, len(name)):
                    if letter == "%" and name[end] == "/":
                        break
                    grown.add(end + 1)
            reach = grown
        else:
            reach = {at + 1 for at in reach if at < len(name) and name[at] == letter}
    return len(name) in reach


@given(st.text("ab/%*", max_size=8), st.text("ab/", min_size=1, max_size=10))
def test_patterns_mean_what_the_definition_says(wanted: str, name: str) -> None:
    """The compiled expression agrees with the definition on every name."""
    if wanted.endswith("/"):
        wanted += "a"  # a trailing delimiter is cut elsewhere
    pattern = listing.pattern("", wanted)
    assert pattern is not None
    assert pattern.matches(name) is plainly(wanted, name), (wanted, name)


@pytest.mark.parametrize(
    "wanted",
    ["*a" * 19 + "b", "%a" * 19 + "b", "*a%a" * 9 + "b", "%" * 300 + "b", "a%a*" * 9 + "c%c"],
)
def test_no_pattern_is_slow(wanted: str) -> None:
    """The nastiest patterns take milliseconds on the longest name, not minutes."""
    pattern = listing.pattern("", wanted)
    assert pattern is not None
    start = time.process_time()
    assert not pattern.matches("a" * 1000)
    assert time.process_time() - start < 1.0


def test_too_many_wildcards() -> None:
    """A pattern beyond the limit matches nothing."""
    assert listing.pattern("", "*a" * 50) is None


def test_levels_of_many_mailboxes() -> None:
    """Every level above a mailbox is a parent, also where no mailbox is."""
    boxes = [
        Mailbox(MailboxId(number), AccountId(1), f"top/{number}/leaf", 1, "F")
        for number in range(50)
    ]
    tree = listing.tree(boxes)
    assert tree.parents == {"top", *(f"top/{number}" for number in range(50))}
