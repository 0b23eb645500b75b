"""ESEARCH: what SEARCH shall return, and the response that holds it.

RFC 4731; RFC 9051 §6.4.4, §7.3.4 (which made it the only response of SEARCH). PARTIAL is in `partial`, SAVE in `searchres`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postil.imap import limits, sequence
from postil.imap.errors import Bad
from postil.imap.extensions import partial
from postil.imap.extensions.partial import Page
from postil.imap.tokens import Tokens


class Wanted(enum.Flag):
    """Result options."""

    MIN = enum.auto()
    MAX = enum.auto()
    ALL = enum.auto()
    COUNT = enum.auto()
    SAVE = enum.auto()  # RFC 5182
    PARTIAL = enum.auto()  # RFC 9394
    NOTHING = 0


@dataclass(frozen=True, slots=True)
class Return:
    """What stands in `RETURN (…)`."""

    wanted: Wanted
    page: Page | None = None  # with PARTIAL


ALL = Return(Wanted.ALL)


@dataclass(frozen=True, slots=True)
class Results:
    """Numbers (uids or sequence numbers) that matched, ascending."""

    numbers: Sequence[int]
    uid: bool
    modseq: int | None = None  # RFC 4731 §3.2: where MODSEQ was among the keys


def parse_return(tokens: Tokens) -> Return:
    """`RETURN (…)`, of which the word RETURN is taken already."""
    tokens.sp()
    page: Page | None = None

    def option() -> Wanted:
        nonlocal page
        start = tokens.at
        name = tokens.word("a result option")
        if name not in Wanted.__members__ or name == "NOTHING":
            tokens.at = start
            # RFC 9051 §6.4.4: "Any options not defined by extensions that the server supports MUST be
            # rejected with a BAD response."
            tokens.fail("MIN, MAX, ALL, COUNT, SAVE or PARTIAL")
        if name == "PARTIAL":
            # RFC 9394 §3.1: "A single command MUST NOT contain more than one PARTIAL or ALL search return option; that is,
            # either one PARTIAL, one ALL, or neither PARTIAL nor ALL is allowed."
            if page is not None:
                tokens.fail("PARTIAL once")
            page = partial.parse(tokens)
        return Wanted[name]

    wanted = Wanted.NOTHING
    for flag in tokens.list_of(option, empty=True):
        wanted |= flag
    # RFC 9051 §6.4.4: "If no result option is specified or empty list of options is specified as
    # '()', ALL is assumed (see below)."
    if page is not None and Wanted.ALL in wanted:
        raise Bad("PARTIAL and ALL exclude each other")
    return Return(wanted or Wanted.ALL, page)


def response(tag: bytes, asked: Return, results: Results, mailbox: bytes = b"") -> Iterator[bytes]:
    """The ESEARCH line in pieces; nothing when only SAVE was asked for. `mailbox`: which it is about (RFC 7377)."""
    wanted = asked.wanted
    if wanted == Wanted.SAVE:
        # RFC 9051 §6.4.4: "In absence of any other SEARCH result option, the SAVE result option also
        # suppresses any ESEARCH response that would have been otherwise returned by the SEARCH
        # command."
        return
    numbers = results.numbers
    # RFC 9051 §9: a tag holds neither quote nor backslash, so it is quoted as it is.
    line = b'* ESEARCH (TAG "%b"%b)%b' % (tag, mailbox, b" UID" if results.uid else b"")
    # RFC 9051 §6.4.4: "If the SEARCH results in no matches, the server MUST NOT include the MIN
    # result option in the ESEARCH response; however, it still MUST send the ESEARCH response."
    # RFC 4731 §3.1: "If the SEARCH results in no matches, the server MUST NOT include the MIN result option in the ESEARCH
    # response;"
    if numbers and Wanted.MIN in wanted:
        line += b" MIN %d" % numbers[0]
    # RFC 4731 §3.1: "If the SEARCH results in no matches, the server MUST NOT include the MAX result option in the ESEARCH
    # response;"
    if numbers and Wanted.MAX in wanted:
        line += b" MAX %d" % numbers[-1]
    # RFC 9051 §6.4.4: "This result option MUST always be included in the ESEARCH response."
    # RFC 4731 §3.1: "This result option MUST always be included in the ESEARCH response."
    if Wanted.COUNT in wanted:
        line += b" COUNT %d" % len(numbers)
    if numbers and Wanted.ALL in wanted:
        line += b" ALL "
        # In pieces, so that a set of 100,000 ranges does not keep the loop.
        ranges = sequence.ranges_of(numbers)
        for start in range(0, len(ranges), limits.NUMBERS_PER_PIECE):
            yield line + sequence.write_ranges(ranges[start : start + limits.NUMBERS_PER_PIECE])
            line = b","
        line = b""
    if asked.page is not None:
        # RFC 9394 §3.1: "If the whole range references results that do not exist, a special value "NIL" is returned by the
        # server instead of the sequence set."
        page = asked.page.of(numbers)
        line += b" PARTIAL (%b %b)" % (bytes(asked.page), sequence.write(page) or b"NIL")
    # RFC 4731 §3.2: "then the server MUST return the ESEARCH response containing the MODSEQ result option"
    if numbers and results.modseq is not None:
        line += b" MODSEQ %d" % results.modseq
    yield line + b"\r\n"


def returned(asked: Return, count: int) -> Sequence[int]:
    """Which of `count` matches the response is about, as places: for the mod-sequence that goes with it."""
    wanted = asked.wanted
    # RFC 4731 §3.2: "If the SEARCH/UID SEARCH command contained a single MIN or MAX result option, the MODSEQ result option
    # contains the mod-sequence for the found message."
    ends = wanted & (Wanted.MIN | Wanted.MAX)
    if not count or wanted & (Wanted.ALL | Wanted.COUNT) or not (ends or asked.page):
        return range(count)
    places = {place for place, flag in ((0, Wanted.MIN), (count - 1, Wanted.MAX)) if flag in ends}
    if asked.page is not None:
        places.update(asked.page.of(range(count)))
    return sorted(places)
