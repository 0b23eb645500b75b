"""Dates of header fields, current and obsolete.

RFC 5322 §3.3 (syntax), §4.3 (obsolete years and zones); RFC 5256 §2.2 (sent date, what to make of
invalid ones). The zone is kept: IMAP's SENTSINCE compares the date as written, SORT the instant.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import lru_cache

from postil.message.params import strip_comments


@dataclass(frozen=True, slots=True)
class SentDate:
    """An instant, the offset in minutes it was written in, and the day that was written."""

    epoch: int
    offset: int
    day: datetime.date


_MONTHS = {
    name: number
    for number, name in enumerate(
        b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# RFC 5322 §4.3: the obsolete zones, in minutes; the military ones were defined wrongly in RFC 822
# and mean -0000, as every other name does.
_ZONES = {
    b"EDT": -240,
    b"EST": -300,
    b"CDT": -300,
    b"CST": -360,
    b"MDT": -360,
    b"MST": -420,
    b"PDT": -420,
    b"PST": -480,
}

_DATE = re.compile(
    rb"\s*+(?:[A-Za-z]++\.?\s*+,?\s*+)?(\d{1,2})[\s-]++([A-Za-z]{3})[A-Za-z]*+\.?[\s-]*+,?\s*+(\d{2,4})\b"
)
_ASCTIME = re.compile(
    rb"\s*+(?:[A-Za-z]++,?\s++)?([A-Za-z]{3})[a-z]*+\s++(\d{1,2}),?\s++(\d\d?:\d\d(?::\d\d)?)?\s*+([A-Z]{3,5})?\s*+(\d{4})\b"
)
_TIME = re.compile(rb",?\s*+(?:at\s++)?(\d{1,2})\s*+[:.]\s*+(\d{1,2})(?:\s*+[:.]\s*+(\d{1,2}))?")
_ZONE = re.compile(rb"(?:\.\d++)?\s*+(?:([+-])(\d\d):?(\d\d)\b|([A-Za-z]++))")
_LONGEST = 256  # characters of a date that are looked at; a real one has about 31


def parse_date(value: bytes) -> SentDate | None:
    """The date in an unfolded field value; None when it has no valid day."""
    value = strip_comments(value[:_LONGEST])
    match = _DATE.match(value)
    if match is not None:
        day, month, year = match[1], match[2], match[3]
        hour, minute, second, rest = _time(value, match.end())
        offset = _offset(value, rest)
    else:
        match = _ASCTIME.match(value)
        if match is None:
            return None
        day, month, year = match[2], match[1], match[5]
        hour, minute, second, _ = _time(match[3] or b"", 0)
        offset = _ZONES.get(match[4] or b"", 0)
    try:
        written = datetime.date(_year(year), _MONTHS[month.lower()], int(day))
    except (KeyError, ValueError):
        return None
    midnight = (written.toordinal() - _EPOCH_DAY) * 86400
    epoch = midnight + hour * 3600 + minute * 60 + second - offset * 60
    return SentDate(epoch, offset, written)


_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()


def _year(digits: bytes) -> int:
    """The year meant.

    RFC 5322 §4.3: "If a two digit year is encountered whose value is between 00 and 49, the year
    is interpreted by adding 2000" and from 50 by adding 1900, as is every year of three digits.
    """
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _time(value: bytes, start: int) -> tuple[int, int, int, int]:
    """Hour, minute, second and where they end.

    RFC 5256 §2.2: "If the time is also invalid, the time SHOULD be treated as 00:00:00."
    """
    match = _TIME.match(value, start)
    if match is None:
        return 0, 0, 0, start
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or b"0")
    if hour > 23 or minute > 59 or second > 60:
        return 0, 0, 0, match.end()
    return hour, minute, min(second, 59), match.end()


def _offset(value: bytes, start: int) -> int:
    """The zone in minutes east of UTC.

    RFC 5256 §2.2: "If the time zone is invalid, the date and time SHOULD be treated as UTC."
    """
    match = _ZONE.match(value, start)
    if match is None:
        return 0
    if match[4] is not None:
        return _ZONES.get(match[4].upper(), 0)
    hours, minutes = int(match[2]), int(match[3])
    if hours > 23 or minutes > 59:
        return 0
    offset = hours * 60 + minutes
    return -offset if match[1] == b"-" else offset


@lru_cache(maxsize=64)  # all messages of a second have the same Received date
def format_date(epoch: int, offset: int = 0) -> str:
    """A Date value as RFC 5322 §3.3 wants it, in the zone so many minutes east of UTC."""
    zone = datetime.timezone(datetime.timedelta(minutes=offset))
    moment = datetime.datetime.fromtimestamp(epoch, zone)
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    # Not strftime: its names follow the locale.
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTH_NAMES[moment.month - 1]} {moment.year:04}"
        f" {moment:%H:%M:%S} {sign}{hours:02}{minutes:02}"
    )
