"""Content-Type, Content-Disposition and RFC 2231."""

from __future__ import annotations

import pytest

from postil.message.params import content_type, disposition, find_param


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"TEXT/Plain; Charset=UTF-8", ("text", "plain", ((b"charset", b"UTF-8"),))),
        (
            b"text/plain; charset=us-ascii (Plain; (nested) text)",
            ("text", "plain", ((b"charset", b"us-ascii"),)),
        ),
        (b"text / html ;charset = x", ("text", "html", ((b"charset", b"x"),))),
        (
            b'multipart/mixed; boundary="a \\"quoted\\" (one); x"',
            ("multipart", "mixed", ((b"boundary", b'a "quoted" (one); x'),)),
        ),
        (b'a/b; name="never closed', ("a", "b", ((b"name", b"never closed"),))),
        (
            b"a/b; name=with blanks.pdf; x=y",
            ("a", "b", ((b"name", b"with blanks.pdf"), (b"x", b"y"))),
        ),
        (b'a/b; charset="x" name="y"', ("a", "b", ((b"charset", b"x"), (b"name", b"y")))),
        (b"a/b; junk; x=", ("a", "b", ((b"x", b""),))),
        (b"a/b; x=1; x=2", ("a", "b", ((b"x", b"1"), (b"x", b"2")))),
    ],
)
def test_content_type(value: bytes, expected: object) -> None:
    """Type and parameters are read from all that is in use, in order."""
    assert content_type(value) == expected


@pytest.mark.parametrize(
    "value", [b"", b"text", b"text/", b"/plain", b"; x=y", b"\xff/\xfe", b"a b/c"]
)
def test_invalid_content_type_is_plain_text(value: bytes) -> None:
    """What is not type/subtype is treated as text/plain (RFC 2045 §5.2)."""
    assert content_type(value) == ("text", "plain", ())


def test_continuations_are_joined_in_any_order() -> None:
    """RFC 2231 §3: sections are put in the order of their numbers."""
    media = content_type(b'message/external-body; URL*1="cs.utk.edu/"; URL*0="ftp://"; x=y')
    assert media.params == ((b"url", b"ftp://cs.utk.edu/"), (b"x", b"y"))


@pytest.mark.rfc(
    "9051",
    "7.5.2",
    "Servers SHOULD decode parameter-value continuations and parameter-value character sets"
    " as described in [RFC2231]",
)
def test_charsets_are_decoded_to_utf8_under_the_name_with_asterisk() -> None:
    """The example of RFC 2231 §4.1 gives the words meant, and says that they were decoded."""
    media = content_type(
        b"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;"
        b' title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn\'t it!"'
    )
    assert media.params == ((b"title*", b"This is even more ***fun*** isn't it!"),)
    latin = content_type(b"a/b; name*=iso-8859-1'de'Gr%FC%DFe.txt")
    assert latin.params == ((b"name*", "Grüße.txt".encode()),)
    unknown = content_type(b"a/b; name*=no-such-charset''%C3%A9")
    assert unknown.params == ((b"name*", "é".encode()),)


def test_a_missing_section_ends_the_value() -> None:
    """What comes after a gap is not joined to what came before."""
    assert content_type(b"a/b; n*0=x; n*2=z").params == ((b"n", b"x"),)


def test_the_decoded_parameter_is_preferred() -> None:
    """A plain parameter beside one with a charset is for old readers."""
    media = content_type(b"a/b; name=plain.txt; name*=utf-8''%C3%A9.txt")
    assert find_param(media.params, b"name") == "é.txt".encode()
    assert find_param(media.params, b"x") is None


def test_disposition() -> None:
    """Kind in lower case, parameters as with a media type; an unreadable one is an attachment."""
    found = disposition(b'Attachment; FILENAME="a.pdf"; size=10')
    assert found.kind == b"attachment"
    assert found.params == ((b"filename", b"a.pdf"), (b"size", b"10"))
    assert disposition(b"; filename=x").kind == b"attachment"
    assert disposition(b"; filename=x").param(b"filename") == b"x"
