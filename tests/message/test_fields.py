"""Header fields over octets."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message import fields

HEADER = (
    b"From: a@example.com\r\n"
    b"Subject: one\r\n\ttwo\r\n"
    b"X-Empty:\r\n"
    b"no colon here\r\n"
    b"subject : again\r\n"
    b"\r\n"
)


def test_every_field_is_found_with_its_octets() -> None:
    """Names come in lower case, continuation lines belong to their field."""
    found = list(fields.iter_fields(HEADER))
    assert [field.name for field in found] == [b"from", b"subject", b"x-empty", b"", b"subject"]
    assert found[1].raw == b"Subject: one\r\n\ttwo\r\n"
    assert found[1].value == b"one\ttwo"
    assert found[2].value == b""
    assert b"".join(field.raw for field in found) + b"\r\n" == HEADER


@pytest.mark.rfc(
    "9051", "6.4.5.1", "The field-matching is ASCII-range case insensitive but is otherwise exact."
)
def test_subset_matches_names_without_case_and_otherwise_exactly() -> None:
    """A name selects exactly its fields, in any case, all occurrences."""
    assert fields.subset(HEADER, [b"SUBJECT"]) == (
        b"Subject: one\r\n\ttwo\r\nsubject : again\r\n\r\n"
    )
    assert fields.subset(HEADER, [b"Subj"]) == b"\r\n"


def test_excluding_subset_keeps_the_rest_octet_for_octet() -> None:
    """HEADER.FIELDS.NOT keeps everything else, lines that are no fields included."""
    assert fields.subset(HEADER, [b"subject", b"from"], exclude=True) == (
        b"X-Empty:\r\nno colon here\r\n\r\n"
    )
    assert fields.subset(HEADER, [], exclude=True) == HEADER


def test_blank_line_is_given_as_received_or_not_at_all() -> None:
    """A header without blank line gets none; one that ends lines with LF keeps its LF."""
    assert fields.subset(b"From: a\r\nTo: b\r\n", [b"to"]) == b"To: b\r\n"
    assert fields.subset(b"From: a\nTo: b\n\n", [b"to"]) == b"To: b\n\n"
    assert fields.subset(b"From: a\r\nTo: b", [b"to"]) == b"To: b"
    assert fields.subset(b"", [b"to"]) == b""


def test_first_and_all_values() -> None:
    """The first value and all values of a name are found, unfolded."""
    assert fields.first(HEADER, b"Subject") == b"one\ttwo"
    assert fields.values(HEADER, b"subject") == [b"one\ttwo", b"again"]
    assert fields.first(HEADER, b"bcc") is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" a\r\n b\r\n", b"a b"),
        (b" a\n\tb\n", b"a\tb"),
        (b"a\r\r\n b", b"a b"),
        (b" \r\n \r\n x", b"x"),
        (b"nul\0 stays", b"nul\0 stays"),
        (b"bare\rstays", b"bare\rstays"),
    ],
)
def test_unfolding_removes_line_breaks_only(raw: bytes, value: bytes) -> None:
    """White space inside a value stays as it was written; around it, it goes."""
    assert fields.unfold(raw) == value


_PIECES = (
    b"From",
    b"to",
    b"X",
    b":",
    b" ",
    b"\t",
    b"\r\n",
    b"\n",
    b"\r",
    b"a",
    b"\xff",
    b"\0",
    b"TO:",
)


@given(st.lists(st.sampled_from(_PIECES), max_size=20).map(b"".join))
def test_subset_is_what_the_fields_one_by_one_give(text: bytes) -> None:
    """The short cut for named fields finds exactly what iterating finds, however broken the header."""
    blank = re.search(rb"(?:\A|\n)\r?\n", text)
    header = text[: blank.end()] if blank else text
    kept = [field.raw for field in fields.iter_fields(header) if field.name in (b"from", b"to")]
    expected = b"".join((*kept, fields.blank_line(header)))
    assert fields.subset(header, [b"from", b"To", b"no name"]) == expected
