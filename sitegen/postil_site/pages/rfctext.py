"""The lines of an RFC as HTML: ids, anchors in the three common spellings, keywords, grammar, errata, links; nothing of any project.

What a project adds (status of a clause, the margin) is put in by `rfcpage`, so that this part depends on the text alone. Line ids are raw line
numbers; page furniture stays, faint, since the text is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from postil_site.model import Document, Erratum, Span
from postil_site.model import slug as slug_of
from postil_site.pages import markup
from postil_site.pages.facts import Pages
from postil_site.pages.markup import Range

CLAUSE, ABNF, CROSS, ERRATUM, KEYWORD = 0, 2, 2, 1, 3  # ranks: what stands outside what


@dataclass(slots=True)
class Marks:
    """What is to be marked, by line, and what is to stand before a line."""

    ranges: dict[int, list[Range]] = field(default_factory=dict)
    before: dict[int, list[str]] = field(default_factory=dict)
    after: dict[int, list[str]] = field(default_factory=dict)
    classes: dict[int, str] = field(default_factory=dict)

    def span(
        self, document: Document, span: Span, first: str, other: str, close: str, rank: int
    ) -> None:
        """Mark a span on each of its lines, `first` opening it on the first one."""
        opened = first
        for line in range(span.line, span.end_line + 1):
            if line in document.furniture or line > len(document.lines):
                continue
            content = document.lines[line - 1].replace("\f", "")
            start = span.column if line == span.line else len(content) - len(content.lstrip())
            end = span.end_column if line == span.end_line else len(content.rstrip())
            if start < end:
                self.ranges.setdefault(line, []).append(Range(start, end, opened, close, rank))
                opened = other


def anchors(document: Document) -> dict[str, int]:
    """Every id but those of lines, with its line: sections and appendices by number and by title, pages, clauses."""
    out = section_anchors(document)
    for number, line in document.pages:
        out.setdefault(f"page-{number}", line)
    for requirement in document.requirements:
        out.setdefault(requirement.id, requirement.span.line)
    return out


def section_anchors(document: Document) -> dict[str, int]:
    """The ids of sections alone."""
    out: dict[str, int] = {}
    for section in document.sections:
        out.setdefault(section.anchor, section.line)
        slug = "name-" + slug_of(section.title)
        name, count = slug, 1
        while section.number and out.get(name, section.line) != section.line:
            count += 1
            name = f"{slug}-{count}"
        out.setdefault(name, section.line)
    return out


def body(
    document: Document,
    pages: Pages,
    status: Mapping[str, str],
    margin: Mapping[int, str],
    places: Mapping[int, Span | None],
    behind: Mapping[int, str],
) -> str:
    """The list of lines; `status` is the class of each clause, `margin` what stands beside a line and `behind` what behind it, `places` where errata belong."""
    marks = Marks()
    _sections(document, marks)
    _clauses(document, marks, status)
    _grammar(document, marks)
    _links(document, marks, pages)
    for at, told in behind.items():
        marks.after.setdefault(at, []).append(told)
    top = _errata(document, marks, places)
    out = [top, "<ol class=r>"]
    for number, raw in enumerate(document.lines, 1):
        line = raw.replace("\f", "")
        kind = marks.classes.get(number, "")
        if number in document.furniture:
            kind = "pf"
        classes = f" class={kind}" if kind else ""
        note = margin.get(number, "")
        found = marks.ranges.get(number)
        shown = markup.marked(line, found) if found else markup.text(line)
        before = "".join(marks.before.get(number, ()))
        after = "".join(marks.after.get(number, ()))
        out.append(f"<li id=L{number}{classes}>{note}{before}{shown}{after}")
    out.append("</ol>")
    return "\n".join(out)


def _sections(document: Document, marks: Marks) -> None:
    lines: dict[int, list[str]] = {}
    clauses = {requirement.id for requirement in document.requirements}
    for name, line in anchors(document).items():
        if name not in clauses:
            lines.setdefault(line, []).append(name)
    for section in document.sections:
        names = lines.get(section.line, [])
        raw = document.lines[section.line - 1].replace("\f", "")
        level = min(section.depth + 1, 6)
        start, end = len(raw) - len(raw.lstrip()), len(raw.rstrip())
        if section.anchor in names and start < end:
            names.remove(section.anchor)
            opened = f'<h{level} id="{markup.text(section.anchor)}">'
            marks.ranges.setdefault(section.line, []).append(
                Range(start, end, opened, f"</h{level}>", -1)
            )
            marks.classes[section.line] = "h"
    for line, names in lines.items():
        marks.before[line] = [f'<a id="{markup.text(name)}"></a>' for name in names]


def _clauses(document: Document, marks: Marks, status: Mapping[str, str]) -> None:
    for one in document.requirements:
        kind = status.get(one.id, "untriaged")
        first = f'<span id={one.id} class="q {kind}">'
        marks.span(document, one.span, first, f'<span class="q {kind}">', "</span>", CLAUSE)
        if one.keyword_span.end_column - one.keyword_span.column > 1:
            marks.span(document, one.keyword_span, "<b>", "<b>", "</b>", KEYWORD)


def _grammar(document: Document, marks: Marks) -> None:
    taken: set[str] = set()
    for rule in document.abnf:
        name = f"abnf-{rule.name}"
        if name in taken:
            continue
        taken.add(name)
        marks.span(document, rule.definition, f"<dfn id={name}>", "<dfn>", "</dfn>", ABNF)
        for use in rule.uses:
            opened = f"<a class=g href=#{name}>"
            marks.span(document, use, opened, opened, "</a>", ABNF)


def _links(document: Document, marks: Marks, pages: Pages) -> None:
    own = anchors(document)
    for one in document.crossrefs:
        kind = "section" if one.section and one.section[:1].isdigit() else "appendix"
        anchor = f"#{kind}-{one.section}" if one.section else ""
        if one.rfc == document.rfc:
            if anchor[1:] not in own:
                continue
            href = anchor
        elif one.rfc in pages:
            href = f"rfc{one.rfc}.html" + (anchor if anchor[1:] in pages[one.rfc] else "")
        else:
            href = markup.EDITOR.format(one.rfc) + anchor
        if any(
            old.rank == ABNF and old.start < one.span.end_column and one.span.column < old.end
            for old in marks.ranges.get(one.span.line, ())
        ):
            continue  # no link within a link
        opened = f"<a href={href}>"
        marks.span(document, one.span, opened, opened, "</a>", CROSS)


def _errata(document: Document, marks: Marks, places: Mapping[int, Span | None]) -> str:
    """Verified errata apart from the others, at their words, their section's heading, or the top (rule 8)."""
    headings = {section.number: section.line for section in document.sections}
    top: list[str] = []
    for erratum in document.errata:
        if erratum.status == "Rejected":
            continue
        kind = "ev" if erratum.status == "Verified" else "eh"
        note = _note(erratum, kind)
        where = places.get(erratum.number)
        number = erratum.section.strip(" .")
        if where is not None:
            if kind == "ev" and where.end_line - where.line <= 60:
                opened = "<span class=ew>"
                marks.span(document, where, opened, opened, "</span>", ERRATUM)
            marks.after.setdefault(where.end_line, []).append(note)
        elif number in headings:
            marks.after.setdefault(headings[number], []).append(note)
        else:
            top.append(note)
    return "".join(top)


def _note(erratum: Erratum, kind: str) -> str:
    """An erratum to unfold; what is not Verified says so, since it changes nothing."""
    parts = [
        f"<details class={kind}><summary>Erratum {erratum.number}: {markup.text(erratum.status)}, "
        f"{markup.text(erratum.kind.lower())}</summary>"
    ]
    for label, words in (
        ("Original", erratum.original),
        ("Corrected", erratum.corrected),
        ("Notes", erratum.notes),
    ):
        if words.strip():
            parts.append(f"<p><b>{label}</b><br>{markup.text(words)}</p>")
    parts.append(
        f"<p><a href=https://www.rfc-editor.org/errata/eid{erratum.number}>At the RFC Editor</a></p></details>"
    )
    return "".join(parts)
