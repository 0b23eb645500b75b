"""The paragraph that a reference means, as Markdown: heading, the RFC's own lines, errata in place, what is required."""

from __future__ import annotations

from postil_site.lsp.desk import Desk, innermost, paragraph
from postil_site.model import Document, Erratum
from postil_site.refs.resolve import Resolved
from postil_site.texts.errata import Places

LINES = 40  # of a paragraph; tables and ABNF can be long


def of_reference(desk: Desk, one: Resolved) -> str:
    """What stands there; a sentence that says why when nothing does."""
    ref = one.reference
    document = desk.document(ref.rfc)
    if document is None:
        known = desk.project.library.index.entries.get(ref.rfc)
        title = f" {known.title}" if known else ""
        return f"**RFC {ref.rfc}**{title}\n\nIts text is not here: `rfclinks fetch --only {ref.rfc}` gets it."
    parts = [_heading(document, one.line)]
    if one.line is None:
        parts += [finding.message for finding in one.findings]
        return "\n\n".join(parts)
    if ref.target.kind.value == "document":
        return "\n\n".join([*parts, *_about(document)])
    parts += of_line(document, _text_line(document, one.line))
    for requirement in one.requirements:
        parts.append(f"**{requirement.keyword}** (§{requirement.section}): {requirement.clause}")
    parts += [f"⚠ {finding.message}" for finding in one.findings]
    return "\n\n".join(parts)


def of_text(desk: Desk, rfc: int, line: int) -> str | None:
    """For a line of an RFC's own file: who cites it; None when nobody does."""
    places = desk.cited(rfc, line)
    if not places:
        return None
    rows = [f"- {desk.relative(place.path)}:{place.line}" for place in places[:20]]
    more = f"\n- and {len(places) - 20} more" if len(places) > 20 else ""
    return f"**RFC {rfc}, line {line}** is cited by\n\n" + "\n".join(rows) + more


def of_line(document: Document, line: int) -> list[str]:
    """The paragraph with that line, and its errata."""
    numbers = paragraph(document, line)[:LINES]
    rows = [document.lines[number - 1].replace("\f", "") for number in numbers]
    indent = min((len(row) - len(row.lstrip()) for row in rows if row.strip()), default=0)
    text = "\n".join(row[indent:] for row in rows)
    parts = [f"```text\n{text}\n```"]
    parts += [_erratum(one) for one in errata(document, numbers[0], numbers[-1])]
    return parts


def errata(document: Document, first: int, last: int) -> list[Erratum]:
    """Errata, but rejected ones, of which the original words touch these lines."""
    places = Places(document)
    found = []
    for one in document.errata:
        span = places.place(one) if one.status != "Rejected" else None
        if span is not None and span.line <= last and span.end_line >= first:
            found.append(one)
    return found


def _erratum(one: Erratum) -> str:
    corrected = f"\n```text\n{one.corrected}\n```" if one.corrected else f"\n{one.notes}"
    return f"**Erratum {one.number}** ({one.status}, {one.kind}):{corrected}"


def _heading(document: Document, line: int | None) -> str:
    section = innermost(document, line) if line is not None else None
    name = f"**RFC {document.rfc}** {document.title}"
    if section is None:
        return name
    number = f"§{section.number} " if section.number else ""
    return f"{name}  \n**{number}{section.title}**"


def _about(document: Document) -> list[str]:
    rows = []
    for words, numbers in (
        ("obsoleted by", document.obsoleted_by),
        ("updated by", document.updated_by),
        ("obsoletes", document.obsoletes),
        ("updates", document.updates),
    ):
        if numbers:
            rows.append(f"{words} RFC {', '.join(map(str, numbers))}")
    return ["; ".join(rows)] if rows else []


def _text_line(document: Document, line: int) -> int:
    """The first line of prose, where a reference means a heading."""
    section = next((one for one in document.sections if one.line == line), None)
    if section is None:
        return line
    for number in range(section.line + 1, section.own_end_line + 1):
        if number not in document.furniture and document.lines[number - 1].strip(" \f"):
            return number
    return line
