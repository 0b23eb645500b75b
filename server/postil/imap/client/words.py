"""Typed reading of one response: words, strings, numbers, lists.

RFC 9051 §4, §9. `imap.tokens` reads commands and is strict because it guards a server; this one forgives what servers of the field
do: more than one space, a space too many at the end, octets above 127 in quoted strings, atoms with characters that an atom may not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from postil.imap.client import numbers
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.numbers import Numbers

T = TypeVar("T")

# Liberal: an atom ends where a list, a string or a space must begin or end.
_ATOM = re.compile(rb'[^\x00-\x20\x7f(){"]+')
_NUMBER = re.compile(rb"[0-9]{1,20}")
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*+(?:\\[^\r\n\x00][^"\\\r\n\x00]*+)*+)"')
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_LITERAL = re.compile(rb"~?\{[0-9]+\}\r\n")
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f(){"\\\]]+|\\\*')


class Words:
    """A place in a response; every method reads one thing and moves behind it."""

    __slots__ = ("_literals", "_next", "at", "text", "utf8")

    def __init__(
        self, text: bytes, literals: Sequence[bytes] = (), *, utf8: bool = False, at: int = 0
    ) -> None:
        self.text = text
        self.at = at
        self.utf8 = utf8  # names of mailboxes are UTF-8 (RFC 9051 §5.1, RFC 9755 §3)
        self._literals = literals
        self._next = 0

    # --- punctuation

    def fail(self, expected: str) -> NoReturn:
        """The place does not hold what the grammar asks for."""
        found = self.text[self.at : self.at + 30]
        shown = repr(found)[1:] if found else "the end"
        raise ProtocolViolation(f"expected {expected} at octet {self.at + 1}, found {shown}")

    @property
    def done(self) -> bool:
        """Is nothing left but spaces?"""
        return not self.text[self.at :].strip(b" ")

    def peek(self) -> bytes:
        """The next octet, b"" at the end."""
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
            self.fail(repr(octets)[1:])

    def sp(self) -> None:
        """A space, or more."""
        if self.peek() != b" ":
            self.fail("a space")
        self.skip()

    def skip(self) -> None:
        """Spaces, if there are any."""
        while self.text[self.at : self.at + 1] == b" ":
            self.at += 1

    def end(self) -> None:
        """The response ends here."""
        self.skip()
        if self.at < len(self.text):
            self.fail("the end of the response")

    def list_of(self, item: Callable[[], T]) -> tuple[T, ...]:
        """`(a b c)`, also empty and with or without spaces between lists."""
        self.expect(b"(")
        items: list[T] = []
        self.skip()
        while not self.accept(b")"):
            items.append(item())
            self.skip()
        return tuple(items)

    def until(self, end: int) -> Words:
        """The same place in a response that ends at `end`."""
        inner = Words(self.text[:end], self._literals, utf8=self.utf8, at=self.at)
        inner._next = self._next
        return inner

    # --- words

    def atom(self) -> bytes:
        """An atom, as written."""
        match = _ATOM.match(self.text, self.at)
        if match is None:
            self.fail("an atom")
        self.at = match.end()
        return match.group()

    def word(self) -> str:
        """An atom of the grammar, in capitals."""
        return self.atom().decode("ascii", "replace").upper()

    def rest(self) -> bytes:
        """Everything up to the end."""
        at, self.at = self.at, len(self.text)
        return self.text[at:]

    def flag(self) -> str:
        r"""A flag, a keyword, an attribute or `\*`."""
        match = _FLAG.match(self.text, self.at)
        if match is None:
            self.fail("a flag")
        self.at = match.end()
        return match.group().decode("utf-8", "surrogateescape")

    def number(self) -> int:
        """A number; 64 bits are enough for all of IMAP."""
        match = _NUMBER.match(self.text, self.at)
        if match is None or (value := int(match.group())) >= 2**64:
            self.fail("a number")
        self.at = match.end()
        return value

    def numbers(self) -> Numbers:
        """A set of numbers."""
        found = numbers.scan(self.text, self.at)
        if found is None:
            self.fail("a set of numbers")
        self.at = found[1]
        return found[0]

    # --- strings

    def string(self) -> bytes:
        """A quoted string or a literal of either kind."""
        match = _QUOTED.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            raw = match.group(1)
            return _ESCAPE.sub(rb"\1", raw) if b"\\" in raw else raw
        match = _LITERAL.match(self.text, self.at)
        if match is None or self._next >= len(self._literals):
            self.fail("a string")
        self.at = match.end()
        self._next += 1
        return self._literals[self._next - 1]

    def is_string(self) -> bool:
        """Does a string come next?"""
        return self.peek() == b'"' or _LITERAL.match(self.text, self.at) is not None

    def astring(self) -> bytes:
        """An atom or a string."""
        return self.string() if self.is_string() else self.atom()

    def nil(self) -> bool:
        """Take NIL if it is next."""
        at = self.at
        if self.text[at : at + 3].upper() == b"NIL" and self.text[at + 3 : at + 4] in (
            b"", b" ", b")", b"]",
        ):  # fmt: skip
            self.at += 3
            return True
        return False

    def nstring(self) -> bytes | None:
        """A string, or NIL as None; an atom counts as a string."""
        return None if self.nil() else self.astring()
