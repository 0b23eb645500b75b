"""EXTERNAL's one message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.sasl import external
from postil.sasl.plain import Malformed


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200))
def test_round_trip(identity: str) -> None:
    """Any characters but NUL; nothing is an identity too."""
    assert external.parse(identity.encode()) == identity


@pytest.mark.rfc(
    "4422",
    "3.4.1",
    "The authorization identity string is a sequence of zero or more Unicode [Unicode] characters, excluding the NUL (U+0000) character",
)
@pytest.mark.parametrize("message", [b"\0", b"ann\0", b"\xff", b"\xed\xa0\x80", b"x" * 1025])
def test_malformed(message: bytes) -> None:
    """NUL, octets that are no UTF-8, and what is longer than any name."""
    with pytest.raises(Malformed):
        external.parse(message)
