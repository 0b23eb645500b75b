"""Values as octets, read back by the tokenizer."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from postil.imap import encode
from postil.imap.tokens import Tokens

TEXT = st.binary().filter(lambda octets: b"\0" not in octets)


def reread(octets: bytes) -> Tokens:
    """What was written, as the reader of a command would hand it over."""
    if not octets.startswith(b"{"):
        return Tokens(octets)
    header, _, value = octets.partition(b"\r\n")
    return Tokens(header + b"\r\n", [value])


@given(TEXT, st.booleans())
def test_strings_read_back(octets: bytes, utf8: bool) -> None:
    """Any octets but NUL survive as string, astring and nstring."""
    assert reread(encode.string(octets, utf8=utf8)).string() == octets
    assert reread(encode.astring(octets, utf8=utf8)).astring() == octets
    assert reread(encode.nstring(octets, utf8=utf8)).nstring() == octets


def test_forms() -> None:
    """The shortest form that may hold the octets is taken."""
    assert encode.astring(b"a]b") == b"a]b"
    assert encode.astring(b"NIL") == b'"NIL"'
    assert encode.astring(b"") == b'""'
    assert encode.string(b'a"\\') == b'"a\\"\\\\"'
    assert encode.string(b"a\r\nb") == b"{4}\r\na\r\nb"
    assert encode.string("ü".encode()) == b"{2}\r\n\xc3\xbc"
    assert encode.string("ü".encode(), utf8=True) == b'"\xc3\xbc"'
    assert encode.string(b"\xff", utf8=True) == b"{1}\r\n\xff"
    assert encode.string(b"x" * 2000).startswith(b"{2000}")
    assert encode.nstring(None) == b"NIL"


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_dates_read_back(moment: datetime.datetime) -> None:
    """Every second of the calendar is written so that it reads back."""
    seconds = int(
        (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)).total_seconds() // 1
    )
    assert Tokens(encode.date_time(seconds).encode()).date_time() == seconds


def test_dates_beyond_the_calendar() -> None:
    """What no four digit year can show is shown as the nearest end."""
    assert encode.date_time(10**15) == '"31-Dec-9999 23:59:59 +0000"'
    assert encode.date_time(-(10**15)) == '" 1-Jan-0001 00:00:00 +0000"'


def test_flag_list() -> None:
    """System flags stand first."""
    assert encode.flag_list({"$Junk", "\\Seen", "\\Draft", "a"}) == b"(\\Draft \\Seen $Junk a)"
    assert encode.flag_list(()) == b"()"
