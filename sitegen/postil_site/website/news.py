"""What other programs read: the feed of changes (Atom), the sitemap, robots.txt, and the changelog as a page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from postil_site.website.content import Page

_RELEASE = re.compile(
    r"^## +\[?v?(?P<name>[^\]\s]+)\]?(?:\s*[-–—]\s*(?P<date>\d{4}-\d\d-\d\d))?\s*$"
)
_KINDS = {"added": "Added", "changed": "Changed", "fixed": "Fixed", "removed": "Removed", "security": "Security"}  # fmt: skip
UNRELEASED = "Unreleased"


@dataclass(frozen=True, slots=True)
class Change:
    """A note of the changelog that waits for the next release."""

    name: str
    kind: str
    text: str
    date: str  # YYYY-MM-DD, "" unknown


def waiting(root: Path, folder: str, dates: Mapping[str, str]) -> list[Change]:
    """The notes in `folder`, newest first: `NAME.KIND.md`."""
    out = []
    for file in sorted((root / folder).glob("*.*.md")):
        name, kind = file.name.removesuffix(".md").rsplit(".", 1)
        if kind in _KINDS:
            text = file.read_text("utf-8", "replace").strip()
            out.append(Change(name, kind, text, dates.get(f"{folder}/{file.name}", "")))
    return sorted(out, key=lambda one: (one.date, one.name), reverse=True)


def changelog(text: str, notes: Sequence[Change]) -> Page | None:
    """The page of all changes; the notes that wait stand under the next version. None when there is nothing."""
    if not text and not notes:
        return None
    body = text.partition("\n")[2] if text.startswith("# ") else text
    if notes:
        lines = []
        for kind, label in _KINDS.items():
            rows = [one for one in notes if one.kind == kind]
            if rows:
                lines.append(f"### {label}\n")
                lines += [_item(one.text) for one in rows]
                lines.append("")
        made = "\n".join([f"## {UNRELEASED}", "", *lines])
        head = re.compile(rf"^## +{UNRELEASED}\s*$", re.MULTILINE)
        found = head.search(body)
        body = f"{body[: found.start()]}{made}{body[found.end() :]}" if found else f"{made}\n{body}"
        body = body.replace("\nNothing has been released yet.\n", "\n")
    return Page(
        "changelog.md", "Changes", body,
        description="What changes for the people who use this, newest first.", section="Reference", order=90,
    )  # fmt: skip


def _item(text: str) -> str:
    """A note as an item of a list; notes that are lists already stay so."""
    if text.startswith(("- ", "* ")):
        return text
    return "- " + text.replace("\n", "\n  ")


def atom(title: str, address: str, text: str, notes: Sequence[Change]) -> str:
    """The feed: releases of the changelog, and the notes that wait for the next one. Dates come from the files and from git."""
    entries = [
        (f"note-{one.name}", f"{_KINDS[one.kind]}: {_first(one.text)}", one.date, one.text)
        for one in notes
        if one.date
    ]
    for name, date, body in _releases(text):
        entries.append((f"release-{name}", f"Release {name}", date, body))
    entries.sort(key=lambda one: (one[2], one[0]), reverse=True)
    newest = entries[0][2] if entries else "1970-01-01"
    page = f"{address}changelog.html"
    out = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{escape(title)}</title>",
        f"<id>{escape(address)}feed.xml</id>",
        f'<link rel="self" href={quoteattr(address + "feed.xml")}/>',
        f"<link href={quoteattr(page)}/>",
        f"<author><name>{escape(title)}</name></author>",
        f"<updated>{newest}T00:00:00Z</updated>",
    ]
    for name, label, date, body in entries[:100]:
        out += [
            f"<entry><id>{escape(page)}#{escape(name)}</id><title>{escape(label)}</title>",
            f"<updated>{date}T00:00:00Z</updated><link href={quoteattr(page)}/>",
            f'<content type="text">{escape(body)}</content></entry>',
        ]
    return "\n".join([*out, "</feed>", ""])


def _first(text: str) -> str:
    """The first sentence, for a title."""
    plain = " ".join(text.lstrip("-* ").split())
    cut = re.match(r".{1,120}?(?=[.:;](?:\s|$))|.{1,120}", plain)
    return cut[0] if cut else plain


def _releases(text: str) -> list[tuple[str, str, str]]:
    out: list[tuple[str, str, list[str]]] = []
    for line in text.splitlines():
        found = _RELEASE.match(line)
        if found:
            out.append((found["name"], found["date"] or "", []))
        elif out:
            out[-1][2].append(line)
    return [(name, date, "\n".join(body).strip()) for name, date, body in out if date]


def sitemap(address: str, pages: Sequence[tuple[str, str]]) -> str:
    """Addresses of (page, date of its last change)."""
    rows = [
        f"<url><loc>{escape(address + name)}</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</url>"
        for name, date in pages
    ]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *rows,
            "</urlset>",
            "",
        ]
    )


def robots(address: str) -> str:
    """Everybody may read everything."""
    told = f"Sitemap: {address}sitemap.xml\n" if address else ""
    return f"User-agent: *\nAllow: /\n{told}"


def redirect(target: str, title: str, canonical: str) -> str:
    """A page that only leads to another one, without JavaScript too."""
    link = f'<link rel="canonical" href="{html.escape(canonical)}">' if canonical else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<title>{html.escape(title)}</title>{link}<meta name="robots" content="noindex">'
        f'<meta http-equiv="refresh" content="0; url={html.escape(target)}"></head>'
        f'<body><p>This page is now <a href="{html.escape(target)}">{html.escape(title)}</a>.</p></body></html>\n'
    )
