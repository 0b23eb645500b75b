"""Text for search, and previews."""

from __future__ import annotations

import pytest

from postil.message import content
from postil.message.limits import MAX_PREVIEW
from postil.message.markup import strip_html
from postil.message.parse import parse

NESTED = (
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"
    "X-Raw: ünïcode\r\n"
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    "<p>Caf=E9 &amp; <b>Kuchen</b><script>var hidden</script></p>\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner subject\r\n\r\ninner text\r\n"
    "--b\r\nContent-Type: application/pdf; name*=utf-8''pl%C3%A4n.pdf\r\n\r\n%PDF invisible\r\n"
    "--b--\r\n"
).encode()


def test_search_text_holds_everything_a_person_can_read() -> None:
    """Headers, texts of every depth and attachment names are in it, decoded; markup is not."""
    text = content.search_text(NESTED, parse(NESTED))
    for wanted in (
        "Subject: Grüße",
        "ünïcode",
        "Café & Kuchen",
        "inner subject",
        "inner text",
        "plän.pdf",
    ):
        assert wanted in text
    for unwanted in ("hidden", "<b>", "invisible"):
        assert unwanted not in text


def test_body_texts_leave_the_header_out() -> None:
    """SEARCH BODY does not look into the message's own header, but into those of inner messages."""
    text = "\n".join(content.body_texts(NESTED, parse(NESTED)))
    assert "Grüße" not in text
    assert "inner subject" in text


def test_headers_of_parts_are_text_and_not_body() -> None:
    """SEARCH TEXT finds a Content-ID; the header of the message itself is there once."""
    message = (
        b"Subject: top\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-ID: <one@example.org>\r\n\r\nx\r\n--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
        b"Content-Description: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\ny\r\n--c--\r\n--b--\r\n"
    )
    headers = "\n".join(content.part_headers(message, parse(message)))
    assert "one@example.org" in headers and "Description: Grüße" in headers
    assert "top" not in headers
    assert "one@example.org" not in "\n".join(content.body_texts(message, parse(message)))
    assert "one@example.org" in content.search_text(message, parse(message))


def test_header_values_are_decoded() -> None:
    """SEARCH HEADER sees what a person sees."""
    root = parse(NESTED)
    assert content.header_values(NESTED, root, b"SUBJECT") == ["Grüße"]
    assert content.header_values(NESTED, root, b"x-none") == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"\r\nHello,\r\n\r\n  this is\t it.\r\n", "Hello, this is it."),
        (b"\r\n> quoted\r\nmine\r\n-- \r\nme\r\n", "mine"),
        (b"Content-Type: text/html\r\n\r\n<style>p{}</style><p>A<br>B&nbsp;C</p>", "A B C"),
        (b"Content-Type: image/png\r\n\r\nxyz", ""),
        (b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nxyz", ""),
        (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6k=",
            "é",
        ),
        (b"", ""),
        (b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n", ""),
        (b"\r\nFor you:\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n", "For you:"),
    ],
)
def test_preview(message: bytes, text: str) -> None:
    """The first words of what the author wrote; nothing when there is no text."""
    assert content.preview(parse(message), message) == text


@pytest.mark.rfc(
    "8970", "3.3", "The server MUST NOT output preview text longer than 256 preview characters."
)
@pytest.mark.rfc(
    "8970",
    "3.3",
    "The server SHOULD limit the length of the preview text to 200 preview characters.",
)
def test_preview_is_at_most_200_characters() -> None:
    """However long the text."""
    message = b"\r\n" + "é word ".encode() * 10_000
    found = content.preview(parse(message), message)
    assert MAX_PREVIEW - 10 < len(found) <= 200


@pytest.mark.rfc("8970", "3.2", "the server MUST return a zero-length string")
def test_encrypted_messages_have_no_preview() -> None:
    """Ciphertext is not shown, nor the words around it."""
    message = b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\nThis is encrypted\r\n--b--\r\n"
    assert content.preview(parse(message), message) == ""


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<!-- x <b> -->b", "ab"),
        ("a<!-- open", "a"),
        ("1 < 2 &lt; 3", "1 < 2 < 3"),
        ("<p>a</p><p>b</p>", "\na\n\nb\n"),
        ("<SCRIPT>x</SCRIPT >y", "y"),
        ("<script>never closed", ""),
        ("<head><title>t</title></head>body", "body"),
        ("<head>body", "body"),
        ("a<br/>b", "a\nb"),
        ("a<b", "a"),
        ("<!DOCTYPE html>a", "a"),
        ("İ<script>x</script>y", "İy"),
    ],
)
def test_strip_html(html: str, text: str) -> None:
    """The visible text remains."""
    assert strip_html(html) == text
