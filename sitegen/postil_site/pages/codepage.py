"""The page of a source file: highlighted lines with ids, references in them linked to their RFCs, and beside each line the clauses it is about."""

from __future__ import annotations

import re

from postil_site.model import Role
from postil_site.pages import highlight, markup
from postil_site.pages.facts import Link, Pages
from postil_site.pages.markup import Range

CLASSES = {
    Role.IMPLEMENTS: "x",
    Role.TESTS: "x tests",
    Role.TODO: "x todo",
    Role.EXCEPTION: "x exception",
    Role.MENTION: "x mention",
}


def address(link: Link, up: str, pages: Pages) -> str:
    """Where a reference leads: our page of the RFC, or the RFC Editor's when we have no text."""
    anchor = f"#{link.anchor}" if link.anchor else ""
    if link.rfc in pages:
        return f"{up}{markup.rfc_page(link.rfc)}{anchor}"
    kept = anchor if not link.anchor.startswith("L") else ""
    return markup.EDITOR.format(link.rfc) + kept


def body(html_lines: list[str], links: list[Link], up: str, pages: Pages) -> str:
    """The list of lines; a line with references is taken apart and put together with its links."""
    by_line: dict[int, list[Link]] = {}
    for link in links:
        by_line.setdefault(link.line, []).append(link)
    out = ["<ol class=c>"]
    for number, line in enumerate(html_lines, 1):
        found = by_line.get(number)
        if found is None:
            out.append(f"<li id=L{number}>{line}")
            continue
        kinds = " ".join(sorted({"td" if one.role is Role.TODO else "rf" for one in found}))
        out.append(f'<li id=L{number} class="{kinds}">{_linked(line, found, up, pages)}')
    out.append("</ol>")
    return "\n".join(out)


def _linked(html: str, links: list[Link], up: str, pages: Pages) -> str:
    plain, spans = highlight.plain_and_ranges(html)
    ranges = [Range(start, end, f"<{tag}>", f"</{tag}>", 1) for start, end, tag in spans]
    taken = 0
    for link in sorted(links, key=lambda one: one.column):
        start, end = _extent(plain, link)
        start = max(start, taken)
        if start >= end:
            continue
        taken = end
        href = markup.attribute(address(link, up, pages))
        opened = f'<a class="{CLASSES[link.role]}" href={href}>'
        ranges.append(Range(start, end, opened, "</a>", 0))
    return markup.marked(plain, ranges)


def _extent(plain: str, link: Link) -> tuple[int, int]:
    """Where the words of a reference stand on its first line; blanks may be more in the source than in the text."""
    start = min(link.column - 1, len(plain))
    if link.end_line == link.line and link.text:
        pattern = r"\s+".join(re.escape(word) for word in link.text.split())
        match = re.compile(pattern).match(plain, start)
        if match is not None:
            return start, match.end()
    return start, len(plain.rstrip())
