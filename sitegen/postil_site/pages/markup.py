"""Small pieces of HTML: escaping, addresses, and a line of text with overlapping ranges marked.

Pages are written with few and short tags, since there are many lines: all HTML together may be 2.5 times the sources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

SAFE = (
    "/~@+()!$;*"  # everything else is percent-encoded, so that an address needs no quotes in HTML
)
_ID = re.compile(r' id=(?:"[^"]*"|[^ >]+)')
EDITOR = "https://www.rfc-editor.org/rfc/rfc{0}.html"


def text(value: str) -> str:
    """Escaped for use between tags."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def attribute(value: str) -> str:
    """Escaped and in double quotes, for use as an attribute's value."""
    return '"' + text(value).replace('"', "&quot;") + '"'


def code_page(path: str) -> str:
    """Where the page of a file lies in the output, as an address."""
    return f"code/{quote(path, safe='/~@+=()!$&;*')}.html"


def rfc_page(rfc: int) -> str:
    """Where the page of an RFC lies in the output."""
    return f"rfc/rfc{rfc}.html"


def view_state(path: str | None, line: int | None, rfc: int | None, rfc_line: int | None) -> str:
    """The hash of view.html for a pair of places (rule 13)."""
    halves = []
    if path is not None:
        halves.append(quote(path, safe=SAFE) + (f":{line}" if line else ""))
    if rfc is not None:
        halves.append(f"rfc{rfc}" + (f":{rfc_line}" if rfc_line else ""))
    return ",".join(halves)


@dataclass(frozen=True, slots=True)
class Range:
    """Characters from `start` up to `end` of a line, to stand between two tags; outer ranges have a lower rank."""

    start: int
    end: int
    open: str
    close: str
    rank: int


def marked(line: str, ranges: list[Range]) -> str:
    """The line, escaped, with its ranges marked; ranges that overlap are closed and opened again."""
    if not ranges:
        return text(line)
    cuts = sorted({0, len(line), *(r.start for r in ranges), *(r.end for r in ranges)})
    ordered = sorted(ranges, key=lambda r: (r.rank, r.start, -r.end))
    out: list[str] = []
    stack: list[Range] = []
    seen: set[int] = set()
    for start, end in zip(cuts, [*cuts[1:], None], strict=True):
        wanted = [r for r in ordered if r.start <= start < r.end] if end is not None else []
        same = 0
        while same < min(len(stack), len(wanted)) and stack[same] is wanted[same]:
            same += 1
        out.extend(r.close for r in reversed(stack[same:]))
        for r in wanted[same:]:
            # an id stands once, however often its range is opened again
            out.append(_ID.sub("", r.open) if id(r) in seen else r.open)
            seen.add(id(r))
        stack = wanted
        if end is not None and end <= len(line):
            out.append(text(line[start:end]))
    return "".join(out)
