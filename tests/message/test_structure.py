"""ENVELOPE and BODYSTRUCTURE as IMAP octets."""

from __future__ import annotations

import pytest

from postil.message.parse import parse
from postil.message.structure import bodystructure, envelope, nstring, render


def _envelope(header: bytes, *, utf8: bool = False) -> bytes:
    return envelope(parse(header + b"\r\n"), utf8=utf8)


def _structure(message: bytes, *, utf8: bool = False, extended: bool = True) -> bytes:
    return bodystructure(parse(message), utf8=utf8, extended=extended)


def test_envelope_of_a_usual_message() -> None:
    """Ten members in the order of the RFC."""
    header = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
    )
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    # RFC 9051 §8, the sample connection
    assert _envelope(header) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        + b" ".join((gray, gray, gray))
        + b' ((NIL NIL "imap" "cac.washington.edu"))'
        b' ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU"))'
        b' NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


def test_absent_and_empty_fields() -> None:
    """Absent is NIL; present but empty is an empty string for texts and NIL for addresses."""
    assert _envelope(b"X: y\r\n") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    empty = b"".join(
        name + b":\r\n"
        for name in b"Date Subject From Sender Reply-To To Cc Bcc In-Reply-To Message-Id".split()
    )
    assert _envelope(empty) == b'("" "" NIL NIL NIL NIL NIL NIL "" "")'


def test_sender_and_reply_to_default_to_from() -> None:
    """Both when absent and when empty; given, they are their own."""
    a, b = b'((NIL NIL "a" "x"))', b'((NIL NIL "b" "x"))'
    assert _envelope(b"From: a@x\r\nSender:\r\n") == b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (
        a,
        a,
        a,
    )
    assert _envelope(b"From: a@x\r\nSender: b@x\r\nReply-To: b@x\r\n") == (
        b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (a, b, b)
    )


def test_groups_have_markers_at_both_ends() -> None:
    """The start has the name and no host, the end neither; empty groups too."""
    assert _envelope(b"To: G: a@x, b@x;, Empty:;\r\n") == (
        b'(NIL NIL NIL NIL NIL ((NIL NIL "G" NIL)(NIL NIL "a" "x")(NIL NIL "b" "x")'
        b'(NIL NIL NIL NIL)(NIL NIL "Empty" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)'
    )


def test_an_address_without_domain_is_no_group() -> None:
    """Its host is an empty string, since NIL would start a group."""
    assert b'((NIL NIL "root" ""))' in _envelope(b"From: root\r\n")
    assert b'((NIL "@r.test" "a" "x"))' in _envelope(b"From: <@r.test:a@x>\r\n")


@pytest.mark.parametrize(
    ("value", "plain", "utf8"),
    [
        (None, b"NIL", b"NIL"),
        (b"", b'""', b'""'),
        (b"a b", b'"a b"', b'"a b"'),
        (b'a"b\\c', b'"a\\"b\\\\c"', b'"a\\"b\\\\c"'),
        ("é".encode(), b"{2}\r\n\xc3\xa9", b'"\xc3\xa9"'),
        (b"\xe9", b"{1}\r\n\xe9", b"{1}\r\n\xe9"),
        (b"a\rb", b"{3}\r\na\rb", b"{3}\r\na\rb"),
        (b"a\nb", b"{3}\r\na\nb", b"{3}\r\na\nb"),
        (b"a\0b", b'"ab"', b'"ab"'),
        ('é"'.encode(), b'{3}\r\n\xc3\xa9"', b'"\xc3\xa9\\""'),
    ],
)
def test_nstring(value: bytes | None, plain: bytes, utf8: bytes) -> None:
    """NIL, quoted or literal, as the client's session allows."""
    assert nstring(value) == plain
    assert nstring(value, utf8=True) == utf8


def test_simple_text_of_the_rfc() -> None:
    """The one-part example, with the defaults for what the header does not say."""
    message = b"Subject: x\r\n\r\n" + b"x" * 46 + b"\r\n"
    assert _structure(message, extended=False) == (
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 48 1)'
    )
    assert _structure(message) == (
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 48 1 NIL NIL NIL NIL)'
    )


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Extension data, if present, MUST be in the defined order. The extension data of a non-multipart body part are in the following order",
)
@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Extension data, if present, MUST be in the defined order. The extension data of a multipart body part are in the following order",
)
@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Server implementations MUST NOT send such extension data until it has been defined by a revision of this protocol.",
)
@pytest.mark.rfc(
    "3501",
    "7.4.2",
    "Server implementations MUST NOT send such extension data until it has been defined by a revision of this protocol.",
)
@pytest.mark.rfc(
    "3501",
    "7.4.2",
    "Extension data, if present, MUST be in the defined order. The extension data of a multipart body part are in the following order:",
)
@pytest.mark.rfc(
    "3501",
    "7.4.2",
    "Extension data, if present, MUST be in the defined order. The extension data of a non-multipart body part are in the following order:",
)
def test_extension_data_in_the_order_of_the_rfc() -> None:
    """MD5 (single parts only), disposition, language, location."""
    extension = (
        b"Content-Disposition: attachment; filename=a.txt\r\n"
        b"Content-Language: en, de\r\nContent-Location: http://example.com/\r\n"
    )
    single = (
        b"Content-Type: a/b\r\nContent-ID: <1@x>\r\nContent-Description: d\r\n"
        b"Content-MD5: Q2hlY2s=\r\n" + extension + b"\r\nxyz"
    )
    tail = b'("attachment" ("filename" "a.txt")) ("en" "de") "http://example.com/")'
    assert _structure(single) == b'("a" "b" NIL "<1@x>" "d" "7bit" 3 "Q2hlY2s=" ' + tail
    assert _structure(single, extended=False) == b'("a" "b" NIL "<1@x>" "d" "7bit" 3)'
    multi = (
        b"Content-Type: multipart/mixed; boundary=b\r\n" + extension + b"\r\n--b\r\n\r\n\r\n--b--"
    )
    assert _structure(multi).endswith(b') "mixed" ("boundary" "b") ' + tail)
    assert _structure(multi, extended=False).endswith(b') "mixed")')


def test_one_language_is_a_string() -> None:
    """A single tag is not a list."""
    assert _structure(b"Content-Language: en\r\n\r\n").endswith(b' NIL NIL "en" NIL)')


def test_a_message_in_a_message_shows_envelope_structure_and_lines() -> None:
    """Between the basic fields and the extension data."""
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhi\r\n"
    inner = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1'
    shown = b'("message" "rfc822" NIL NIL NIL "7bit" 19 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) '
    assert _structure(message) == shown + inner + b" NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"
    assert _structure(message, extended=False) == shown + inner + b") 3)"


@pytest.mark.rfc(
    "9755",
    "6",
    "When IMAP4rev2 and UTF8=ACCEPT are in use, the server MUST behave as described in [RFC9051].",
)
def test_message_global_is_opened_for_clients_that_know_it() -> None:
    """With UTF-8 it is a message like message/rfc822, else a basic part; never `same`."""
    message = b"Content-Type: message/global\r\n\r\nSubject: in\r\n\r\nhi\r\n"
    assert b"(NIL" not in _structure(message)
    assert b'(NIL "in" NIL' in _structure(message, utf8=True)
    assert not render(parse(message)).same


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Servers SHOULD decode parameter-value continuations as described in [RFC2231].",
)
def test_parameters_with_charset() -> None:
    """Continuations are joined for everyone; a charset is decoded where UTF-8 may be sent."""
    message = (
        b"Content-Type: a/b; x*0=on; x*1=e\r\n"
        b"Content-Disposition: attachment; filename*=iso-8859-1''%E9.txt\r\n\r\n"
    )
    assert b'("x" "one")' in _structure(message)
    assert '("filename*" "é.txt")'.encode() in _structure(message, utf8=True)
    assert b'("filename*" "utf-8\'\'%C3%A9.txt")' in _structure(message)
    assert not render(parse(message)).same


@pytest.mark.parametrize(
    ("message", "same"),
    [
        (b"Subject: plain\r\n\r\nx", True),
        (b"Subject: plain\r\n\r\n\xc3\xa9", True),
        (b"Subject: \xc3\xa9\r\n\r\nx", False),
        (b"Content-Type: a/b; name=\xc3\xa9\r\n\r\nx", False),
        (b"Content-Type: a/b; name*=us-ascii''a\r\n\r\nx", False),
    ],
)
def test_same_tells_whether_utf8_makes_a_difference(message: bytes, same: bool) -> None:
    """What is the same for every client may be kept ready-made."""
    found = render(parse(message))
    assert found.same is same
    if same:
        assert render(parse(message), utf8=True) == found
