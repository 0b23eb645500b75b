"""The shortest words of a clause that a quote needs: they stand once in their section and hold exactly the clause's own keyword (rules 1 and 2)."""

from __future__ import annotations

import re

from postil_site.model import Document, Requirement
from postil_site.texts.normal import KEYWORD, normal
from postil_site.texts.quotes import Quotes

_WORD = re.compile(r"\S+")
MOST_WORDS = 30  # longer than any clause that is alone in its section needs


class Shortest:
    """Quotes for the clauses of one document."""

    def __init__(self, document: Document) -> None:
        self._quotes = Quotes(document)
        self._texts: dict[str, str] = {}

    def quote(self, one: Requirement) -> str | None:
        """Words that pin this requirement alone, or None when there are none: then a raw line has to do."""
        if one.keyword_span.end_column - one.keyword_span.column <= 1:
            return self._of_item(one)
        words = [match.span() for match in _WORD.finditer(one.clause)]
        # The last one: an intro that stands before an item has the same keyword now and then.
        own = [
            match.start() for match in KEYWORD.finditer(one.clause) if match.group() == one.keyword
        ]
        if not own:
            return None
        centre = next(at for at, (start, end) in enumerate(words) if start <= own[-1] < end)
        for size in range(2, min(len(words), MOST_WORDS) + 1):
            for first in range(max(0, centre - size // 2), centre + 1):
                if first + size > len(words):
                    break
                candidate = _plain(one.clause[words[first][0] : words[first + size - 1][1]])
                # One keyword, whole, and nowhere else in the section: then the words can only be this clause's.
                if KEYWORD.findall(candidate) == [one.keyword] and self._once(one, candidate):
                    return candidate
        return None

    def _of_item(self, one: Requirement) -> str | None:
        """An item of a list whose keyword stands above it is pinned by its own words, without any keyword."""
        first = self._quotes.document.lines[one.span.line - 1].replace("\f", "")
        last = one.span.end_column if one.span.line == one.span.end_line else len(first)
        own = first[one.span.column : last]
        words = [match.span() for match in _WORD.finditer(own)]
        for size in range(min(3, len(words)), len(words) + 1):
            candidate = _plain(own[: words[size - 1][1]]) if words else ""
            if len(candidate) > 2 and self._once(one, candidate):
                found = self._quotes.find(one.section, candidate)
                return candidate if [r.id for r in found.requirements] == [one.id] else None
        return None

    def _once(self, one: Requirement, candidate: str) -> bool:
        if one.section not in self._texts:
            if self._quotes.section(one.section) is None:
                return False
            blocks = self._quotes.prose(one.section)
            self._texts[one.section] = "\n".join(normal(block.text) for block in blocks)
        return self._texts[one.section].count(normal(candidate)) == 1


def _plain(words: str) -> str:
    """Rule 1 allows single quotes for double ones, which need no escape in a comment."""
    return words.rstrip(".,;:").replace('"', "'")
