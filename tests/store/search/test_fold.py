"""i;unicode-casemap (RFC 5051)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.store.search.fold import SEPARATOR, fold
from postil.store.search.text import FOLD_STEP, folded_pieces


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("Hello, World", "HELLO, WORLD"),
        ("ǅ Ǆ ǆ", "Dz\u030c Dz\u030c Dz\u030c"),
        ("Größe", "GRO\u0308ßE"),
        ("é e\u0301", "E\u0301 E\u0301"),
        ("ﬁ", "fi"),
        ("①", "1"),
        ("\x00a\x01", " A "),
        ("\ud800x", "?X"),
    ],
)
def test_examples(text: str, folded: str) -> None:
    """Titlecase first, then full decomposition: RFC 5051 §2 with its example of U+01C4."""
    assert fold(text) == folded


@given(st.text())
def test_like_the_rules_applied_to_each_character(text: str) -> None:
    """The fast path gives what the steps of RFC 5051 §2 give one character at a time."""
    text = text.replace("\0", " ").replace(SEPARATOR, " ")
    slow = "".join(
        character if len(character.title()) != 1 else character.title()
        for character in text.encode("utf-8", "replace").decode()
    )
    assert fold(text) == unicodedata.normalize("NFKD", slow)


@given(st.text(alphabet="aZ\u0301ßé 字", min_size=1, max_size=20))
def test_pieces(text: str) -> None:
    """A long text folded in slices is the text folded at once."""
    long = text * (FOLD_STEP // len(text) + 7)
    assert list(folded_pieces(long))[-1] == fold(long)
