"""The words of one command: a typed tokenizer over its text and literals.

RFC 9051 §4 (data formats), §9 (formal syntax); RFC 3501 §9; RFC 7888 §8 (`{n+}`), RFC 3516 §7 (`~{n}`).

Theory of operation. `wire` hands over the lines of a command joined into one text, in which each line that ended in a
literal header keeps the header and its CRLF; no line can hold a CRLF otherwise, so `{5}\\r\\n` in the text is always
a literal, and the octets of the literals wait beside the text in order. A method reads one thing at the current place and moves
behind it, or raises `Bad` with a text that says what was expected and where. Nothing here knows a command.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from postil.imap import limits, names, sequence
from postil.imap.errors import Bad, No
from postil.imap.sequence import SequenceSet

T = TypeVar("T")

# RFC 9051 §9: ATOM-CHAR = <any CHAR except atom-specials>
ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_LIST_MAILBOX = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*+(?:\\["\\][^"\\\r\n\x00]*+)*+)"')
_ESCAPE = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"(~?)\{([0-9]+)\+?\}\r\n")
_NUMBER = re.compile(rb"[0-9]+")
_WORD = re.compile(rb"[A-Za-z0-9.\-_+/=$:]+")
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1(?![0-9])')
_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.upper().encode("ascii"): number for number, name in enumerate(MONTHS, 1)}

SYSTEM_FLAGS = {
    name.upper(): name for name in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
}


class Tokens:
    """One command behind its name; see the module's docstring."""

    __slots__ = ("_literals", "_next_literal", "at", "text", "utf8")

    def __init__(
        self, text: bytes, literals: Sequence[bytes] = (), *, utf8: bool = False, at: int = 0
    ) -> None:
        self.text = text
        self.at = at
        self.utf8 = utf8  # mailbox names are UTF-8, not modified UTF-7 (RFC 9051 §5.1)
        self._literals = literals
        self._next_literal = 0

    # --- punctuation

    def fail(self, expected: str) -> NoReturn:
        """The place does not hold what the grammar asks for."""
        found = self.text[self.at : self.at + 20]
        if not found:
            raise Bad(f"expected {expected} at the end of the command")
        shown = found.decode("ascii", "replace").encode("ascii", "replace").decode("ascii")
        shown = "".join(c if c.isprintable() else "?" for c in shown)
        raise Bad(f"expected {expected} at octet {self.at + 1}, found {shown!r}")

    @property
    def done(self) -> bool:
        """Is nothing left?"""
        return self.at >= len(self.text)

    def peek(self) -> bytes:
        """The next octet, b"" at the end; of the text, not of a literal."""
        return self.text[self.at : self.at + 1]

    def accept(self, octets: bytes) -> bool:
        """Take these very octets if they are next."""
        if self.text.startswith(octets, self.at):
            self.at += len(octets)
            return True
        return False

    def expect(self, octets: bytes) -> None:
        """Take these very octets."""
        if not self.accept(octets):
            self.fail(repr(octets.decode("ascii")))

    def sp(self) -> None:
        """Exactly one space."""
        # RFC 9051 §9: "In all cases, SP refers to exactly one space."
        if self.text[self.at : self.at + 1] != b" ":
            self.fail("a space")
        self.at += 1

    def open_list(self) -> None:
        """`(`"""
        self.expect(b"(")

    def close_list(self) -> None:
        """`)`"""
        self.expect(b")")

    def end(self) -> None:
        """The command ends here."""
        # RFC 9051 §2.2.1: "It is a syntax error to send a command with missing or extraneous
        # spaces or arguments."
        if self.at != len(self.text):
            self.fail("the end of the command")

    def list_of(self, item: Callable[[], T], *, empty: bool = False) -> list[T]:
        """`(a b c)`; `()` only where `empty` says so."""
        self.open_list()
        items: list[T] = []
        if empty and self.accept(b")"):
            return items
        items.append(item())
        while not self.accept(b")"):
            self.sp()
            items.append(item())
        return items

    def try_(self, read: Callable[[], T]) -> T | None:
        """What `read` gives, or None with the place unchanged when it does not fit."""
        place = (self.at, self._next_literal)
        try:
            return read()
        except Bad:
            self.at, self._next_literal = place
            return None

    # --- words

    def atom(self) -> bytes:
        """An atom, as written."""
        match = ATOM.match(self.text, self.at)
        if match is None:
            self.fail("an atom")
        self.at = match.end()
        return match.group()

    def word(self, expected: str = "a word") -> str:
        """A keyword of the grammar, in capitals."""
        match = _WORD.match(self.text, self.at)
        if match is None:
            self.fail(expected)
        self.at = match.end()
        # RFC 9051 §9: "Implementations MUST accept these strings in a case-insensitive fashion."
        # RFC 5182 §3: "Implementations MUST accept these strings in a case-insensitive fashion."
        return match.group().decode("ascii").upper()

    def peek_word(self) -> str:
        """The keyword that is next, in capitals, "" when none is."""
        match = _WORD.match(self.text, self.at)
        return match.group().decode("ascii").upper() if match else ""

    def accept_word(self, word: str) -> bool:
        """Take the keyword (given in capitals) if it is next."""
        if self.peek_word() != word:
            return False
        self.at += len(word)
        return True

    def tag(self) -> bytes:
        """A tag."""
        match = _ASTRING.match(self.text, self.at)
        if match is None or b"+" in match.group():
            self.fail("a tag")
        self.at = match.end()
        return match.group()

    def charset(self) -> str:
        """A charset's name, in capitals: an atom or a quoted string."""
        name = self._quoted() if self.peek() == b'"' else self.astring()
        return name.decode("ascii", "replace").upper()

    # --- strings

    def astring(self) -> bytes:
        """An atom that may hold `]`, or a string."""
        match = _ASTRING.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            return match.group()
        return self.string()

    def string(self) -> bytes:
        """A quoted string or a literal."""
        if self.peek() == b'"':
            return self._quoted()
        return self._literal(binary=False)

    def octets(self) -> bytes:
        """A string, or a literal8, which alone may hold NUL."""
        if self.peek() == b"~":
            return self._literal(binary=True)
        return self.string()

    def nstring(self) -> bytes | None:
        """A string, or NIL as None."""
        if self.accept_word("NIL"):
            return None
        return self.string()

    def text_astring(self) -> str:
        """An astring that must be UTF-8: user names, passwords, search needles."""
        start = self.at
        raw = self.astring()
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.at = start
            raise Bad(f"the string at octet {start + 1} is not UTF-8") from None

    def _quoted(self) -> bytes:
        match = _QUOTED.match(self.text, self.at)
        if match is None:
            self.fail('a quoted string that ends in """ and escapes only """ and "\\"')
        raw = match.group(1)
        if not raw.isascii():
            # RFC 9051 §4.3.1: "IMAP4rev2 implementations MUST accept and MAY transmit [UTF-8] text
            # in quoted-strings as long as the string does not contain NUL, CR, or LF." Clients of
            # RFC 3501 may not send octets above 127 here, so accepting them takes nothing away.
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                raise Bad(f"the quoted string at octet {self.at + 1} is not UTF-8") from None
        self.at = match.end()
        return _ESCAPE.sub(rb"\1", raw) if b"\\" in raw else raw

    def _literal(self, *, binary: bool) -> bytes:
        match = _LITERAL.match(self.text, self.at)
        if match is None or (match.group(1) and not binary):
            self.fail("a string")
        value = self._literals[self._next_literal]
        if not binary and b"\0" in value:
            # RFC 9051 §9: "The ASCII NUL character, %x00, MUST NOT be used anywhere, with the
            # exception of the OCTET production."
            raise Bad(f"the literal at octet {self.at + 1} holds a NUL")
        self._next_literal += 1
        self.at = match.end()
        return value

    # --- numbers and sets

    def number(self, *, below: int = 2**32) -> int:
        """An unsigned 32-bit number."""
        match = _NUMBER.match(self.text, self.at)
        if match is None or match.end() - self.at > 20 or (value := int(match.group())) >= below:
            self.fail("a number below 2^63" if below > 2**32 else "a number below 2^32")
        self.at = match.end()
        return value

    def number64(self) -> int:
        """An unsigned 63-bit number."""
        return self.number(below=2**63)

    def nz_number(self) -> int:
        """A number from 1 on, without leading zero."""
        if self.peek() == b"0":
            self.fail("a number from 1 on")
        return self.number()

    def sequence_set(self) -> SequenceSet:
        """A sequence set or `$`."""
        try:
            found, end = sequence.scan(self.text, self.at)
        except sequence.BadSet:
            self.fail("a sequence set")
        self.at = end
        if self.text[end : end + 1] not in (b"", b" ", b")"):
            self.fail("the end of the sequence set")
        return found

    # --- names

    def mailbox(self) -> str:
        """A mailbox name as the store knows it."""
        return names.read(self.astring(), self.utf8)

    def list_mailbox(self) -> bytes:
        """A pattern of LIST as written: a name that may hold `%` and `*`."""
        match = _LIST_MAILBOX.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            return match.group()
        return self.string()

    def flag(self) -> str:
        """A flag a client may set: a system flag in RFC spelling, or a keyword as written."""
        start = self.at
        backslash = self.accept(b"\\")
        name = self.atom().decode("ascii")
        if backslash:
            flag = SYSTEM_FLAGS.get(f"\\{name.upper()}")
            if flag is not None:
                return flag
            if name.upper() == "RECENT":
                # RFC 3501 §2.3.2: "This flag can not be altered by the client."
                raise Bad(f"\\Recent at octet {start + 1} belongs to the server")
            # RFC 9051 §9: servers must not generate flag-extension flags, so storing one would
            # oblige us to show what must not be shown.
            raise No(f"there is no system flag \\{name[:40]}", "CANNOT")
        if len(name) > limits.KEYWORD:
            raise No(f"keywords are at most {limits.KEYWORD} octets long", "LIMIT")
        return name

    def flag_list(self) -> frozenset[str]:
        """`(\\Seen $Junk)`, also empty."""
        return frozenset(self.list_of(self.flag, empty=True))

    # --- dates

    def date(self) -> datetime.date:
        """`1-Feb-1994`, quoted or not."""
        match = _DATE.match(self.text, self.at)
        if match is None:
            self.fail("a date like 1-Feb-1994")
        try:
            day = datetime.date(
                int(match.group(4)), _MONTH[match.group(3).upper()], int(match.group(2))
            )
        except (KeyError, ValueError):
            self.fail("a date of the calendar")
        self.at = match.end()
        return day

    def date_time(self) -> int:
        """`"17-Jul-1996 02:44:25 -0700"` in seconds since the epoch."""
        match = _DATE_TIME.match(self.text, self.at)
        if match is None:
            self.fail('a date-time like "17-Jul-1996 02:44:25 -0700"')
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
        try:
            # A leap second (":60") is the same instant as the next minute's ":00".
            moment = datetime.datetime(
                int(year), _MONTH[month.upper()], int(day), int(hour), int(minute),
                min(int(second), 59), tzinfo=datetime.UTC,
            )  # fmt: skip
            if int(second) > 60 or int(zone_minutes) > 59:
                raise ValueError
        except (KeyError, ValueError):
            self.fail("a date-time of the calendar")
        self.at = match.end()
        offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
        seconds = int(moment.timestamp()) + (int(second) == 60)
        return seconds + offset if sign == b"-" else seconds - offset
