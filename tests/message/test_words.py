"""Encoded words."""

from __future__ import annotations

import email.header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 2047 §8
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
        # a character cut in two
        (b"=?utf-8?B?w6nD?= =?utf-8?B?qQ==?=", "éé"),
        (b"=?utf-8?Q?=C3?=\t=?utf-8?Q?=A9?=", "é"),
        # RFC 2231 §5
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        # broken, and still read
        (b"=?utf-8?B?w6k?=", "é"),
        (b"=?utf-8?B?w6 k=?=", "é"),
        (b"=?utf-8?B?!!!!?= x", " x"),
        (b"=?utf-8?Q?=C3=A9=?=", "é="),
        (b"=?utf-8?Q?a b?=", "a b"),
        (b"=?no-such?Q?=C3=A9?=", "é"),
        (b"=?utf-8?Q?=FF?=", "ÿ"),
        (b"=?utf-8?Q?open", "=?utf-8?Q?open"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("raw é".encode(), "raw é"),
        ("é".encode("latin-1"), "é"),
        (b"=?utf-8?Q?a?=x=?utf-8?Q?b?=", "axb"),
        (b"=?iso-2022-jp?B?GyRCNEE7ehsoQg==?=", "漢字"),
        (b"=?gb2312?B?urrX1g==?=", "汉字"),
    ],
)
def test_decode(value: bytes, text: str) -> None:
    """Encoded words, whole or broken, give the text that was meant."""
    assert words.decode(value) == text


@pytest.mark.rfc("2047", "2", "An 'encoded-word' may not be more than 75 characters long")
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_encode_gives_short_words_that_decode_to_the_text(text: str) -> None:
    """Any text survives encoding, in words of at most 75 characters, for us and for the stdlib."""
    encoded = words.encode(text)
    assert encoded.isascii()
    if encoded != text:
        assert all(len(word) <= 75 for word in encoded.split(" "))
        assert words.decode(encoded.encode()) == text
        pairs = email.header.decode_header(encoded)
        assert str(email.header.make_header(pairs)) == text


def test_ascii_is_left_alone_unless_it_looks_encoded() -> None:
    """Plain text is not encoded; text that would be decoded by a reader is."""
    assert words.encode("Hello, world") == "Hello, world"
    assert words.encode("=?x?q?y?=") != "=?x?q?y?="
