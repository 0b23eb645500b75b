"""Where in a TOML file each table, key and array element stands, so that an error can point at it.

The TOML reader of the standard library forgets places. This walks the text once, character by character where it must
(strings, comments, nested arrays and inline tables), and records for each path the line and the octets from the first to the last of it.
It is asked only about text that the reader has accepted, so it looks for ends and not for mistakes.

A path is what the reader's result would be asked: `("listener", 0, "ips", 1)`. An array of tables counts like any array.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

Path = tuple[str | int, ...]

_BLANK = re.compile(r"[ \t\r\n]*(?:#[^\n]*[ \t\r\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]*")
# The longest opening first; a multi-line string may end with quotes of its own before the three that close it.
_STRINGS = (
    ('"""', re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)),
    ("'''", re.compile(r"'''.*?'{3,5}", re.DOTALL)),
    ('"', re.compile(r'"(?:[^"\\\n]|\\.)*"')),
    ("'", re.compile(r"'[^'\n]*'")),
)


class Kind(Enum):
    """How a path is written."""

    FILE = 1
    HEADER = 2  # `[a]` or `[[a]]`
    PAIR = 3  # `a = 1`
    ELEMENT = 4  # of an array
    IMPLIED = 5  # by something within it: `a` in `a.b = 1` and `[a.b]`


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path is written: its line from 1, and where it, and its value, begin and end in the text."""

    line: int
    start: int
    end: int
    kind: Kind
    value: int  # of a pair, where the value begins; else `start`


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._elements: dict[Path, int] = {}  # array of tables to how many there are so far
        self.found: dict[Path, Place] = {(): Place(1, 0, len(text), Kind.FILE, 0)}

    def document(self) -> None:
        table: Path = ()
        self._blank()
        while self._at < len(self._text):
            start = self._at
            if self._text[start] == "[":
                table = self._header()
                self._put(table, start, Kind.HEADER)
            else:
                self._pair(table)
            self._blank()

    def _header(self) -> Path:
        double = self._text.startswith("[[", self._at)
        self._at += 2 if double else 1
        words = self._keys()
        self._at = self._text.index("]", self._at) + (2 if double else 1)
        path: Path = ()
        for word in words[:-1]:
            path = self._element((*path, word))
        path = (*path, words[-1])
        if double:
            self._elements[path] = count = self._elements.get(path, -1) + 1
            path = (*path, count)
        return path

    def _element(self, path: Path) -> Path:
        """In a header, the name of an array of tables means the last one of it."""
        last = self._elements.get(path)
        return path if last is None else (*path, last)

    def _pair(self, table: Path) -> None:
        start = self._at
        path = (*table, *self._keys())
        self._at = self._text.index("=", self._at) + 1
        self._spaces()
        value = self._at
        self._value(path)
        self._put(path, start, Kind.PAIR, value)

    def _keys(self) -> list[str]:
        """`a."b".c`, and whatever blank lies around the dots."""
        words = []
        while True:
            self._spaces()
            if bare := _BARE.match(self._text, self._at):
                words.append(bare.group())
                self._at = bare.end()
            else:
                start = self._at
                self._string()
                words.append(_unquoted(self._text[start : self._at]))
            self._spaces()
            if not self._text.startswith(".", self._at):
                return words
            self._at += 1

    def _value(self, path: Path) -> None:
        first = self._text[self._at : self._at + 1]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif first in ('"', "'"):
            self._string()
        else:
            match = _SCALAR.match(self._text, self._at)
            assert match is not None  # the pattern matches nothing, too
            self._at += len(match.group().rstrip())

    def _array(self, path: Path) -> None:
        self._at += 1
        count = 0
        while not self._closed("]"):
            start = self._at
            self._value((*path, count))
            self._put((*path, count), start, Kind.ELEMENT)
            count += 1
            self._comma()

    def _inline(self, path: Path) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(path)
            self._comma()

    def _closed(self, bracket: str) -> bool:
        self._blank()
        if not self._text.startswith(bracket, self._at):
            return False
        self._at += 1
        return True

    def _comma(self) -> None:
        self._blank()
        if self._text.startswith(",", self._at):
            self._at += 1

    def _string(self) -> None:
        for opening, whole in _STRINGS:
            if self._text.startswith(opening, self._at):
                match = whole.match(self._text, self._at)
                assert match is not None, "the reader accepted this text"
                self._at = match.end()
                return
        raise AssertionError("a key or a string is here: the reader accepted this text")

    def _spaces(self) -> None:
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1

    def _blank(self) -> None:
        self._at = after_blank(self._text, self._at)

    def _put(self, path: Path, start: int, kind: Kind, value: int | None = None) -> None:
        line = bisect.bisect_left(self._ends, start) + 1
        # `a.b = 1` begins the table `a`, too, unless that has a place of its own.
        for above in (path[:known] for known in range(1, len(path))):
            before = self.found.get(above)
            if before is None or (before.kind is Kind.IMPLIED and before.start > start):
                self.found[above] = Place(line, start, self._at, Kind.IMPLIED, start)
        self.found[path] = Place(line, start, self._at, kind, start if value is None else value)


def _unquoted(key: str) -> str:
    return str(tomllib.loads(f"x = {key}")["x"])


def places(text: str) -> dict[Path, Place]:
    """Every table, key and element of a text that the TOML reader accepts."""
    walk = _Walk(text)
    walk.document()
    return walk.found


def after_blank(text: str, at: int) -> int:
    """Where the blanks, line ends and comments that begin there end."""
    match = _BLANK.match(text, at)
    assert match is not None  # the pattern matches nothing, too
    return match.end()


def nearest(found: dict[Path, Place], path: Sequence[str | int]) -> Place:
    """Where the field stands, or the nearest table around it."""
    steps = tuple(path)
    while steps not in found:
        steps = steps[:-1]
    return found[steps]


def spelled(path: Sequence[str | int]) -> str:
    """`listener[0].port`: the field as people write it."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            word = step if _BARE.fullmatch(step) else f'"{step}"'
            out += f".{word}" if out else word
    return out
