"""Octets of an RFC to lines, and which of them are page furniture.

366 of 460 texts have form feeds with a footer before and a header after; 94 do not. 95 begin with a UTF-8 byte order mark;
RFC 2557 is ISO 8859-1. Furniture is left where it is, only named, so that line numbers stay those of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FOOTER = re.compile(r"\[?Page\s+(\d+|[ivxlc]+)\]?\s*$|^\s*(?:-\s*)?\[(\d+)\]\s*$")
_OLD_FOOTER = re.compile(r"^\s*\S.{0,40}\s{3,}-\s*(\d+|[ivxlc]+)\s*-\s{3,}\S.*$")
_RUNNING = re.compile(
    r"^(RFC\s+\d+|RFC\d+|\S.*\sRFC\s+\d+|.*\b(19|20)\d\d)\s*$|^RFC\s+\d+\s{3,}\S", re.I
)


@dataclass(frozen=True, slots=True)
class Text:
    """Lines without their ends; `furniture` and `pages` in 1-based line numbers."""

    lines: tuple[str, ...]
    furniture: frozenset[int]
    pages: tuple[tuple[int, int], ...]  # (page number, first line of the page)

    def body(self) -> list[tuple[int, str]]:
        """Numbered lines without furniture."""
        return [
            (number, line)
            for number, line in enumerate(self.lines, 1)
            if number not in self.furniture
        ]


def decode(octets: bytes) -> Text:
    """Read a text, whatever its encoding."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = octets.decode("iso-8859-1")
    # Not splitlines(): it would also split at form feeds and other characters that are within lines.
    lines = tuple(line.rstrip("\r") for line in text.split("\n"))
    if lines and not lines[-1]:
        lines = lines[:-1]
    return Text(lines, *_furniture(lines))


def _furniture(
    lines: tuple[str, ...],
) -> tuple[frozenset[int], tuple[tuple[int, int], ...]]:
    found: set[int] = set()
    pages: list[tuple[int, int]] = []
    first = 1
    for number, line in enumerate(lines, 1):
        if "\f" in line:
            found.add(number) if not line.replace("\f", "").strip() else None
            _header(lines, number, found)
            continue
        if line[-1:] in "]-" or "Page" in line[-16:]:
            match = _FOOTER.search(line.rstrip()) or _OLD_FOOTER.match(line)
            if match and _page_ends(lines, number):
                found.add(number)
                word = next(filter(None, match.groups()))
                pages.append((_number(word, len(pages) + 1), first))
                first = number + 1
    return frozenset(found), tuple(pages)


def _page_ends(lines: tuple[str, ...], number: int) -> bool:
    """A footer stands at the end of its page: a form feed, a header or the end of the file follows."""
    for line in lines[number : number + 6]:
        if "\f" in line or _RUNNING.match(line.strip()):
            return True
        if line.strip():
            return False
    return True


def _header(lines: tuple[str, ...], feed: int, found: set[int]) -> None:
    """The running head stands within three lines of the form feed, sometimes on its line."""
    own = lines[feed - 1].replace("\f", "").strip()
    if own:
        if _RUNNING.match(own):
            found.add(feed)
        return
    for number in range(feed + 1, min(feed + 4, len(lines) + 1)):
        line = lines[number - 1].strip()
        if line:
            if _RUNNING.match(line):
                found.add(number)
                # RFC 821 and its time: two lines of head
                below = lines[number].strip() if number < len(lines) else ""
                if below and line.upper().startswith("RFC") and len(line) < 12:
                    found.add(number + 1)
            return


def _number(word: str, otherwise: int) -> int:
    return int(word) if word.isdigit() else otherwise
