"""What can be mended or made exact: patches that `rfclinks fix` knows, and the shortest quotes that pin a sentence (rule 1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from postil_site.commands.suggest import best
from postil_site.lsp.desk import Desk, Place
from postil_site.model import Role, TargetKind
from postil_site.refs.resolve import Resolved

MOST = 30  # quotes of one section in the menu


@dataclass(frozen=True, slots=True)
class Offer:
    """A change of the buffer, with the words of the menu."""

    title: str
    place: Place
    text: str
    preferred: bool = False


def offers(desk: Desk, path: Path, text: str, one: Resolved) -> list[Offer]:
    """For one reference: patches first, then quotes, the likeliest first."""
    return [*_patches(desk, path, one), *_quotes(desk, path, text, one)]


def _patches(desk: Desk, path: Path, one: Resolved) -> list[Offer]:
    place = desk.place(one)
    if place.line != place.end_line:
        return []
    where = Place(path, place.line, place.column, place.end_line, place.end_column)
    return [
        Offer(f"Replace by {finding.patch}", where, finding.patch, True)
        for finding in one.findings
        if finding.patch
    ]


def _quotes(desk: Desk, path: Path, text: str, one: Resolved) -> list[Offer]:
    ref = one.reference
    exact = ref.target.kind is not TargetKind.SECTION or one.section is None
    if exact or ref.role is Role.EXCEPTION or ref.line != ref.end_line:
        return []
    decided = desk.project.decided(ref.rfc)
    finder = desk.shortest(ref.rfc)
    if decided is None or finder is None:
        return []
    own = [each for each in decided.requirements if each.section == one.section]
    rows = text.split("\n")
    liked = best(ref, rows, own)
    ordered = [*liked, *(each for each in own if each not in liked)][:MOST]
    row = rows[ref.line - 1]
    end = ref.column - 1 + len(ref.text)
    found = []
    for number, requirement in enumerate(ordered):
        quote = finder.quote(requirement)
        if quote is None:
            continue
        inserted, at = _inserted(ref.style, row, end, quote)
        where = Place(path, ref.line, at, ref.line, at)
        shown = (
            requirement.clause if len(requirement.clause) < 70 else requirement.clause[:67] + "…"
        )
        found.append(
            Offer(
                f"Quote {requirement.keyword}: {shown}",
                where,
                inserted,
                number == 0 and bool(liked),
            )
        )
    return found


def _inserted(style: str, row: str, end: int, quote: str) -> tuple[str, int]:
    """The text to insert and where: a third argument of a marker, or words behind the section's number and a colon."""
    if style == "marker":
        return f', "{quote}"', end - 1 if row[end - 1 : end] == ")" else end
    if row[end : end + 1] == ":":
        return f' "{quote}"', end + 1
    return f': "{quote}"', end
