"""From the text of SEARCH to the tree of its criteria.

RFC 9051 §6.4.4, §9 (search-program, search-key); RFC 3501 §6.4.4, §9 with erratum 261 (charset).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Final

from postil.imap import limits
from postil.imap.errors import Bad
from postil.imap.extensions import condstore, objectid
from postil.imap.search.keys import (
    Addressed,
    And,
    Dated,
    Everything,
    Flag,
    Identified,
    Key,
    Larger,
    Modified,
    Not,
    Numbers,
    Or,
    Recent,
    Smaller,
    Text,
    When,
    Within,
)
from postil.imap.tokens import Tokens
from postil.ports.store import SearchField, TextSearch

# RFC 9051 §6.4.4: "Servers MUST support US-ASCII and UTF-8 charsets"
CHARSETS: Final = {"US-ASCII": "ascii", "ASCII": "ascii", "UTF-8": "utf-8", "UTF8": "utf-8"}

# Every date is in or behind the year 1, so it matches all; yet it is known to be SAVEDATE's.
SAVED_SUPPORTED: Final = Dated(When.SAVED, None, None)
_SIMPLE: Final[Mapping[str, Key]] = {
    "ALL": Everything(),
    "ANSWERED": Flag("\\Answered"),
    "DELETED": Flag("\\Deleted"),
    "DRAFT": Flag("\\Draft"),
    "FLAGGED": Flag("\\Flagged"),
    "SEEN": Flag("\\Seen"),
    "UNANSWERED": Not(Flag("\\Answered")),
    "UNDELETED": Not(Flag("\\Deleted")),
    "UNDRAFT": Not(Flag("\\Draft")),
    "UNFLAGGED": Not(Flag("\\Flagged")),
    "UNSEEN": Not(Flag("\\Seen")),
    "RECENT": Recent(),
    # RFC 8514 §4.3: "Matches all messages in the mailbox when the underlying storage of that mailbox supports the save date
    # attribute."
    "SAVEDATESUPPORTED": SAVED_SUPPORTED,
    # RFC 3501 §6.4.4: "This is functionally equivalent to '(RECENT UNSEEN)'."
    "NEW": And((Recent(), Not(Flag("\\Seen")))),
    # RFC 3501 §6.4.4: "This is functionally equivalent to 'NOT RECENT' (as opposed to 'NOT NEW')."
    "OLD": Not(Recent()),
}
_ADDRESSES: Final = frozenset(("BCC", "CC", "FROM", "TO"))
_ONE_DAY: Final = datetime.timedelta(days=1)


def parse_keys(tokens: Tokens, charset: str) -> Key:
    """One or more keys with single spaces between, up to the end; all must match."""
    return _Keys(tokens, CHARSETS.get(charset, "latin-1")).program()


class _Keys:
    """One parse: counts keys and depth."""

    def __init__(self, tokens: Tokens, codec: str) -> None:
        self._tokens = tokens
        self._codec = codec
        self._count = 0

    def program(self) -> Key:
        keys = [self._key(0)]
        while not self._tokens.done:
            self._tokens.sp()
            keys.append(self._key(0))
        return _all(keys)

    def _key(self, depth: int) -> Key:
        self._count += 1
        if self._count > limits.SEARCH_KEYS:
            raise Bad(f"SEARCH takes at most {limits.SEARCH_KEYS} keys", "LIMIT")
        if depth > limits.SEARCH_DEPTH:
            raise Bad(f"search keys are nested at most {limits.SEARCH_DEPTH} deep", "LIMIT")
        tokens = self._tokens
        if tokens.peek() == b"(":
            return _all(tokens.list_of(lambda: self._key(depth + 1)))
        if tokens.peek() in b"0123456789*$" and not tokens.done:
            return Numbers(tokens.sequence_set(), uid=False)
        start = tokens.at
        word = tokens.word("a search key")
        simple = _SIMPLE.get(word)
        if simple is not None:
            return simple
        if word == "NOT":
            tokens.sp()
            return Not(self._key(depth + 1))
        if word == "OR":
            tokens.sp()
            left = self._key(depth + 1)
            tokens.sp()
            return Or(left, self._key(depth + 1))
        reader = _WITH_ARGUMENT.get(word)
        if reader is None and word not in _ADDRESSES:
            tokens.at = start
            tokens.fail("a search key")
        tokens.sp()
        return reader(self) if reader is not None else Addressed(word.lower(), self._needle())

    def _needle(self) -> str:
        """A string in the charset of the command."""
        tokens = self._tokens
        start = tokens.at
        raw = tokens.astring()
        if len(raw) > limits.SEARCH_NEEDLE:
            raise Bad(f"a search string has at most {limits.SEARCH_NEEDLE} octets", "LIMIT")
        try:
            return raw.decode(self._codec)
        except UnicodeDecodeError:
            raise Bad(f"the string at octet {start + 1} is not in the charset") from None

    def _text(self, where: SearchField, field: str = "") -> Key:
        """A key with a string."""
        needle = self._needle()
        if not needle and where is not SearchField.HEADER:
            # RFC 9051 §6.4.4: "Note that the empty string is a substring"
            return Everything()
        return Text(TextSearch(where, needle, field))

    def header(self) -> Key:
        """`HEADER name string`"""
        tokens = self._tokens
        start = tokens.at
        name = tokens.astring()
        if not name or not all(0x21 <= octet <= 0x7E and octet != 0x3A for octet in name):
            # RFC 5322 §2.2: a field name is printable US-ASCII without colon; others match nothing,
            # but a client that asks for one has made a mistake and should hear of it.
            raise Bad(f"no header field can have the name at octet {start + 1}")
        tokens.sp()
        return self._text(SearchField.HEADER, name.decode("ascii").lower())

    def body(self) -> Key:
        """`BODY string`"""
        return self._text(SearchField.BODY)

    def subject(self) -> Key:
        """`SUBJECT string`"""
        return self._text(SearchField.HEADER, "subject")

    def text(self) -> Key:
        """`TEXT string`"""
        return self._text(SearchField.TEXT)

    def keyword(self) -> Key:
        """`KEYWORD flag`"""
        return Flag(self._tokens.atom().decode("ascii"))

    def larger(self) -> Key:
        """`LARGER n`"""
        return Larger(self._tokens.number64())

    def smaller(self) -> Key:
        """`SMALLER n`"""
        return Smaller(self._tokens.number64())

    def modseq(self) -> Key:
        """`MODSEQ [entry type] n`"""
        return Modified(condstore.parse_search(self._tokens))

    def seconds(self) -> int:
        """RFC 5032 §3: an interval is a nz-number"""
        return self._tokens.nz_number()

    def identified(self, *, thread: bool) -> Key:
        """`EMAILID objectid`, `THREADID objectid`"""
        return Identified(thread, objectid.parse_objectid(self._tokens))

    def uid(self) -> Key:
        """`UID set`"""
        return Numbers(self._tokens.sequence_set(), uid=True)

    def before(self, when: When) -> Key:
        """Earlier than the day."""
        return Dated(when, None, self._tokens.date())

    def since(self, when: When) -> Key:
        """On the day or later."""
        return Dated(when, self._tokens.date(), None)

    def on(self, when: When) -> Key:
        """Within the day."""
        day = self._tokens.date()
        # The last day of the calendar has no next one; nothing lies behind it either.
        return Dated(when, day, None if day == datetime.date.max else day + _ONE_DAY)


_WITH_ARGUMENT: Final[Mapping[str, Callable[[_Keys], Key]]] = {
    "BODY": _Keys.body,
    "TEXT": _Keys.text,
    "HEADER": _Keys.header,
    "SUBJECT": _Keys.subject,
    "KEYWORD": _Keys.keyword,
    "UNKEYWORD": lambda keys: Not(keys.keyword()),
    "LARGER": _Keys.larger,
    "SMALLER": _Keys.smaller,
    "UID": _Keys.uid,
    "MODSEQ": _Keys.modseq,
    "BEFORE": lambda keys: keys.before(When.INTERNAL),
    "ON": lambda keys: keys.on(When.INTERNAL),
    "SINCE": lambda keys: keys.since(When.INTERNAL),
    "OLDER": lambda keys: Within(keys.seconds(), older=True),
    "YOUNGER": lambda keys: Within(keys.seconds(), older=False),
    "EMAILID": lambda keys: keys.identified(thread=False),
    "THREADID": lambda keys: keys.identified(thread=True),
    "SAVEDBEFORE": lambda keys: keys.before(When.SAVED),
    "SAVEDON": lambda keys: keys.on(When.SAVED),
    "SAVEDSINCE": lambda keys: keys.since(When.SAVED),
    "SENTBEFORE": lambda keys: keys.before(When.SENT),
    "SENTON": lambda keys: keys.on(When.SENT),
    "SENTSINCE": lambda keys: keys.since(When.SENT),
}


def _all(keys: list[Key]) -> Key:
    # RFC 9051 §6.4.4: "When multiple keys are specified, the result is the intersection (AND
    # function) of all the messages that match those keys."
    return keys[0] if len(keys) == 1 else And(tuple(keys))
