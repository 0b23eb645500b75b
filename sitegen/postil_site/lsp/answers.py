"""What an editor is told about a place: the paragraph of the RFC, where it stands, who else cites it, and what is wrong with a reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from postil_site import checking
from postil_site.lsp.workspace import TEXT, Cited, Workspace
from postil_site.model import Document, Erratum, Finding, Section, Span
from postil_site.refs.resolve import Resolved
from postil_site.texts.quotes import Quotes

MOST_LINES = 30  # of an RFC in a hover: what a small window shows without scrolling for long
SECTION_LINES = 14  # of a section that is named without any words of it
SHOWN_CITES = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of an RFC's text."""

    rfc: int
    span: Span


@dataclass(frozen=True, slots=True)
class Told:
    """A finding at the characters of its reference."""

    finding: Finding
    span: Span


def at(some: Sequence[Cited], line: int, column: int) -> Cited | None:
    """The reference under the cursor: the narrowest, for a list `sections 2, 3` has one inside the other."""
    hit = [one for one in some if _covers(one.span, line, column)]
    return min(
        hit,
        key=lambda one: (one.span.end_line - one.span.line, one.span.end_column - one.span.column),
        default=None,
    )


def _covers(span: Span, line: int, column: int) -> bool:
    return (span.line, span.column) <= (line, column) <= (span.end_line, span.end_column)


def text_of(path: str) -> int | None:
    """The number of the RFC whose text a file is, by its name."""
    found = TEXT.search(path.replace("\\", "/"))
    return int(found[1]) if found else None


# --- hover ------------------------------------------------------------------------------------------------------


def hover(workspace: Workspace, one: Resolved) -> str:
    """Markdown: the title, the paragraph as it stands in the text, its errata, and what follows on this RFC."""
    ref = one.reference
    quotes = workspace.quotes(ref.rfc)
    if quotes is None:
        reason = "".join(f" {finding.message}." for finding in one.findings)
        return f"**RFC {ref.rfc}**:{reason or ' its text is not here; `rfclinks fetch` gets it.'}"
    document = quotes.document
    section = quotes.section(one.section) if one.section else None
    head = f"**RFC {ref.rfc}" + (f" §{section.number} {section.title}" if section else "")
    parts = [f"{head}** · {document.title}" if document.title else f"{head}**"]
    shown = _shown(quotes, one, section)
    if shown:
        text = "\n".join(document.lines[number - 1].replace("\f", "") for number in shown)
        parts.append(f"```text\n{text}\n```")
    parts += [_erratum(each) for each in _errata(workspace, document, one, section, shown)]
    if document.obsoleted_by:
        parts.append("Obsoleted by " + ", ".join(f"RFC {n}" for n in document.obsoleted_by) + ".")
    parts += [f"⚠ {finding.message}" for finding in one.findings]
    return "\n\n".join(parts)


def _shown(quotes: Quotes, one: Resolved, section: Section | None) -> list[int]:
    """Numbers of the lines to show; furniture is never among them."""
    if one.line is None:
        return []
    document = quotes.document
    if one.span is None and section is not None and one.line == section.line:
        lines = range(section.line, section.own_end_line + 1)
        return _trimmed(
            document, [line for line in lines if line not in document.furniture][:SECTION_LINES]
        )
    first, last = (one.span.line, one.span.end_line) if one.span else (one.line, one.line)
    return sorted({*paragraph(quotes, first), *paragraph(quotes, last)})[:MOST_LINES]


def paragraph(quotes: Quotes, line: int) -> list[int]:
    """The lines of the paragraph at a line, over a page break too, without the page's furniture; the line alone elsewhere."""
    section = quotes.section_at(line)
    for block in quotes.prose(section.number) if section else ():
        if block.first <= line <= block.last:
            document = quotes.document
            return [
                number
                for number in range(block.first, block.last + 1)
                if number not in document.furniture and document.lines[number - 1].strip("\f ")
            ]
    return [line]


def _trimmed(document: Document, lines: list[int]) -> list[int]:
    while lines and not document.lines[lines[-1] - 1].strip():
        lines = lines[:-1]
    return lines


def _errata(
    workspace: Workspace,
    document: Document,
    one: Resolved,
    section: Section | None,
    shown: list[int],
) -> Iterator[Erratum]:
    """Those at the lines shown; at a heading also those of the section that stand nowhere (rule 8)."""
    places = workspace.errata(document.rfc)
    for erratum in document.errata:
        if erratum.status == "Rejected":
            continue
        span = places.get(erratum.number)
        named = section is not None and erratum.section.strip(". ") == section.number
        if span is None:
            here = named and one.span is None
        else:
            here = any(span.line <= number <= span.end_line for number in shown)
        if here or one.reference.target.value == str(erratum.number):
            yield erratum


def _erratum(one: Erratum) -> str:
    text = f"**Erratum {one.number}** ({one.status}, {one.kind})"
    if one.corrected:
        text += f", it should say:\n```text\n{one.corrected}\n```"
    return text


def hover_text(workspace: Workspace, rfc: int, line: int) -> str | None:
    """In the text of an RFC itself: who cites this line."""
    cites = cited_at(workspace, rfc, line)
    if not cites:
        return None
    rows = [
        f"- `{one.reference.path}:{one.reference.line}` {one.reference.todo or one.reference.role.value}"
        for one in cites[:SHOWN_CITES]
    ]
    if len(cites) > SHOWN_CITES:
        rows.append(f"- and {len(cites) - SHOWN_CITES} more")
    return "\n".join([f"**RFC {rfc}, line {line}** is cited by", "", *rows])


# --- definition and references ----------------------------------------------------------------------------------


def definition(one: Resolved) -> Place | None:
    """Where the words stand, or the heading."""
    if one.line is None:
        return None
    return Place(one.reference.rfc, one.span or Span(one.line, 0, one.line, 0))


def definition_in_text(workspace: Workspace, rfc: int, line: int, column: int) -> Place | None:
    """In the text of an RFC: the section, or the other RFC, that is named under the cursor."""
    document = workspace.document(rfc)
    for one in document.crossrefs if document else ():
        if _covers(one.span, line, column):
            quotes = workspace.quotes(one.rfc)
            section = quotes.section(one.section) if quotes and one.section else None
            if quotes is not None:
                start = section.line if section else 1
                return Place(one.rfc, Span(start, 0, start, 0))
    return None


def cited_at(workspace: Workspace, rfc: int, line: int) -> list[Resolved]:
    """Who cites a line of a text: its words, or the paragraph's; at a heading everything of the section itself."""
    quotes = workspace.quotes(rfc)
    if quotes is None or not 1 <= line <= len(quotes.document.lines):
        return []
    every = list(workspace.everywhere(rfc))
    heading = next((one for one in quotes.document.sections if one.line == line), None)
    if heading is not None:
        return _sorted(one for one in every if one.section == heading.number)
    for lines in ([line], paragraph(quotes, line)):
        hit = _sorted(one for one in every if _touches(one, lines[0], lines[-1]))
        if hit:
            return hit
    return []


def _touches(one: Resolved, first: int, last: int) -> bool:
    if one.line is None:
        return False
    if one.span is None:
        # a section or a page that was named is no line of the text
        return one.reference.target.kind.value == "line" and first <= one.line <= last
    return one.span.line <= last and first <= one.span.end_line


def same(workspace: Workspace, one: Resolved) -> list[Resolved]:
    """Who else cites what this reference does: the same words, or the same section."""
    every = workspace.everywhere(one.reference.rfc)
    if one.span is not None:
        span = one.span
        return _sorted(each for each in every if _touches(each, span.line, span.end_line))
    return _sorted(each for each in every if each.section == one.section)


def _sorted(some: Iterable[Resolved]) -> list[Resolved]:
    return sorted(some, key=lambda one: (one.reference.path, one.reference.line))


# --- findings ---------------------------------------------------------------------------------------------------


def findings(workspace: Workspace, path: str, some: Sequence[Cited], lines: int) -> list[Told]:
    """What `rfclinks check` says of a file: its own references as they are now, and what the whole repository said of it last."""
    out = [
        Told(finding, one.span)
        for one in some
        for finding in _graded(workspace, path, one.resolved)
    ]
    for finding in workspace.whole.findings.get(path, ()):
        line = max(1, min(finding.line, lines))
        on_line = next((one.span for one in some if one.span.line == line), None)
        out.append(Told(finding, on_line or Span(line, 0, line, 10_000)))
    return out


def _graded(workspace: Workspace, path: str, one: Resolved) -> Iterator[Finding]:
    for finding in one.findings:
        graded = checking.graded(replace(finding, path=path), workspace.project)
        if graded.severity != "off" and checking.entry(graded) not in workspace.known:
            yield graded
