"""The page of an RFC: its text, banners, an outline with counts, and beside each line the code, tests and TODOs that cite it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from postil_site.model import Document, Role, Section, Span
from postil_site.pages import markup, rfctext
from postil_site.pages.facts import Clause, Link, Pages, Tally, tally

AT_ONCE = 4  # notes beside a line that are shown before the rest is folded


@dataclass(frozen=True, slots=True)
class Banner:
    """An RFC that obsoletes or updates this one, or the other way round."""

    word: str
    rfcs: tuple[tuple[int, str], ...]  # (number, address)


def banners(document: Document, pages: Pages) -> list[Banner]:
    """What must be known before one reads on."""

    def row(word: str, numbers: tuple[int, ...]) -> Banner:
        return Banner(
            word,
            tuple((n, f"rfc{n}.html" if n in pages else markup.EDITOR.format(n)) for n in numbers),
        )

    rows = [
        row("Obsoleted by", document.obsoleted_by),
        row("Updated by", document.updated_by),
        row("Obsoletes", document.obsoletes),
        row("Updates", document.updates),
    ]
    return [one for one in rows if one.rfcs]


def margin(
    document: Document, links: Iterable[Link], clauses: Mapping[str, Clause]
) -> dict[int, str]:
    """By line: links to the code, the tests and the TODOs that cite it."""
    by_line: dict[int, list[Link]] = {}
    for link in links:
        if link.role is Role.MENTION or link.weak:
            continue
        line = link.rfc_line
        if line is not None and 0 < line <= len(document.lines):
            by_line.setdefault(line, []).append(link)
    return {line: _notes(found, clauses) for line, found in by_line.items()}


_ORDER = {Role.IMPLEMENTS: 0, Role.TODO: 1, Role.EXCEPTION: 2, Role.TESTS: 3, Role.MENTION: 4}
_KINDS = {Role.TESTS: "t", Role.TODO: "d", Role.EXCEPTION: "e"}


def _notes(links: list[Link], clauses: Mapping[str, Clause]) -> str:
    seen: set[tuple[str, int, Role]] = set()
    notes: list[str] = []
    for link in sorted(links, key=lambda one: (_ORDER[one.role], one.path, one.line)):
        key = (link.path, link.line, link.role)
        if key not in seen:
            seen.add(key)
            notes.append(_note(link, clauses))
    shown, folded = notes[:AT_ONCE], notes[AT_ONCE:]
    more = (
        f"<details><summary>{len(folded)} more</summary>{''.join(folded)}</details>"
        if folded
        else ""
    )
    return (
        f"<span class=m>{''.join(shown)}{more}</span>"
        if not folded
        else (f"<div class=m>{''.join(shown)}{more}</div>")
    )


def _note(link: Link, clauses: Mapping[str, Clause]) -> str:
    folder, _, name = link.path.rpartition("/")
    short = f"{folder.rsplit('/', 1)[-1]}/{name}" if folder else name
    outcome = ""
    if link.role is Role.TESTS and link.test:
        rows = [
            test
            for identity in link.requirements
            if identity in clauses
            for test in clauses[identity].tests
            if test.test.split("[")[0].endswith("::" + link.test)
        ]
        outcome = _outcome([test.outcome if test.fresh else "stale" for test in rows])
    kind = _KINDS.get(link.role)
    words = f" {markup.text(_cut(link.todo))}" if link.todo and link.role is Role.TODO else ""
    classes = f" class={kind}" if kind else ""
    return f"<a{classes} href=../{markup.code_page(link.path)}#L{link.line}>{outcome}{markup.text(short)}:{link.line}{words}</a>"


def _outcome(outcomes: list[str]) -> str:
    if not outcomes:
        return ""
    if any(one in ("failed", "error", "crashed") for one in outcomes):
        return "✗ "
    return "✓ " if "passed" in outcomes else "· "


def _cut(text: str, most: int = 160) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the outline."""

    anchor: str
    number: str
    title: str
    depth: int
    tally: Tally
    references: int


def outline(document: Document, clauses: Iterable[Clause], links: Iterable[Link]) -> list[Entry]:
    """Sections with the counts of their clauses, subsections included (rule 9)."""
    kept = sorted(clauses, key=lambda one: one.requirement.span.line)
    lines = [one.requirement.span.line for one in kept]
    at = sorted(link.rfc_line for link in links if link.rfc_line and not link.weak)

    def within(sorted_lines: list[int], section: Section) -> slice:
        first = bisect_left(sorted_lines, section.line)
        return slice(first, bisect_right(sorted_lines, section.end_line))

    return [
        Entry(
            section.anchor,
            section.number,
            section.title,
            section.depth,
            tally(kept[within(lines, section)]),
            len(at[within(at, section)]),
        )
        for section in document.sections
    ]


def body(
    document: Document,
    pages: Pages,
    clauses: Iterable[Clause],
    links: Iterable[Link],
    places: Mapping[int, Span | None],
    section_tests: Mapping[str, tuple[tuple[str, int], ...]],
) -> str:
    """The text with status and margin, and at each heading what its own tests did."""
    by_id = {one.requirement.id: one for one in clauses}
    status = {identity: one.kind for identity, one in by_id.items()}
    beside = margin(document, links, by_id)
    headings = {section.number: section.line for section in reversed(document.sections)}
    tests = {
        headings[number]: _tests_of_section(outcomes)
        for number, outcomes in section_tests.items()
        if number in headings
    }
    return rfctext.body(document, pages, status, beside, places, tests)


def _tests_of_section(outcomes: tuple[tuple[str, int], ...]) -> str:
    """Rule 3: what proves no sentence is told at the heading, and colours nothing."""
    bad = any(name in ("failed", "error", "crashed") for name, _ in outcomes)
    words = ", ".join(f"{count} {name}" for name, count in outcomes)
    kind = '"ts bad"' if bad else "ts"
    return f"<span class={kind}>tests of this section: {words}</span>"


def whole(links: Iterable[Link]) -> str:
    """What cites the RFC as such: links, the rest folded."""
    seen = dict.fromkeys((link.path, link.line) for link in links)
    notes = [
        f"<a href=../{markup.code_page(path)}#L{line}>{markup.text(path)}:{line}</a>"
        for path, line in seen
    ]
    if len(notes) <= AT_ONCE:
        return ", ".join(notes)
    return f"{', '.join(notes[:AT_ONCE])} <details><summary>{len(notes) - AT_ONCE} more</summary>{', '.join(notes[AT_ONCE:])}</details>"
