"""Where one RFC names another, or one of its own sections."""

from __future__ import annotations

import re

from postil_site.model import CrossReference, Section, Span
from postil_site.texts.decode import Text

_OTHER = re.compile(
    r"\[?\bRFC[ -]?0*(\d{1,5})\b\]?(?:,?\s+(?:[Ss]ections?|[Aa]ppendix)\s+([0-9A-Z]+(?:\.\d+)*))?"
)
_OF = re.compile(
    r"\b(?:[Ss]ections?|[Aa]ppendix)\s+([0-9A-Z]+(?:\.\d+)*)\s+(?:of|in)\s+\[?RFC[ -]?0*(\d{1,5})\b\]?"
)
_OWN = re.compile(r"\b(?:[Ss]ections?|[Aa]ppendix)\s+([0-9A-Z]+(?:\.\d+)*)\b(?!\s+(?:of|in)\s+\[)")


def find(text: Text, sections: tuple[Section, ...], rfc: int) -> tuple[CrossReference, ...]:
    """All of them in order; a line's references never overlap."""
    own = {section.number for section in sections}
    headings = {section.line for section in sections}
    start = sections[0].line if sections else 0  # the contents name sections that are headings
    out: list[CrossReference] = []
    for number, line in text.body():
        if "RFC" not in line and "ection" not in line and "ppendix" not in line:
            continue
        taken: list[tuple[int, int]] = []
        for match in _OF.finditer(line):
            taken.append(match.span())
            out.append(CrossReference(_span(number, match), int(match[2]), match[1]))
        for match in _OTHER.finditer(line):
            if not any(start <= match.start() < end for start, end in taken):
                taken.append(match.span())
                if int(match[1]) != rfc or match[2]:
                    out.append(CrossReference(_span(number, match), int(match[1]), match[2]))
        if number in headings or number < start:
            continue
        for match in _OWN.finditer(line):
            if match[1] in own and not any(start <= match.start() < end for start, end in taken):
                out.append(CrossReference(_span(number, match), rfc, match[1]))
    return tuple(sorted(out, key=lambda reference: (reference.span.line, reference.span.column)))


def _span(line: int, match: re.Match[str]) -> Span:
    return Span(line, match.start(), line, match.end())
