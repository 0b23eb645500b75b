"""The tokenizer: each production of the grammar, its limits and its errors."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.base import utf7
from postil.imap import limits
from postil.imap.errors import Bad, No, Reply
from postil.imap.tokens import Tokens


def test_strings_in_every_form() -> None:
    """Atom, quoted string, literal and non-synchronising literal give the same octets."""
    tokens = Tokens(b'ab] "a\\"b\\\\" {3}\r\n {4+}\r\n', [b"x y", b"\r\n{}"])
    assert tokens.astring() == b"ab]"
    tokens.sp()
    assert tokens.astring() == b'a"b\\'
    tokens.sp()
    assert tokens.astring() == b"x y"
    tokens.sp()
    assert tokens.astring() == b"\r\n{}"
    tokens.end()


def test_braces_inside_a_line_are_no_literal() -> None:
    """Only a header at the end of a line announces a literal."""
    with pytest.raises(Bad):
        Tokens(b"{3} x", [b"abc"]).string()


@pytest.mark.rfc("9051", "9", "In all cases, SP refers to exactly one space.")
@pytest.mark.parametrize("text", [b"", b"\t", b"x"])
@pytest.mark.rfc("3501", "9", "SP refers to exactly one space.")
def test_space_is_one_space(text: bytes) -> None:
    """A TAB, nothing, or another octet is not a space; a second space is not swallowed."""
    with pytest.raises(Bad):
        Tokens(text).sp()
    two = Tokens(b"  a")
    two.sp()
    with pytest.raises(Bad):
        two.atom()


@pytest.mark.rfc(
    "9051", "9", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.rfc(
    "3501", "9", "Implementations MUST accept these strings in a case-insensitive fashion."
)
def test_keywords_without_case() -> None:
    """Keywords are found in any case."""
    tokens = Tokens(b"rEtUrN cHaRsEt")
    assert tokens.word() == "RETURN"
    tokens.sp()
    assert tokens.accept_word("CHARSET")
    tokens.end()


def test_end_names_what_is_left() -> None:
    """Trailing text is an error that shows the text and the place."""
    with pytest.raises(Bad, match=r"octet 3, found ' x'"):
        tokens = Tokens(b"ab x")
        tokens.atom()
        tokens.end()


def test_error_texts_are_printable_ascii() -> None:
    """What is shown of a client's octets cannot break the response line."""
    with pytest.raises(Bad) as caught:
        Tokens(b"\xff\r\n\x07(").atom()
    assert caught.value.text.isascii()
    assert caught.value.text.isprintable()


@pytest.mark.rfc(
    "9051",
    "4.3.1",
    "IMAP4rev2 implementations MUST accept",
)
def test_quoted_utf8() -> None:
    """UTF-8 in a quoted string is taken, other octets above 127 are not."""
    assert Tokens('"grün"'.encode()).string() == "grün".encode()
    with pytest.raises(Bad, match="UTF-8"):
        Tokens(b'"gr\xfcn"').string()


@pytest.mark.rfc("9051", "9", "The ASCII NUL character, %x00, MUST NOT be used anywhere,")
def test_nul_only_in_literal8() -> None:
    """NUL is refused in every string but a literal8."""
    assert Tokens(b"~{1}\r\n", [b"\0"]).octets() == b"\0"
    for tokens in (Tokens(b"{1}\r\n", [b"\0"]), Tokens(b'"\0"'), Tokens(b"~{1}\r\n", [b"\0"])):
        with pytest.raises(Bad):
            tokens.string()


def test_nstring() -> None:
    """NIL is nothing, "NIL" is a string, and NILX is neither."""
    assert Tokens(b"nil").nstring() is None
    assert Tokens(b'"NIL"').nstring() == b"NIL"
    with pytest.raises(Bad):
        Tokens(b"NILX").nstring()


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"0", 0), (b"4294967295", 2**32 - 1), (b"4294967296", None), (b"-1", None), (b"", None), (b"9" * 5000, None)],
)  # fmt: skip
def test_number(text: bytes, value: int | None) -> None:
    """Numbers have 32 bits, however long the digits."""
    tokens = Tokens(text)
    if value is None:
        with pytest.raises(Bad):
            tokens.number()
    else:
        assert tokens.number() == value


def test_number64_and_nz() -> None:
    """The wide number has 63 bits; the non-zero one starts at 1."""
    assert Tokens(b"9223372036854775807").number64() == 2**63 - 1
    for text in (b"9223372036854775808",):
        with pytest.raises(Bad):
            Tokens(text).number64()
    for text in (b"0", b"01"):
        with pytest.raises(Bad):
            Tokens(text).nz_number()


@pytest.mark.rfc(
    "9051", "5.1", "The case-insensitive mailbox name INBOX is a special name reserved"
)
def test_inbox_in_any_case() -> None:
    """inbox is INBOX, also quoted, also as the first level; inboxes are something else."""
    assert Tokens(b"inBox").mailbox() == "INBOX"
    assert Tokens(b'"inbox"').mailbox() == "INBOX"
    assert Tokens(b"Inbox/a").mailbox() == "INBOX/a"
    assert Tokens(b"Inboxes").mailbox() == "Inboxes"


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
)
def test_mailbox_utf7_and_utf8_agree(name: str) -> None:
    """Both spellings of a name lead to the same mailbox."""
    seven, eight = utf7.encode(name), name.encode()
    old = Tokens(b"{%d}\r\n" % len(seven), [seven]).mailbox()
    new = Tokens(b"{%d}\r\n" % len(eight), [eight], utf8=True).mailbox()
    assert old == new


@pytest.mark.rfc(
    "9051",
    "5.1",
    "Servers that choose to accept such denormalized UTF-8 mailbox names MUST accept them in all IMAP commands that have a mailbox name parameter.",
)
def test_mailbox_nfc() -> None:
    """A decomposed name is the composed one."""
    assert Tokens('"u\u0308"'.encode(), utf8=True).mailbox() == "\u00fc"


def test_mailbox_utf7_refused() -> None:
    """Without UTF-8 enabled, 8-bit and broken or roundabout base64 are refused."""
    for name in ("ü".encode(), b"&a", b"&AGE-", b"a&-&"):
        with pytest.raises(Reply):
            Tokens(b"{9}\r\n", [name]).mailbox()
    with pytest.raises(Bad):
        Tokens(b"{9}\r\n", [b"\xff"], utf8=True).mailbox()


def test_patterns() -> None:
    """List patterns may hold wildcards bare, names may not."""
    assert Tokens(b"INBOX/%*").list_mailbox() == b"INBOX/%*"
    assert Tokens(b'""').mailbox() == ""
    tokens = Tokens(b"a%")
    tokens.mailbox()
    with pytest.raises(Bad):
        tokens.end()


def test_flags() -> None:
    """System flags get their spelling, keywords keep theirs, what the server owns is refused."""
    assert Tokens(b"(\\seen \\ANSWERED $Junk)").flag_list() == {"\\Seen", "\\Answered", "$Junk"}
    assert Tokens(b"()").flag_list() == frozenset()
    for text, reply in ((b"\\Recent", Bad), (b"\\*", Bad), (b"\\Nonsense", No), (b"a]", Bad)):
        with pytest.raises(reply):
            tokens = Tokens(text)
            tokens.flag()
            tokens.end()
    with pytest.raises(No) as caught:
        Tokens(b"k" * (limits.KEYWORD + 1)).flag()
    assert caught.value.code == "LIMIT"


def test_dates() -> None:
    """Dates quoted or bare, one digit or two, and only of the calendar."""
    assert Tokens(b"1-Feb-1994").date() == datetime.date(1994, 2, 1)
    assert Tokens(b'"29-feb-2024"').date() == datetime.date(2024, 2, 29)
    for text in (b"30-Feb-1994", b"1-Foo-1994", b'"1-Feb-1994', b"1-Feb-94", b"1-Feb-19945"):
        with pytest.raises(Bad):
            Tokens(text).date()


def test_date_time() -> None:
    """A date-time is an instant; its zone is subtracted."""
    assert Tokens(b'"17-Jul-1996 02:44:25 -0700"').date_time() == 837596665
    assert Tokens(b'" 1-Jan-1970 00:00:00 +0000"').date_time() == 0
    assert Tokens(b'"01-Jan-1970 01:30:60 +0130"').date_time() == 60
    for text in (b'"1-Jan-1970 00:00:00 +0000"', b'" 1-Jan-1970 24:00:00 +0000"', b'" 1-Jan-1970 00:00:00 +0099"', b'" 1-Jan-1970 00:00:61 +0000"'):  # fmt: skip
        with pytest.raises(Bad):
            Tokens(text).date_time()


def test_lists() -> None:
    """Lists have one space between members and close."""
    tokens = Tokens(b"(a b)")
    assert tokens.list_of(tokens.atom) == [b"a", b"b"]
    for text in (b"()", b"(a  b)", b"(a b", b"(a )", b"a"):
        with pytest.raises(Bad):
            bad = Tokens(text)
            bad.list_of(bad.atom)


def test_try_leaves_the_place() -> None:
    """What does not fit is not consumed, literals included."""
    tokens = Tokens(b"{1}\r\n x", [b"7"])
    assert tokens.try_(lambda: (tokens.string(), tokens.atom())) is None
    assert tokens.string() == b"7"


METHODS = [
    "atom", "word", "astring", "string", "octets", "nstring", "number", "number64", "nz_number", "sequence_set",
    "mailbox", "list_mailbox", "flag", "flag_list", "date", "date_time", "charset", "tag", "text_astring", "sp", "end",
]  # fmt: skip


@given(st.binary(max_size=40), st.sampled_from(METHODS), st.booleans())
def test_any_octets_give_a_value_or_a_reply(text: bytes, method: str, utf8: bool) -> None:
    """No octets raise anything but a reply."""
    tokens = Tokens(text.replace(b"\r\n", b""), utf8=utf8)
    try:
        getattr(tokens, method)()
    except Reply as reply:
        assert reply.text.isascii()
