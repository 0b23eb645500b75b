"""Fields a server writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message import fields
from postil.message.compose import delivered_to, fold_field, return_path


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300))
def test_a_folded_field_is_one_field_with_the_same_value(value: str) -> None:
    """Folding changes nothing but the line breaks, and never makes a line of blanks only."""
    whole = fold_field("X-Test", value)
    (field,) = fields.iter_fields(whole)
    assert field.value == value.encode().strip(b" ")
    assert all(line.strip() for line in whole.split(b"\r\n")[:-1])


@pytest.mark.rfc("5322", "2.1.1", "SHOULD be no more than 78 characters, excluding the CRLF")
def test_lines_stay_within_78_octets() -> None:
    """A value of words is folded before the 79th octet."""
    value = "from a.example (b.example [192.0.2.1]) " * 20
    whole = fold_field("Received", value)
    lines = whole.split(b"\r\n")
    assert 50 < max(map(len, lines)) <= 78
    assert len(lines) > 10
    assert whole.replace(b"\r\n", b"").split() == b"Received: ".split() + value.encode().split()


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nBcc: x"), ("X", "a\0"), ("X Y", "a"), ("X:", "a"), ("", "a")]
)
def test_a_line_break_in_a_value_is_refused(name: str, value: str) -> None:
    """Nobody can smuggle a further field through a value."""
    with pytest.raises(ValueError, match="not a header field"):
        fold_field(name, value)


def test_delivery_fields() -> None:
    """Return-Path has angle brackets also around nothing; Delivered-To is bare."""
    assert return_path("") == b"Return-Path: <>\r\n"
    assert return_path("a@example.com") == b"Return-Path: <a@example.com>\r\n"
    assert delivered_to("a@example.com") == b"Delivered-To: a@example.com\r\n"
