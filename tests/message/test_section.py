"""Section specifications: which octets BODY[1.2.MIME] means."""

from __future__ import annotations

import pytest

from postil.message.parse import parse
from postil.message.section import Specifier, section_part, section_range


def _multipart(boundary: bytes, *parts: bytes) -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n%b--%b--\r\n" % (
        boundary,
        body,
        boundary,
    )


def _text(text: bytes) -> bytes:
    return b"Content-Type: text/plain\r\n\r\n" + text


def _message(inner: bytes) -> bytes:
    return b"Content-Type: message/rfc822\r\n\r\n" + inner


# The complex message of RFC 9051 §6.4.5.1.
_INNER_3 = b"Subject: three\r\n" + _multipart(b"c3", _text(b"3.1"), _text(b"3.2"))
_INNER_42 = b"Subject: four-two\r\n" + _multipart(
    b"c42", _text(b"4.2.1"), _multipart(b"c422", _text(b"4.2.2.1"), _text(b"4.2.2.2"))
)
COMPLEX = b"Subject: top\r\n" + _multipart(
    b"top",
    _text(b"1"),
    b"Content-Type: application/octet-stream\r\n\r\n2",
    _message(_INNER_3),
    _multipart(b"c4", b"Content-Type: image/gif\r\n\r\n4.1", _message(_INNER_42)),
)


def _section(data: bytes, numbers: str, specifier: Specifier = "") -> bytes | None:
    found = section_range(
        parse(data), tuple(map(int, numbers.split("."))) if numbers else (), specifier
    )
    return None if found is None else data[slice(*found)]


@pytest.mark.rfc(
    "9051",
    "6.4.5.1",
    "If a particular part is of type message or multipart, its parts MUST be indicated by a period"
    " followed by the part number within that nested multipart part.",
)
@pytest.mark.parametrize("numbers", ["1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"])
def test_the_parts_of_the_complex_message(numbers: str) -> None:
    """Each leaf of the RFC's example is found under its number."""
    assert _section(COMPLEX, numbers) == numbers.encode()


def test_specifiers_of_the_complex_message() -> None:
    """HEADER, TEXT and MIME of the message, of messages in it and of parts."""
    top_header, _, top_text = COMPLEX.partition(b"\r\n\r\n")
    assert _section(COMPLEX, "") == COMPLEX
    assert _section(COMPLEX, "", "HEADER") == top_header + b"\r\n\r\n"
    assert _section(COMPLEX, "", "TEXT") == top_text
    assert _section(COMPLEX, "3") == _INNER_3
    assert _section(COMPLEX, "3", "MIME") == b"Content-Type: message/rfc822\r\n\r\n"
    assert _section(COMPLEX, "3", "HEADER") == _INNER_3.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    assert _section(COMPLEX, "4.2", "TEXT") == _INNER_42.partition(b"\r\n\r\n")[2]
    assert _section(COMPLEX, "4.1", "MIME") == b"Content-Type: image/gif\r\n\r\n"


@pytest.mark.rfc(
    "9051",
    "6.4.5.1",
    "The MIME part specifier MUST be prefixed by one or more numeric part specifiers.",
)
def test_mime_needs_a_number() -> None:
    """The message itself has no MIME section."""
    assert _section(COMPLEX, "", "MIME") is None


@pytest.mark.parametrize("numbers", ["5", "0", "1.1", "3.3", "3.1.1", "4.2.2.3", "4.2.2.1.1"])
def test_sections_that_are_not_there(numbers: str) -> None:
    """A number too many or too high names nothing."""
    assert _section(COMPLEX, numbers) is None


@pytest.mark.parametrize("specifier", ["HEADER", "TEXT"])
def test_header_and_text_belong_to_messages_only(specifier: Specifier) -> None:
    """A part that is no message has neither."""
    assert _section(COMPLEX, "1", specifier) is None
    assert _section(COMPLEX, "4", specifier) is None


def test_a_message_of_one_part_has_part_1() -> None:
    """Its body is part 1 and its header the MIME header of that; a message in a message too."""
    data = b"Subject: x\r\n\r\nbody"
    assert _section(data, "1") == b"body"
    assert _section(data, "1", "MIME") == b"Subject: x\r\n\r\n"
    assert _section(data, "1.1") is None
    assert _section(data, "2") is None
    whole = _message(data)
    assert _section(whole, "1") == data
    assert _section(whole, "1.1") == b"body"
    assert _section(whole, "1", "HEADER") == b"Subject: x\r\n\r\n"


def test_section_part_without_numbers_is_the_message() -> None:
    """No number, the whole."""
    root = parse(COMPLEX)
    assert section_part(root, ()) is root
