"""Dates of header fields."""

from __future__ import annotations

import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message.dates import format_date, parse_date


def _epoch(*moment: int) -> int:
    return int(datetime.datetime(*moment, tzinfo=datetime.timezone.utc).timestamp())  # type: ignore[misc,arg-type]  # noqa: UP017


@pytest.mark.parametrize(
    ("value", "epoch", "offset"),
    [
        (b"Fri, 21 Nov 1997 09:55:06 -0600", _epoch(1997, 11, 21, 15, 55, 6), -360),
        (b"21 Nov 97 09:55:06 GMT", _epoch(1997, 11, 21, 9, 55, 6), 0),
        (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", _epoch(1997, 11, 21, 15, 55, 6), -360),
        (b"Thu, 13 Feb 1969 23:32 -0330", _epoch(1969, 2, 14, 3, 2), -210),
        (b"1 Jan 49 00:00 EST", _epoch(2049, 1, 1, 5), -300),
        (b"1 Jan 50 00:00 +0000", _epoch(1950, 1, 1), 0),
        (b"1 Jan 105 00:00 +0000", _epoch(2005, 1, 1), 0),
        (b"Mon, 1 Jan 2024 12:00:00 A", _epoch(2024, 1, 1, 12), 0),
        (b"Mon, 1 Jan 2024 12:00:00 +0100 (CET)", _epoch(2024, 1, 1, 11), 60),
        (b"Mon, 1 Jan 2024 23:59:60 +0000", _epoch(2024, 1, 1, 23, 59, 59), 0),
        (b"Wed Feb 11 11:51:00 1998", _epoch(1998, 2, 11, 11, 51), 0),
        (b"Wed Feb 11 11:51:00 PST 1998", _epoch(1998, 2, 11, 19, 51), -480),
        (b"11-Feb-1998 11:51:00 +0000", _epoch(1998, 2, 11, 11, 51), 0),
        (b"1 January 2024", _epoch(2024, 1, 1), 0),
    ],
)
def test_dates_current_and_obsolete(value: bytes, epoch: int, offset: int) -> None:
    """Every form of RFC 5322, and those of Unix, gives the instant and the zone it was written in."""
    found = parse_date(value)
    assert found is not None
    assert (found.epoch, found.offset) == (epoch, offset)


@pytest.mark.parametrize(
    "value", [b"", b"yesterday", b"31 Feb 2024 00:00 +0000", b"1 Foo 2024", b"0 Jan 2024"]
)
def test_no_valid_day_is_no_date(value: bytes) -> None:
    """What names no day of the calendar is no date."""
    assert parse_date(value) is None


@pytest.mark.rfc(
    "5256", "2.2", "If the time zone is invalid, the date and time SHOULD be treated as UTC."
)
@pytest.mark.parametrize("zone", [b"", b" +9999", b" +2400", b" -0060", b" XYZ", b" ?"])
def test_invalid_zone_is_utc(zone: bytes) -> None:
    """A zone that cannot be, that nobody knows or that is not there is UTC; the time is kept."""
    found = parse_date(b"1 Jan 2024 12:00:00" + zone)
    assert found is not None
    assert (found.epoch, found.offset) == (_epoch(2024, 1, 1, 12), 0)


@pytest.mark.rfc(
    "5256", "2.2", "If the time is also invalid, the time SHOULD be treated as 00:00:00."
)
@pytest.mark.parametrize(
    "time", [b"", b" 25:00:00", b" 12:61", b" 12:00:61", b" noon", b" 25:61:00 +9999"]
)
def test_invalid_time_is_midnight(time: bytes) -> None:
    """A time that cannot be, or that is not there, becomes the beginning of the day."""
    found = parse_date(b"1 Jan 2024" + time)
    assert found is not None
    assert found.epoch == _epoch(2024, 1, 1)


def test_the_day_is_the_one_written() -> None:
    """SENTON compares the date as written, whatever day it was in UTC."""
    found = parse_date(b"Sun, 31 Dec 2000 16:01:33 -0800")
    assert found is not None
    assert found.day == datetime.date(2000, 12, 31)
    assert found.epoch == _epoch(2001, 1, 1, 0, 1, 33)


@given(st.integers(-(10**9), 10**10), st.integers(-14 * 60, 14 * 60))
def test_what_is_formatted_reads_back(epoch: int, offset: int) -> None:
    """A date written by us is the same for us and for the stdlib."""
    text = format_date(epoch, offset)
    found = parse_date(text.encode())
    assert found is not None
    assert (found.epoch, found.offset) == (epoch, offset)
    assert int(email.utils.parsedate_to_datetime(text).timestamp()) == epoch
