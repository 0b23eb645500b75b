"""Paragraphs and sentences of an RFC, joined over lines and pages, with a map back to lines and columns.

A paragraph is what stands between blank lines at one indentation; the one that a page break cuts in two is joined again. What is not
prose is told apart: figures, examples, grammar, contents. Rule 7: page furniture, bullets and aside bars are removed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from postil_site.model import Span

_BULLET = re.compile(
    r"^(\s*)([*o+\-•◦]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|\(?[ivx]{1,5}[.)])(\s+)(?=\S)"
)
_BAR = re.compile(r"^(\s*)\|(?= )")
_ABNF = re.compile(r"^\s*<?[A-Za-z][A-Za-z0-9.-]*>?\s*(?:=/|::=|=)(?:\s|$)")
_ART = re.compile(r"[-+=_|]{4,}|\+--|--\+|<--|-->|\|.*\|.*\||^\s*[|/\\+].*[|/\\+]\s*$")
_DIALOGUE = re.compile(r"^\s*(?:[CS](?:\d)?:|>>>|<<<|[CS]\s*->|C&S:)\s")
# A full stop here does not end a sentence.
_SHORT = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|viz|Sec|Sect|sec|No|Fig|fig|Inc|Ltd|Dr|Mr|al|St|Vol|vol|pp|p|Eq|resp|approx|incl)|\b[A-Z])$"
)
_END = re.compile(r"[.!?][\"')\]”’]*(?=\s)")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text of one paragraph on one line, and where each character stands."""

    text: str
    first: int  # line
    last: int
    indent: int  # of the text behind the bullet
    bullet: bool
    prose: bool  # not a figure, grammar or dialogue
    offsets: tuple[int, ...]  # start in `text` of each piece …
    places: tuple[tuple[int, int], ...]  # … and its (line, column)

    def place(self, offset: int) -> tuple[int, int]:
        """(line, 0-based column) of a character of `text`."""
        at = max(bisect_right(self.offsets, offset) - 1, 0)
        line, column = self.places[at]
        return line, column + offset - self.offsets[at]

    def span(self, start: int, end: int) -> Span:
        """The characters from `start` up to, not including, `end`."""
        line, column = self.place(start)
        end_line, end_column = self.place(max(end - 1, start))
        return Span(line, column, end_line, end_column + 1)


def paragraphs(lines: list[tuple[int, str]]) -> list[Paragraph]:
    """Paragraphs of numbered lines without furniture."""
    blocks: list[list[tuple[int, str]]] = []
    block: list[tuple[int, str]] = []
    for number, line in lines:
        if not line.strip():
            if block:
                blocks.append(block)
            block = []
            continue
        if block and _BULLET.match(line) and not _same_item(block, line):
            blocks.append(block)
            block = []
        block.append((number, line))
    if block:
        blocks.append(block)
    return [_paragraph(joined) for joined in _joined_over_pages(blocks)]


def _same_item(block: list[tuple[int, str]], line: str) -> bool:
    """A line inside a paragraph that only looks like a bullet: it is indented as the text above."""
    above = block[-1][1]
    indent = len(line) - len(line.lstrip())
    first = block[0][1]
    bullet = _BULLET.match(first)
    if bullet is not None:
        return indent >= bullet.end()
    return len(above) - len(above.lstrip()) == indent and len(above) > 55


def _joined_over_pages(blocks: list[list[tuple[int, str]]]) -> list[list[tuple[int, str]]]:
    out: list[list[tuple[int, str]]] = []
    for block in blocks:
        if out and _continues(out[-1], block):
            out[-1] = out[-1] + block
        else:
            out.append(block)
    return out


def _continues(before: list[tuple[int, str]], after: list[tuple[int, str]]) -> bool:
    """A page break lies between, and the sentence goes on behind it."""
    if after[0][0] - before[-1][0] < 5:  # footer, form feed, header and blanks are at least that
        return False
    above, below = before[-1][1], after[0][1]
    if above.rstrip().endswith((".", ":", "!", "?")) or _BULLET.match(below):
        return False
    indent = len(below) - len(below.lstrip())
    bullet = _BULLET.match(before[0][1])
    expected = bullet.end() if bullet else len(above) - len(above.lstrip())
    return indent == expected and not _ART.search(below)


def _paragraph(block: list[tuple[int, str]]) -> Paragraph:
    pieces: list[str] = []
    offsets: list[int] = []
    places: list[tuple[int, int]] = []
    length = 0
    bullet = False
    indent = 0
    for index, (number, line) in enumerate(block):
        start = len(line) - len(line.lstrip())
        if bar := _BAR.match(line):
            start = bar.end() + len(line[bar.end() :]) - len(line[bar.end() :].lstrip())
        if index == 0:
            if found := _BULLET.match(line):
                bullet, start = True, found.end()
            indent = start
        words = line[start:].rstrip()
        if pieces and pieces[-1].endswith("-") and not pieces[-1].endswith(("--", " -")):
            glue = ""  # a word cut at its hyphen
        else:
            glue = " " if pieces else ""
        length += len(glue)
        pieces.append(glue + words)
        offsets.append(length)
        places.append((number, start))
        length += len(words)
    return Paragraph(
        text="".join(pieces),
        first=block[0][0],
        last=block[-1][0],
        indent=indent,
        bullet=bullet,
        prose=_is_prose(block),
        offsets=tuple(offsets),
        places=tuple(places),
    )


def _is_prose(block: list[tuple[int, str]]) -> bool:
    if _ABNF.match(block[0][1]) and not block[0][1].rstrip().endswith("."):
        return False
    odd = sum(1 for _, line in block if _ART.search(line) or _DIALOGUE.match(line))
    return odd * 2 < len(block) or (odd <= 1 < len(block) and not _DIALOGUE.match(block[0][1]))


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence of a paragraph's text."""
    out = []
    start = 0
    for match in _END.finditer(text):
        if match.group()[0] == "." and _SHORT.search(text[: match.start()][-12:]):
            continue
        rest = text[match.end() :].lstrip()
        # a new sentence begins with anything but a small letter; names such as `imapd` are the price
        if rest and rest[0].islower():
            continue
        end = match.end()
        out.append((start, end))
        start = len(text) - len(rest)
    if text[start:].strip():
        out.append((start, len(text.rstrip())))
    return out
