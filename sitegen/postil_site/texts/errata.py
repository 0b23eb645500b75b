"""The RFC Editor's errata of one RFC, and where in its text they stand (rule 8)."""

from __future__ import annotations

import json

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
    """Where the erratum's original words stand: in its section if it has one, else anywhere; None when they are not found."""
    words = normal(erratum.original)
    if len(words) < 8:
        return None
    for first, last in _ranges(document, erratum):
        found = search(document, words, first, last)
        if found is not None:
            return found
    return None


def _ranges(document: Document, erratum: Erratum) -> list[tuple[int, int]]:
    whole = (1, len(document.lines))
    number = erratum.section.strip().rstrip(".")
    return [
        (section.line, section.end_line)
        for section in document.sections
        if section.number == number
    ] + [whole]


def search(document: Document, words: str, first: int, last: int) -> Span | None:
    """The first place of words in normal form between two lines, furniture left out."""
    pieces: list[str] = []
    starts: list[tuple[int, int]] = []
    length = 0
    for number in range(first, last + 1):
        if number not in document.furniture:
            line = document.lines[number - 1].replace("\f", " ")
            starts.append((length, number))
            pieces.append(line)
            length += len(line) + 1
    text, origin = mapped("\n".join(pieces))
    at = text.find(words)
    if at < 0:
        return None
    start = _line_of(starts, origin[at])
    end = _line_of(starts, origin[at + len(words) - 1])
    return Span(start[0], start[1], end[0], end[1] + 1)


def _line_of(starts: list[tuple[int, int]], offset: int) -> tuple[int, int]:
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        if starts[middle][0] <= offset:
            low = middle
        else:
            high = middle
    return starts[low][1], offset - starts[low][0]
