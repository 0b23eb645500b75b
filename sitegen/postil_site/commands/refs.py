"""`rfclinks refs`: every reference of a repository."""

from __future__ import annotations

import json
from pathlib import Path

import click

from postil_site import records
from postil_site.commands.common import json_option, open_project, root_option, tell_problems


@click.command()
@root_option()
@json_option()
def command(root: Path, as_json: bool) -> None:
    """List every reference to an RFC in comments, docstrings and test markers.

    With --json a bare array; its schema is postil_site/schemas/refs.json. Problems go to standard error."""
    project = open_project(root)
    resolved = project.resolved
    if as_json:
        click.echo(
            json.dumps([records.reference(one) for one in resolved], ensure_ascii=False, indent=1)
        )
    else:
        for one in resolved:
            ref = one.reference
            where = f" -> line {one.line}" if one.line is not None else ""
            weak = " (weak)" if ref.weak else ""
            click.echo(
                f"{ref.path}:{ref.line}:{ref.column}: {ref.role.value}{weak}: RFC {ref.rfc} {ref.target.kind.value} {ref.target.value}{where}"
            )
        click.echo(
            f"{len(resolved)} references in {len({one.reference.path for one in resolved})} files"
        )
    tell_problems(project)
