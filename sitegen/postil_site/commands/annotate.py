"""`rfclinks annotate`: the RFC texts with links to the code at the line ends, for people who live in a terminal."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import click

from postil_site.commands.common import open_project, root_option, tell_problems
from postil_site.model import Role
from postil_site.refs.resolve import Resolved

WIDTH = 76  # RFC lines end before; the notes stand in a column


@click.command()
@root_option()
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write rfcN.txt into.",
)
def command(root: Path, out: Path) -> None:
    """Write the text of each cited RFC with `file:line` at the ends of the lines that the code cites, TODO texts included."""
    project = open_project(root)
    out.mkdir(parents=True, exist_ok=True)
    notes: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in project.resolved:
        if one.line is not None and not one.reference.weak:
            text = _note(one)
            if text not in notes[one.reference.rfc][one.line]:
                notes[one.reference.rfc][one.line].append(text)
    written = 0
    for rfc, lines in sorted(notes.items()):
        document = project.library.document(rfc)
        if document is None:
            continue
        text = "\n".join(
            f"{line:<{WIDTH}}{'; '.join(lines[number])}" if number in lines else line
            for number, line in enumerate(document.lines, 1)
        )
        (out / f"rfc{rfc}.txt").write_text(text + "\n", "utf-8")
        written += 1
    click.echo(f"{written} texts in {out}")
    tell_problems(project)


def _note(one: Resolved) -> str:
    ref = one.reference
    place = f"{ref.path}:{ref.line}"
    match ref.role:
        case Role.TODO:
            return f"{place} {ref.todo or 'TODO'}"
        case Role.IMPLEMENTS:
            return place
        case role:
            return f"{place} ({role.value})"
