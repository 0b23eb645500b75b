"""Replies as octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.smtp.replies import reply


def test_one_line() -> None:
    """Code, enhanced code, text."""
    assert reply(250, "2.1.0", "sender ok").encode() == b"250 2.1.0 sender ok\r\n"


@pytest.mark.rfc(
    "5321", "4.2.1", "In a multiline reply, the reply code on each of the lines MUST be the same"
)
def test_several_lines() -> None:
    """Hyphens on all lines but the last, both codes on every line."""
    assert reply(214, "2.0.0", "a", "b", "c").encode() == (
        b"214-2.0.0 a\r\n214-2.0.0 b\r\n214 2.0.0 c\r\n"
    )


def test_no_text() -> None:
    """RFC 4954 §4: the blank stands even without text."""
    assert reply(334, "", "").encode() == b"334 \r\n"


@pytest.mark.rfc(
    "6531",
    "3.7.4.2",
    "SMTPUTF8-aware SMTP servers MUST NOT include non-ASCII characters in replies except in the limited cases",
)
@given(st.lists(st.text(max_size=700), max_size=4))
def test_no_text_breaks_the_protocol(lines: list[str]) -> None:
    """Whatever a text holds: lines of at most 512 octets, printable ASCII, one code."""
    encoded = reply(550, "5.1.1", *lines).encode()
    assert encoded.endswith(b"\r\n")
    texts = encoded[:-2].split(b"\r\n")
    for at, line in enumerate(texts):
        assert len(line) <= 510
        assert line.startswith(b"550 5.1.1 " if at == len(texts) - 1 else b"550-5.1.1 ")
        assert all(32 <= octet < 127 for octet in line)


def test_codes_agree() -> None:
    """RFC 2034 §4: an enhanced code of another class is our own mistake."""
    with pytest.raises(AssertionError):
        reply(250, "5.0.0", "x")
