"""Small pictures made here, so that no page asks another site for one: bars of statuses, and badges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape

from postil_site.model import Status
from postil_site.pages.facts import Clause, Tally

_BARS = (
    (Status.PASSING, "passing"),
    (Status.TESTED, "tested"),
    (Status.IMPLEMENTED, "implemented"),
    (Status.FAILING, "failing"),
    (Status.TODO, "todo"),
    (Status.EXCEPTION, "exception"),
    (Status.NOT_PLANNED, "exception"),
    (Status.CITED, "cited"),
)


def bar(clauses: Iterable[Clause]) -> str:
    """A bar with a part for each status; "" for nothing to show."""
    counts = Counter(one.status for one in clauses if one.counted)
    total = sum(counts.values())
    if not total or not any(counts[status] for status, _ in _BARS):
        return ""
    parts, words, at = [], [], 0.0
    for status, name in _BARS:
        if width := counts[status] * 100 / total:
            parts.append(f"<rect class={name} x={at:.2f} width={max(width, 0.8):.2f} height=8 />")
            words.append(f"{counts[status]} {status.value.replace('-', ' ')}")
            at += width
    label = f"{', '.join(words)} of {total} clauses"
    return (
        f'<svg class=bar viewBox="0 0 100 8" preserveAspectRatio=none role=img aria-label="{label}">'
        f"<title>{label}</title>{''.join(parts)}</svg>"
    )


def badge(rfc: int, tally: Tally) -> str:
    """`RFC 9051 | 12/40 MUST`, to be shown in a README."""
    left, right = f"RFC {rfc}", f"{tally.musts_passing}/{tally.musts} MUST" if tally.musts else "–"
    share = tally.musts_passing / tally.musts if tally.musts else 0
    colour = "#1d7a3c" if share >= 0.9 else "#8a6100" if share >= 0.5 else "#555e6b"
    a, b = 7 * len(left) + 12, 7 * len(right) + 12
    title = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{a + b}" height="20" role="img" aria-label="{title}"><title>{title}</title>'
        f'<rect width="{a + b}" height="20" rx="3" fill="#2b3139"/><path d="M{a} 0h{b - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{a}z" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{a / 2:g}" y="14">{left}</text><text x="{a + b / 2:g}" y="14">{right}</text></g></svg>\n'
    )
