"""Finding quoted words in a section, and the requirements they pin (rules 1, 2 and 7)."""

from __future__ import annotations

import difflib
import enum
import itertools
import re
from dataclasses import dataclass

from postil_site.model import Document, Erratum, Requirement, Section, Span
from postil_site.texts.errata import Places
from postil_site.texts.normal import KEYWORD, mapped, normal
from postil_site.texts.prose import Paragraph, paragraphs, sentences

_SKIP = re.compile(r"\s*(?:…|\.\.\.)\s*")
SIMILAR = 0.6  # below this a sentence is no help


class Match(enum.Enum):
    """What became of a quote."""

    FOUND = "found"
    MISSING = "stale-quote"
    SEVERAL = "ambiguous-quote"


@dataclass(frozen=True, slots=True)
class Found:
    """Where a quote stands and what it pins; `nearest` helps when it is missing."""

    match: Match
    spans: tuple[Span, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    nearest: str = ""
    nearest_section: str = ""
    similarity: float = 0.0
    erratum: Erratum | None = None  # the quote has the original words of this verified erratum


class Quotes:
    """The prose of one document, by section, ready to be searched; keep it while many quotes are looked up."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._sections = {section.number: section for section in document.sections}
        self._paragraphs: dict[str, list[Paragraph]] = {}
        self._by_section: dict[str, list[Requirement]] = {}
        self._errata: dict[int, Span | None] = {}
        self._places = Places(document)
        for requirement in document.requirements:
            self._by_section.setdefault(requirement.section, []).append(requirement)

    def section(self, number: str) -> Section | None:
        """The section of that number."""
        return self._sections.get(number)

    def prose(self, number: str) -> list[Paragraph]:
        """The paragraphs of a section, not of its subsections; its heading is no prose."""
        if number not in self._paragraphs:
            section = self._sections[number]
            lines = [
                (line, self.document.lines[line - 1].replace("\f", ""))
                for line in range(section.line + 1, section.own_end_line + 1)
                if line not in self.document.furniture
            ]
            # RFC 2180 and its like: the heading is the first line of a sentence
            heading = self.document.lines[section.line - 1]
            if section.title and lines and lines[0][0] == section.line + 1 and lines[0][1].strip():
                at = max(heading.find(section.title), 0)
                lines.insert(0, (section.line, " " * at + heading[at:]))
            self._paragraphs[number] = paragraphs(lines)
        return self._paragraphs[number]

    def find(self, number: str, quote: str) -> Found:
        """Look a quote up in a section that exists."""
        parts = _parts(quote)
        spans = self.find_in(number, quote)
        if len(spans) == 1:
            pinned = self.pinned(number, spans[0])
            return Found(Match.FOUND, (spans[0],), pinned, erratum=self._corrected(spans[0]))
        if spans:
            return Found(Match.SEVERAL, tuple(spans))
        return self._missing(number, quote, parts)

    def find_in(self, number: str, quote: str) -> list[Span]:
        """Every place of the words in a section."""
        parts = _parts(quote)
        spans = [span for block in self.prose(number) for span in _spans(block, parts)]
        return spans or self._across(number, parts)

    def _across(self, number: str, parts: list[str]) -> list[Span]:
        """Words that run over paragraphs: an intro and its list item."""
        blocks = self.prose(number)
        out: list[Span] = []
        for first, second in itertools.pairwise(blocks):
            joined = normal(f"{first.text} {second.text}")
            if len(parts) == 1 and parts[0] in joined:
                head = normal(first.text)
                at = joined.find(parts[0])
                if at < len(head):
                    start = _origin(first, at)
                    length = at + len(parts[0]) - len(head) - 1
                    end = _origin(second, max(min(length, len(normal(second.text))) - 1, 0)) + 1
                    begin = first.place(start)
                    stop = second.place(max(end - 1, 0))
                    out.append(Span(begin[0], begin[1], stop[0], stop[1] + 1))
        return out or self._item(number, parts)

    def _item(self, number: str, parts: list[str]) -> list[Span]:
        """An intro and an item further down its list: the place is the item's, whose requirement it is."""
        out: list[Span] = []
        intro: Paragraph | None = None
        for block in self.prose(number) if len(parts) == 1 else ():
            if intro is not None and (block.bullet or block.indent > intro.indent):
                head = normal(intro.text) + " "
                at = (head + normal(block.text)).find(parts[0])
                length = at + len(parts[0]) - len(head)
                if 0 <= at < len(head) < at + len(parts[0]):
                    out.append(block.span(0, _origin(block, length - 1) + 1))
            elif block.text.rstrip().endswith(":"):
                intro = block
            else:
                intro = None
        return out

    def pinned(self, number: str, span: Span) -> tuple[Requirement, ...]:
        """Rule 2: requirements whose keyword lies in the span; without any keyword, the one clause that contains it."""
        own = self._by_section.get(number, [])
        inside = tuple(one for one in own if _within(one.keyword_span, span))
        if inside:
            return inside
        around = tuple(one for one in own if _within(span, one.span))
        return around if len(around) == 1 else ()

    def on_line(self, line: int) -> tuple[Requirement, ...]:
        """Rule 2(b): the requirement whose keyword is on the raw line, else the clause covering it, if exactly one."""
        keywords = tuple(one for one in self.document.requirements if one.keyword_span.line == line)
        if len(keywords) == 1:
            return keywords
        if keywords:
            return ()
        covering = tuple(
            one for one in self.document.requirements if one.span.line <= line <= one.span.end_line
        )
        return covering if len(covering) == 1 else ()

    def section_at(self, line: int) -> Section | None:
        """The innermost section that holds a raw line."""
        best = None
        for section in self.document.sections:
            if section.line <= line <= section.end_line:
                best = section
        return best

    def _where(self, erratum: Erratum) -> Span | None:
        if erratum.number not in self._errata:
            self._errata[erratum.number] = self._places.place(erratum)
        return self._errata[erratum.number]

    def _corrected(self, span: Span) -> Erratum | None:
        for erratum in self.document.errata:
            if erratum.status == "Verified":
                where = self._where(erratum)
                if where is not None and _within(span, where):
                    return erratum
        return None

    def _missing(self, number: str, quote: str, parts: list[str]) -> Found:
        for erratum in self.document.errata:
            # Rule 8: a quote may match the corrected words.
            if erratum.status == "Verified" and erratum.section.strip(". ") == number:
                corrected = normal(erratum.corrected)
                if parts and all(part in corrected for part in parts):
                    where = self._where(erratum)
                    if where is not None:
                        return Found(Match.FOUND, (where,), self.pinned(number, where))
        wanted = normal(quote).casefold()
        best = ("", "", 0.0)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        near = [number, *(section for section in self._sections if section != number)]
        for section in near:
            for sentence in self._sentences(section):
                candidate = normal(sentence).casefold()
                matcher.set_seq1(candidate)
                if matcher.real_quick_ratio() > best[2] and matcher.quick_ratio() > best[2]:
                    ratio = 1.0 if wanted in candidate else matcher.ratio()
                    if ratio > best[2]:
                        best = (sentence, section, ratio)
            if section == number and best[2] >= 0.9:
                break
        if best[2] < SIMILAR:
            best = ("", "", best[2])
        return Found(
            Match.MISSING, nearest=best[0], nearest_section=best[1], similarity=round(best[2], 3)
        )

    def _sentences(self, number: str) -> list[str]:
        return [
            block.text[start:end]
            for block in self.prose(number)
            if block.prose
            for start, end in sentences(block.text)
        ]


def _parts(quote: str) -> list[str]:
    """The words between the skips, in normal form."""
    return [normal(part) for part in _SKIP.split(quote) if normal(part)]


def _spans(block: Paragraph, parts: list[str]) -> list[Span]:
    """Every place of the parts, in order, within one paragraph."""
    if not parts:
        return []
    text, origin = mapped(block.text)
    out: list[Span] = []
    at = text.find(parts[0])
    while at >= 0:
        end = at + len(parts[0])
        for part in parts[1:]:
            next_at = text.find(part, end)
            if next_at < 0:
                return out
            end = next_at + len(part)
        out.append(block.span(origin[at], origin[end - 1] + 1))
        at = text.find(parts[0], end)
    return out


def _origin(block: Paragraph, at: int) -> int:
    origin = mapped(block.text)[1]
    return origin[min(at, len(origin) - 1)] if origin else 0


def _within(inner: Span, outer: Span) -> bool:
    return (outer.line, outer.column) <= (inner.line, inner.column) and (
        inner.end_line,
        inner.end_column,
    ) <= (outer.end_line, outer.end_column)


def keywords_in(quote: str) -> int:
    """How many BCP 14 keywords a quote holds; a marker's holds one (rule 2)."""
    return len(KEYWORD.findall(quote))
