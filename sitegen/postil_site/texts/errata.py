"""The RFC Editor's errata of one RFC, and where in its text they stand (rule 8)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from postil_site.model import Document, Erratum, Span
from postil_site.texts.normal import mapped, normal


class BadErrata(ValueError):
    """The file is not a list of errata; the text says why."""


def parse(octets: bytes) -> tuple[Erratum, ...]:
    """Read `rfcN.json`."""
    try:
        rows = json.loads(octets)
    except ValueError as error:
        raise BadErrata(f"is not JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadErrata("is not a list of errata")
    return tuple(
        Erratum(
            number=int(row.get("errata_id") or 0),
            status=str(row.get("errata_status_code") or ""),
            kind=str(row.get("errata_type_code") or ""),
            section=str(row.get("section") or ""),
            original=_clean(row.get("orig_text")),
            corrected=_clean(row.get("correct_text")),
            notes=_clean(row.get("notes")),
        )
        for row in rows
    )


def _clean(value: object) -> str:
    return str(value or "").replace("\r\n", "\n").strip("\n")


def place(document: Document, erratum: Erratum) -> Span | None:
    """Where one erratum stands."""
    return Places(document).place(erratum)


_CHUNK = 30  # lines of a text that are brought into normal form together
_HYPHENS = ("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2212", "\u00ad")


@dataclass(slots=True)
class _Chunk:
    """Lines that begin and end at a blank one, so that their normal forms may be joined with a blank."""

    lines: list[tuple[int, str]]
    start: int = 0  # of its normal form in that of the whole

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def place(self, at: int) -> tuple[int, int]:
        """Line and column of a character of the normal form."""
        offset = mapped(self.text)[1][at - self.start]
        for number, line in self.lines:
            if offset <= len(line):
                return number, offset
            offset -= len(line) + 1
        raise AssertionError("beyond the chunk")


class Places:
    """Finds the errata of one document; keep it while there are several."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._normal: dict[tuple[int, int], tuple[str, list[_Chunk]]] = {}  # by first and last line

    def place(self, erratum: Erratum) -> Span | None:
        """Where the erratum's original words stand: in its section if it has one, else anywhere; None when they are not found."""
        words = normal(erratum.original)
        if len(words) < 8:
            return None
        for first, last in self._ranges(erratum):
            found = self.search(words, first, last)
            if found is not None:
                return found
        return None

    def _ranges(self, erratum: Erratum) -> list[tuple[int, int]]:
        whole = (1, len(self._document.lines))
        number = erratum.section.strip().rstrip(".")
        return [
            (section.line, section.end_line)
            for section in self._document.sections
            if section.number == number
        ] + [whole]

    def search(self, words: str, first: int, last: int) -> Span | None:
        """The first place of words in normal form between two lines, furniture left out."""
        if (first, last) not in self._normal:
            self._normal[first, last] = self._join(first, last)
        text, chunks = self._normal[first, last]
        at = text.find(words)
        if at < 0:
            return None
        # Only what was found is mapped back: a map of the whole takes ten times as long as the search.
        starts = [chunk.start for chunk in chunks]
        begin = chunks[bisect_right(starts, at) - 1].place(at)
        end = at + len(words) - 1
        stop = chunks[bisect_right(starts, end) - 1].place(end)
        return Span(begin[0], begin[1], stop[0], stop[1] + 1)

    def _join(self, first: int, last: int) -> tuple[str, list[_Chunk]]:
        pieces: list[str] = []
        kept: list[_Chunk] = []
        length = 0
        for chunk in self._chunks(first, last):
            piece = normal(chunk.text)
            if piece:
                chunk.start = length
                length += len(piece) + 1
                pieces.append(piece)
                kept.append(chunk)
        return " ".join(pieces), kept

    def _chunks(self, first: int, last: int) -> Iterator[_Chunk]:
        lines: list[tuple[int, str]] = []
        blank = joined = False
        for number in range(first, last + 1):
            if number in self._document.furniture:
                continue
            line = self._document.lines[number - 1].replace("\f", " ")
            words = line.strip()
            if words:
                if len(lines) >= _CHUNK and blank and not joined:
                    yield _Chunk(lines)
                    lines = []
                joined = words.endswith(_HYPHENS)  # a hyphen takes the blanks behind it along
            blank = not words
            lines.append((number, line))
        if lines:
            yield _Chunk(lines)
