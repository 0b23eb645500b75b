"""Data that pages load when they need it, as classic scripts (a browser lets no page of a file read another): previews, quotes to copy, the matrix."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from postil_site.model import Document
from postil_site.pages import markup
from postil_site.pages.facts import Clause, Link

PREVIEW_LINES = 9
AMBER = ", but the test never ran the cited code"
PREVIEW_CHARACTERS = 900


def script(page: str, data: Mapping[str, object]) -> str:
    """A call that hands the data to the page that asked."""
    return f"postilData({as_json(page)},{as_json(data)});\n"


def as_json(value: object) -> str:
    """JSON that may stand in a script."""
    # `<` and the two separators that JavaScript of old took for line ends, so that the text is safe wherever it stands.
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def of_rfc(
    document: Document, links: Iterable[Link], clauses: Iterable[Clause], quotes: Mapping[str, str]
) -> str:
    """Previews of what is linked to, and what each clause needs for a reference to it."""
    data: dict[str, object] = {"": [f"RFC {document.rfc}: {document.title}", _abstract(document)]}
    for section in document.sections:
        title = f"{section.number} {section.title}".strip()
        data.setdefault(section.anchor, [title, _lines(document, section.line + 1)])
    sections = sorted(document.sections, key=lambda one: one.line)
    for line in sorted({link.rfc_line for link in links if link.rfc_line}):
        inside = [one for one in sections if one.line <= line]
        title = f"{inside[-1].number} {inside[-1].title}" if inside else f"line {line}"
        heading = bool(inside) and inside[-1].line == line
        data[f"L{line}"] = [
            f"RFC {document.rfc}, {title}", _lines(document, line + 1 if heading else line)
        ]  # fmt: skip
    for clause in clauses:
        one = clause.requirement
        data[one.id] = [
            f"{one.keyword}, {clause.status.value}{AMBER if clause.amber else ''}",
            one.clause,
            one.section,
            quotes.get(one.id, ""),
            one.span.line,
        ]
    return script(f"rfc{document.rfc}", data)


def _abstract(document: Document) -> str:
    first = document.sections[0].line if document.sections else 1
    for number, line in enumerate(document.lines[:first], 1):
        if line.strip() == "Abstract":
            return _lines(document, number + 1)
    return ""


def _lines(document: Document, first: int) -> str:
    out: list[str] = []
    for number in range(first, min(first + PREVIEW_LINES * 3, len(document.lines)) + 1):
        line = document.lines[number - 1].replace("\f", "")
        if number in document.furniture or (not line.strip() and (not out or not out[-1])):
            continue
        out.append(line.rstrip())
        if len(out) >= PREVIEW_LINES:
            break
    indent = min((len(line) - len(line.lstrip()) for line in out if line), default=0)
    return "\n".join(line[indent:] for line in out).rstrip()[:PREVIEW_CHARACTERS]


def of_code(path: str, text: str, links: Iterable[Link]) -> str:
    """Previews of the lines that RFC pages link to."""
    lines = text.split("\n")
    data: dict[str, object] = {}
    for link in links:
        last = min(link.line + PREVIEW_LINES - 1, len(lines))
        piece = "\n".join(line[:200] for line in lines[link.line - 1 : last])
        data[f"L{link.line}"] = [f"{path}:{link.line}", piece.rstrip()]
    return script(markup.code_page(path).removesuffix(".html"), data)


def matrix(clauses: Mapping[int, tuple[Clause, ...]], links: Iterable[Link]) -> str:
    """All rows of the matrix."""
    pinned: dict[str, list[Link]] = {}
    for link in links:
        for identity in link.requirements:
            pinned.setdefault(identity, []).append(link)
    rows = [
        {
            "rfc": rfc,
            "section": one.requirement.section,
            "level": one.requirement.level.value,
            "status": one.status.value,
            **({"amber": True} if one.amber else {}),
            "id": one.requirement.id,
            "clause": one.requirement.clause,
            "code": [
                [
                    link.path,
                    link.line,
                    f"{markup.code_page(link.path)}#L{link.line}",
                    link.role.value,
                ]
                for link in pinned.get(one.requirement.id, ())
            ],
            "tests": [[test.test, test.outcome, test.fresh] for test in one.tests],
            "reason": one.reason,
        }
        for rfc, found in sorted(clauses.items())
        for one in found
    ]
    return f"window.postilMatrix={as_json(rows)};\n"
