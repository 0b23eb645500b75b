"""Content transfer encodings, whole and in a stream."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message.limits import QP_HOLD
from postil.message.parse import parse
from postil.message.transfer import (
    UnknownEncoding,
    decode,
    decoded,
    decoded_size,
    decoder,
)

_PIECES = st.lists(st.integers(1, 40), max_size=12)


def _stream(octets: bytes, encoding: str, cuts: list[int], *, lines: bool = False) -> bytes:
    made = decoder(encoding, lines=lines)
    out = []
    position = 0
    for cut in cuts:
        out.append(made.feed(octets[position : position + cut]))
        position += cut
    out.append(made.feed(octets[position:]))
    out.append(made.finish())
    return b"".join(out)


@given(st.binary(max_size=300), _PIECES)
def test_base64_reads_what_the_stdlib_writes(octets: bytes, cuts: list[int]) -> None:
    """Any octets come back, cut into pieces anywhere."""
    encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    assert _stream(encoded, "base64", cuts) == octets


@given(st.binary(max_size=300), _PIECES)
def test_quoted_printable_reads_what_the_stdlib_writes(octets: bytes, cuts: list[int]) -> None:
    """Any text comes back, cut into pieces anywhere."""
    octets = octets.replace(b"\r", b"")
    encoded = quopri.encodestring(octets)
    assert _stream(encoded, "quoted-printable", cuts) == octets


@given(st.binary(max_size=200), _PIECES, st.sampled_from(["base64", "quoted-printable", "8bit"]))
def test_pieces_do_not_matter(octets: bytes, cuts: list[int], encoding: str) -> None:
    """Garbage too is decoded to the same octets in one piece and in many, as text and as octets."""
    assert _stream(octets, encoding, cuts) == decode(octets, encoding)
    assert _stream(octets, encoding, cuts, lines=True) == _stream(octets, encoding, [], lines=True)


@pytest.mark.rfc(
    "2045", "6.8", "All line breaks or other characters not found in Table 1 must be ignored"
)
def test_base64_skips_what_is_foreign_and_stops_at_the_padding() -> None:
    """Line breaks and junk are passed over; what follows the padding is no data."""
    assert decode(b"aG\r\nVs*bG\xff8=\r\nfooter", "base64") == b"hello"
    assert decode(b"aGVsbG8", "base64") == b"hello"
    assert decode(b"aGVsb", "base64") == b"hel"
    assert decode(b"====", "base64") == b""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a=3Db", b"a=b"),
        (b"a=3db", b"a=b"),
        (b"soft=\r\nbreak", b"softbreak"),
        (b"soft= \t\r\nbreak", b"softbreak"),
        (b"soft=\nbreak", b"softbreak"),
        (b"blanks  \r\nhere\t\nend ", b"blanks\r\nhere\nend"),
        (b"not=ZZhex", b"not=ZZhex"),
        (b"a==b", b"a==b"),
        (b"end=", b"end"),
        (b"x=\rkept", b"x=\rkept"),
    ],
)
def test_quoted_printable_rules(text: bytes, expected: bytes) -> None:
    """RFC 2045 §6.7, and what it advises for broken input."""
    assert decode(text, "quoted-printable") == expected


def test_a_line_without_end_is_not_held() -> None:
    """A decoder holds a bounded part of a quoted-printable line that never ends."""
    made = decoder("quoted-printable")
    given_out = 0
    for _ in range(100):
        given_out += len(made.feed(b"x" * 1000))
    assert given_out >= 100_000 - 2 * QP_HOLD
    assert given_out + len(made.finish()) == 100_000


@pytest.mark.parametrize("name", ["x-unknown", "", "uuencode"])
def test_unknown_encodings_are_an_error(name: str) -> None:
    """IMAP has to answer UNKNOWN-CTE."""
    with pytest.raises(UnknownEncoding):
        decoder(name)


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "The value returned MUST match the size of the <nstring> or <literal8> that will be returned"
    " by the corresponding FETCH BINARY request.",
)
@pytest.mark.parametrize(
    "message",
    [
        b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8K\r\n",
        b"Content-Type: a/b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=0Ab\nc",
        b"Content-Type: a/b\r\n\r\na\nb",
        b"\r\na\nb\r\n",
    ],
)
def test_decoded_size_is_the_size_of_what_is_decoded(message: bytes) -> None:
    """BINARY.SIZE and BINARY agree."""
    part = parse(message)
    assert decoded_size(message, part) == len(b"".join(decoded(message, part)))


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "servers MUST ensure that textual line-oriented sections are always transmitted using the IMAP"
    " CRLF line termination syntax",
)
def test_text_has_crlf_and_octets_have_what_they_have() -> None:
    """Line ends of decoded text are CRLF; those of other types are not touched."""
    text = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(b"a\nb\r\nc\n")
    assert b"".join(decoded(text, parse(text))) == b"a\r\nb\r\nc\r\n"
    octets = b"Content-Type: a/b\r\n" + text
    assert b"".join(decoded(octets, parse(octets))) == b"a\nb\r\nc\n"


def test_a_crlf_cut_in_two_stays_one() -> None:
    """Line ends are the same wherever the stream is cut."""
    text = b"a\r\nb\nc\rd\r\n\n"
    for cut in range(len(text)):
        assert _stream(text, "8bit", [cut], lines=True) == b"a\r\nb\r\nc\rd\r\n\r\n"
