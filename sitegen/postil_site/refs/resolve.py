"""References to places in texts: section, line, and the requirements they pin (rules 1, 2 and 8); what cannot be found is a finding.

A reference pins requirements only by a quote or by a raw line. Everything else, however exact its section, is listed at the heading and colours
no sentence (rule 3).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from postil_site.model import (
    Document,
    Finding,
    FindingClass,
    Reference,
    Requirement,
    Role,
    Section,
    Span,
    TargetKind,
    slug,
)
from postil_site.refs.grammar import normal_section
from postil_site.texts.errata import place
from postil_site.texts.library import Library
from postil_site.texts.normal import normal
from postil_site.texts.quotes import Match, Quotes, keywords_in

CLOSE = 0.9  # a sentence as similar as this is offered as a patch, and never counted (rule 7)


@dataclass(frozen=True, slots=True)
class Resolved:
    """A reference, where it leads, and what it pins."""

    reference: Reference
    section: str | None = None
    line: int | None = None  # None: nowhere, or the text is not there
    span: Span | None = None  # of the words quoted
    requirements: tuple[Requirement, ...] = ()
    findings: tuple[Finding, ...] = ()
    counts: bool = (
        True  # as a citation of its section; a quote outside any requirement is only a link
    )
    missing_text: bool = False


class Resolver:
    """Resolves many references; documents are prepared once."""

    def __init__(self, library: Library, silent: frozenset[int] = frozenset()) -> None:
        self._library = library
        self._silent = silent  # RFCs whose being obsolete is known and wanted
        self._quotes: dict[int, Quotes | None] = {}
        self._found: dict[tuple[int, str, str, bool], Resolved] = {}

    def quotes(self, rfc: int) -> Quotes | None:
        """The document of an RFC, prepared for quotes."""
        if rfc not in self._quotes:
            document = self._library.document(rfc)
            self._quotes[rfc] = Quotes(document) if document is not None else None
        return self._quotes[rfc]

    def replace_requirements(self, rfc: int, requirements: tuple[Requirement, ...]) -> None:
        """Side files have added or split some."""
        quotes = self.quotes(rfc)
        if quotes is not None:
            self._quotes[rfc] = Quotes(replace(quotes.document, requirements=requirements))

    def resolve(self, ref: Reference) -> Resolved:
        """Where one reference leads."""
        entries = self._library.index.entries
        quotes = self.quotes(ref.rfc)
        if quotes is None:
            if entries and ref.rfc not in entries:
                return Resolved(
                    ref,
                    findings=(
                        _finding(ref, FindingClass.UNKNOWN_RFC, f"there is no RFC {ref.rfc}"),
                    ),
                )
            return Resolved(ref, missing_text=True)
        found = self._at(ref, quotes)
        if ref.role is Role.MENTION and found.findings:
            # what prose says badly breaks nothing
            mild = tuple(replace(one, severity="warning") for one in found.findings)
            found = replace(found, findings=mild)
        successors = quotes.document.obsoleted_by
        if successors and not ref.weak and ref.rfc not in self._silent:
            return replace(
                found,
                findings=(*found.findings, self._obsoleted(ref, quotes, found.section, successors)),
            )
        return found

    def _at(self, ref: Reference, quotes: Quotes) -> Resolved:
        match ref.target.kind:
            case TargetKind.DOCUMENT:
                return Resolved(ref, None, 1)
            case TargetKind.LINE:
                return _line(ref, quotes)
            case TargetKind.PAGE:
                return _page(ref, quotes)
            case TargetKind.ERRATUM:
                return _erratum(ref, quotes)
            case TargetKind.SECTION:
                return _section(ref, quotes)
            case TargetKind.QUOTE:
                return _quoted(ref, quotes)

    def _obsoleted(
        self, ref: Reference, quotes: Quotes, section: str | None, successors: tuple[int, ...]
    ) -> Finding:
        names = ", ".join(f"RFC {number}" for number in successors)
        suggestions = []
        here = quotes.section(section) if section else None
        for number in successors:
            other = self._library.document(number) if here is not None else None
            same = (
                [one for one in other.sections if here and slug(one.title) == slug(here.title)]
                if other
                else []
            )
            suggestions += [f"RFC {number} §{one.number}" for one in same[:1]] or [f"RFC {number}"]
        return _finding(
            ref,
            FindingClass.OBSOLETED,
            f"RFC {ref.rfc} is obsoleted by {names}",
            tuple(suggestions),
        )


def normalised(ref: Reference) -> str:
    """A reference without its place: what a baseline keeps."""
    target = ref.target
    match target.kind:
        case TargetKind.SECTION:
            return f"RFC {ref.rfc} §{target.value}"
        case TargetKind.QUOTE:
            return f"RFC {ref.rfc} §{normal_section(target.section or '')} {normal(target.value)!r}"
        case TargetKind.DOCUMENT:
            return f"RFC {ref.rfc}"
        case _:
            return f"RFC {ref.rfc} {target.kind.value} {target.value}"


def _finding(
    ref: Reference,
    kind: FindingClass,
    message: str,
    suggestions: tuple[str, ...] = (),
    patch: str | None = None,
) -> Finding:
    return Finding(kind, ref.path, ref.line, normalised(ref), message, suggestions, patch)


def _line(ref: Reference, quotes: Quotes) -> Resolved:
    line = int(ref.target.value)
    if not 1 <= line <= len(quotes.document.lines):
        message = f"RFC {ref.rfc} has {len(quotes.document.lines)} lines, no line {line}"
        return Resolved(ref, findings=(_finding(ref, FindingClass.UNKNOWN_SECTION, message),))
    section = quotes.section_at(line)
    return Resolved(ref, section.number if section else None, line, None, quotes.on_line(line))


def _page(ref: Reference, quotes: Quotes) -> Resolved:
    page = int(ref.target.value)
    line = dict(quotes.document.pages).get(page)
    if line is None:
        message = f"RFC {ref.rfc} has no page {page}"
        if not quotes.document.pages:
            return Resolved(ref, None, 1)  # a text without pages: the page was another rendering's
        return Resolved(ref, findings=(_finding(ref, FindingClass.UNKNOWN_SECTION, message),))
    section = quotes.section_at(line)
    return Resolved(ref, section.number if section else None, line)


def _erratum(ref: Reference, quotes: Quotes) -> Resolved:
    document = quotes.document
    erratum = next((one for one in document.errata if str(one.number) == ref.target.value), None)
    if erratum is None:
        if not document.errata:
            return Resolved(ref, None, 1)
        message = f"RFC {ref.rfc} has no erratum {ref.target.value} that is known here"
        return Resolved(ref, None, 1, findings=(_finding(ref, FindingClass.ERRATUM, message),))
    where = place(document, erratum)
    if where is not None:
        section = quotes.section_at(where.line)
        return Resolved(ref, section.number if section else None, where.line, where)
    section = quotes.section(erratum.section.strip(". "))
    return Resolved(ref, section.number, section.line) if section else Resolved(ref, None, 1)


def _named(quotes: Quotes, written: str) -> Section | None:
    """The section of a number, or of a `name-…` fragment."""
    if written.startswith("name-"):
        wanted = written.removeprefix("name-")
        by_slug = {slug(one.title): one for one in reversed(quotes.document.sections)}
        return by_slug.get(wanted)
    return quotes.section(normal_section(written))


def _section(ref: Reference, quotes: Quotes) -> Resolved:
    section = _named(quotes, ref.target.value)
    if section is None:
        return Resolved(ref, findings=(_no_section(ref, quotes.document, ref.target.value),))
    return Resolved(ref, section.number, section.line)


def _no_section(ref: Reference, document: Document, written: str) -> Finding:
    if not document.sections:
        return replace(
            _finding(ref, FindingClass.UNKNOWN_SECTION, f"RFC {ref.rfc} has no numbered sections"),
            severity="note",
        )
    if written.startswith("name-"):
        names = ["name-" + slug(one.title) for one in document.sections]
        close = difflib.get_close_matches(written, names, 3, 0.6)
        return _finding(
            ref,
            FindingClass.UNKNOWN_SECTION,
            f"RFC {ref.rfc} has no section {written}",
            tuple(close),
        )
    numbers = [one.number for one in document.sections if one.number]
    close = difflib.get_close_matches(written, numbers, 3, 0.6)
    parent = written
    while "." in parent:
        parent = parent.rpartition(".")[0]
        if parent in numbers:
            close = [parent, *(one for one in close if one != parent)][:3]
            break
    titles = {one.number: one.title for one in document.sections}
    suggestions = tuple(f"§{number} {titles[number]}".strip() for number in close)
    hint = f"; did you mean {' or '.join(suggestions)}?" if suggestions else ""
    return _finding(
        ref,
        FindingClass.UNKNOWN_SECTION,
        f"RFC {ref.rfc} has no section {written}{hint}",
        suggestions,
    )


def _quoted(ref: Reference, quotes: Quotes) -> Resolved:
    written = ref.target.section or ""
    section = _named(quotes, written) if written else None
    if written and section is None:
        return Resolved(ref, findings=(_no_section(ref, quotes.document, written),))
    if section is None:
        return _anywhere(ref, quotes)
    words = ref.target.value
    if normal(words) == normal(section.title):
        return Resolved(ref, section.number, section.line)  # the title, not a sentence
    found = quotes.find(section.number, words)
    match found.match:
        case Match.FOUND:
            span = found.spans[0]
            findings: list[Finding] = []
            pinned = found.requirements
            if ref.style == "marker" and max(keywords_in(words), len(pinned)) > 1:
                message = f"the quote holds {max(keywords_in(words), len(pinned))} keywords: a marker proves one"
                findings.append(_finding(ref, FindingClass.QUOTE_TOO_WIDE, message))
                return Resolved(ref, section.number, span.line, span, (), tuple(findings))
            if found.erratum is not None:
                message = f"erratum {found.erratum.number} (verified) changes these words"
                findings.append(
                    _finding(ref, FindingClass.ERRATUM, message, (found.erratum.corrected,))
                )
            return Resolved(
                ref, section.number, span.line, span, pinned, tuple(findings), bool(pinned)
            )
        case Match.SEVERAL:
            lines = ", ".join(str(span.line) for span in found.spans[:5])
            message = f"the words stand {len(found.spans)} times in RFC {ref.rfc} §{section.number} (lines {lines})"
            finding = _finding(ref, FindingClass.AMBIGUOUS_QUOTE, message)
            return Resolved(ref, section.number, section.line, findings=(finding,), counts=False)
        case Match.MISSING:
            finding = _stale(
                ref, section.number, found.nearest, found.nearest_section, found.similarity
            )
            return Resolved(ref, section.number, section.line, findings=(finding,), counts=False)


def _anywhere(ref: Reference, quotes: Quotes) -> Resolved:
    """A quote block without a section: the one section that has the words."""
    hits = []
    for section in quotes.document.sections:
        found = quotes.find_in(section.number, ref.target.value)
        hits += [(section, span) for span in found]
    if len(hits) == 1:
        section, span = hits[0]
        return Resolved(ref, section.number, span.line, span, quotes.pinned(section.number, span))
    kind = FindingClass.AMBIGUOUS_QUOTE if hits else FindingClass.STALE_QUOTE
    message = (
        f"the words stand {len(hits)} times in RFC {ref.rfc}"
        if hits
        else f"the words are not in RFC {ref.rfc}"
    )
    return Resolved(ref, None, 1, findings=(_finding(ref, kind, message),), counts=False)


def _stale(ref: Reference, section: str, nearest: str, where: str, similarity: float) -> Finding:
    message = f"the words are not in RFC {ref.rfc} §{section}"
    if not nearest:
        return _finding(ref, FindingClass.STALE_QUOTE, message)
    at = f"§{where}" if where != section else "there"
    message += f"; nearest, {at}, {similarity:.0%} alike: {nearest}"
    patch = None
    if similarity == 1.0 and where != section and ref.text.count(section) == 1:
        patch = ref.text.replace(section, where)
    elif similarity >= CLOSE and where == section:
        patch = _with_words(ref.text, nearest)
    return _finding(ref, FindingClass.STALE_QUOTE, message, (nearest,), patch)


def _with_words(text: str, words: str) -> str | None:
    """The reference with other words between its quotation marks."""
    opening, closing = text.find('"'), text.rfind('"')
    if opening < 0 or closing <= opening:
        return None
    return text[: opening + 1] + words.replace('"', "'") + text[closing:]
