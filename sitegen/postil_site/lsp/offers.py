"""What is typed for you: sections with their titles, the words of their requirements, and repairs of a reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postil_site import patches
from postil_site.lsp.workspace import Cited, Workspace
from postil_site.model import Requirement, Span, TargetKind

# `RFC 9051 §6.3`, `RFC 9051, Section 6`, `RFC 9051 sec. `, up to the cursor
_SECTION = re.compile(
    r"\bRFC[ -]?(?P<rfc>\d{1,5})\]?,?\s*(?:§{1,2}\s*|\b(?:sections?|sect?\.?|appendix)\s+)(?P<typed>[\w.\-]*)$",
    re.IGNORECASE,
)
_MARKER = re.compile(r"""\.rfc\(\s*["'](?P<rfc>\d{1,5})["']\s*,\s*["']§?\s*(?P<typed>[\w.\-]*)$""")
_WORDS = re.compile(
    r"\bRFC[ -]?(?P<rfc>\d{1,5})\s*§\s*(?P<section>[\w.]*\w):?\s*\"(?P<typed>[^\"]*)$",
    re.IGNORECASE,
)
_MARKER_WORDS = re.compile(
    r"""\.rfc\(\s*["'](?P<rfc>\d{1,5})["']\s*,\s*["']§?\s*(?P<section>[\w.]*\w)["']\s*,\s*["](?P<typed>[^"]*)$"""
)
MOST = (
    30  # actions at one reference; a section with more clauses is completed after a quotation mark
)

CLAUSE = 70  # characters of it in the title of an action: one line of a menu


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters of a buffer, and what they become."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Completion:
    """One proposal; `filter` is what the typed characters are compared with."""

    label: str
    detail: str
    edit: Edit
    filter: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something to choose at a reference; a fix answers a finding."""

    title: str
    edits: tuple[Edit, ...]
    fix: bool = False


def completions(
    workspace: Workspace, rows: Sequence[str], line: int, column: int
) -> list[Completion]:
    """Sections after `RFC N §`, words after a quotation mark behind a section."""
    row = rows[line - 1] if line <= len(rows) else ""
    before = row[:column]
    for pattern, closed in ((_WORDS, '"'), (_MARKER_WORDS, '"')):
        found = pattern.search(before)
        if found:
            span = Span(line, found.start("typed"), line, column)
            tail = "" if row[column:].startswith(closed) else closed
            return list(_words(workspace, int(found["rfc"]), found["section"], span, tail))
    found = _SECTION.search(before) or _MARKER.search(before)
    if found is None:
        return []
    document = workspace.document(int(found["rfc"]))
    # what stands behind the cursor of a number is replaced with it
    rest = re.match(r"[\w.]*", row[column:])
    span = Span(line, found.start("typed"), line, column + (rest.end() if rest else 0))
    return [
        Completion(
            f"{one.number} {one.title}".strip(),
            f"RFC {found['rfc']}",
            Edit(span, one.number),
            f"{one.number} {one.title}",
        )
        for one in (document.sections if document else ())
        if one.number
    ]


def _words(
    workspace: Workspace, rfc: int, section: str, span: Span, tail: str
) -> Iterator[Completion]:
    for one, quote in _quotes(workspace, rfc, section):
        # found by any word of the clause, not only by those of the quote
        yield Completion(
            quote, one.keyword, Edit(span, quote + tail), f"{quote} {one.clause}", one.clause
        )


def _quotes(workspace: Workspace, rfc: int, section: str) -> Iterator[tuple[Requirement, str]]:
    document, finder = workspace.document(rfc), workspace.shortest(rfc)
    for one in document.requirements if document else ():
        if one.section == section and finder is not None:
            quote = finder.quote(one)
            if quote:
                yield one, quote


def actions(workspace: Workspace, rows: list[str], one: Cited) -> list[Action]:
    """Repairs that `rfclinks fix` knows, sections that were meant, and the shortest quote of each clause."""
    return [*_repairs(rows, one), *_inserts(workspace, rows, one)]


def _repairs(rows: list[str], one: Cited) -> Iterator[Action]:
    ref = one.reference
    for finding in one.resolved.findings:
        if finding.patch is not None:
            edits = patches.replacements(rows, patches.Edit(ref, finding.patch))
            changed = tuple(
                Edit(Span(row + 1, start, row + 1, end), text) for row, start, end, text in edits
            )
            if changed:
                yield Action(f"Correct to: {finding.patch}", changed, True)
        elif ref.target.kind is TargetKind.SECTION:
            for suggestion in finding.suggestions:
                number = suggestion.partition(" ")[0].removeprefix("§")
                place = _last(rows, one.span, ref.target.section or ref.target.value)
                if suggestion.startswith("§") and place is not None:
                    yield Action(f"Change to {suggestion}", (Edit(place, number),), True)


def _last(rows: list[str], span: Span, words: str) -> Span | None:
    """The last place of words in the lines of a reference."""
    for line in range(span.end_line, span.line - 1, -1):
        end = span.end_column if line == span.end_line else len(rows[line - 1])
        start = span.column if line == span.line else 0
        at = rows[line - 1].rfind(words, start, end)
        if at >= 0:
            return Span(line, at, line, at + len(words))
    return None


def _inserts(workspace: Workspace, rows: list[str], one: Cited) -> Iterator[Action]:
    ref, span = one.reference, one.span
    section = one.resolved.section
    if ref.target.kind is not TargetKind.SECTION or ref.weak or section is None:
        return
    if ref.style == "marker":
        if not rows[span.end_line - 1][: span.end_column].endswith(")"):
            return
        place = Span(span.end_line, span.end_column - 1, span.end_line, span.end_column - 1)
        before, after = ', "', '"'
    elif ref.style in ("prose", "todo", "reversed"):
        place = Span(span.end_line, span.end_column, span.end_line, span.end_column)
        rest = rows[span.end_line - 1][span.end_column :]
        # `RFC N §S: why` becomes `RFC N §S: "words" why`
        colon = re.match(r"[)\]]?:[ ]?", rest)
        if colon and ref.style != "todo":
            place = Span(
                place.line, place.column + colon.end(), place.line, place.column + colon.end()
            )
            before, after = ("" if colon[0].endswith(" ") else " ") + '"', '" '
            if not rest[colon.end() :].strip():
                after = '"'
        else:
            before, after = ': "', '"'
    else:
        return
    for count, (requirement, quote) in enumerate(_quotes(workspace, ref.rfc, section)):
        if count == MOST:
            return
        clause = requirement.clause
        shown = clause if len(clause) <= CLAUSE else clause[:CLAUSE].rpartition(" ")[0] + " …"
        yield Action(f"Quote “{quote}”: {shown}", (Edit(place, f"{before}{quote}{after}"),))
