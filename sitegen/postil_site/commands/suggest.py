"""`rfclinks suggest`: quotes for references that name only a section, chosen by the words around them."""

from __future__ import annotations

import re
from pathlib import Path

import click

from postil_site.commands.common import open_project, root_option
from postil_site.model import Reference, Requirement, Role, TargetKind
from postil_site.pages.shortest import Shortest

_WORD = re.compile(r"[a-z]{3,}")
_COMMON = frozenset(
    [
        "the",
        "and",
        "that",
        "this",
        "must",
        "not",
        "should",
        "may",
        "rfc",
        "section",
        "for",
        "are",
        "with",
        "shall",
        "any",
        "can",
        "from",
    ]
)
SHARE = 0.34  # of the comment's words that the sentence must have
AROUND = 6  # lines of code read after the comment


@click.command()
@root_option()
@click.argument("paths", nargs=-1)
def command(root: Path, paths: tuple[str, ...]) -> None:
    """Offer quotes for references that name only a section.

    For each such reference in PATHS (default: all) up to three requirements of that section that share the most words
    with the comment and the code below it, as text to paste. Nothing is changed."""
    project = open_project(root)
    shortest: dict[int, Shortest] = {}
    rows: dict[str, list[str]] = {}
    offered = 0
    for one in project.resolved:
        ref = one.reference
        if (
            ref.weak
            or ref.role in (Role.MENTION, Role.EXCEPTION)
            or ref.target.kind is not TargetKind.SECTION
        ):
            continue
        if one.section is None or (paths and not ref.path.startswith(tuple(paths))):
            continue
        decided = project.decided(ref.rfc)
        own = (
            [each for each in decided.requirements if each.section == one.section]
            if decided
            else []
        )
        document = project.library.document(ref.rfc) if own else None
        if document is None:
            continue
        if ref.path not in rows:
            rows[ref.path] = (project.root / ref.path).read_text("utf-8", "replace").split("\n")
        best = _best(ref, rows[ref.path], own)
        finder = shortest.setdefault(ref.rfc, Shortest(document))
        for requirement in best:
            quote = finder.quote(requirement)
            if quote is not None:
                offered += 1
                click.echo(f'{ref.path}:{ref.line}: RFC {ref.rfc} §{one.section}: "{quote}"')
    click.echo(f"{offered} suggestions")


def _best(ref: Reference, rows: list[str], own: list[Requirement]) -> list[Requirement]:
    around = " ".join(rows[max(ref.line - 2, 0) : ref.end_line + AROUND]).lower().replace("_", " ")
    words = set(_WORD.findall(around)) - _COMMON
    scored = []
    for one in own:
        clause = set(_WORD.findall(one.clause.lower())) - _COMMON
        share = len(clause & words) / len(clause) if clause else 0.0
        if share >= SHARE:
            scored.append((-share, one.span.line, one))
    return [one for _, _, one in sorted(scored, key=lambda each: each[:2])[:3]]
