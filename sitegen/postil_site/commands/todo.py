"""`rfclinks todo`: what is still to do, at the place of the RFC where it belongs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import click

from postil_site import todos
from postil_site.commands.common import json_option, open_project, root_option, tell_problems
from postil_site.todos import Todo


@click.command()
@root_option()
@json_option()
@click.option(
    "--by",
    type=click.Choice(["rfc", "folder", "age"]),
    default="rfc",
    show_default=True,
    help="The order and the groups.",
)
def command(root: Path, as_json: bool, by: str) -> None:
    """List the TODOs that name an RFC."""
    project = open_project(root)
    found = todos.aged(project.root, todos.find(project))
    if by == "rfc":
        found.sort(key=lambda one: (one.rfc, one.rfc_line or 0, one.path, one.line))
    elif by == "folder":
        found.sort(key=lambda one: (_folder(one), one.path, one.line))
    if as_json:
        click.echo(json.dumps([one.record() for one in found], ensure_ascii=False, indent=1))
    else:
        for group, some in groupby(found, key=lambda one: _group(one, by)):
            if group:
                click.echo(f"{group}:")
            for one in some:
                section = f" §{one.section}" if one.section else ""
                click.echo(
                    f"  {one.path}:{one.line}: RFC {one.rfc}{section} ({_age(one)}): {one.text}"
                )
        click.echo(f"{len(found)} to do")
    tell_problems(project)


def _folder(one: Todo) -> str:
    return one.path.rpartition("/")[0] or "."


def _group(one: Todo, by: str) -> str:
    return f"RFC {one.rfc}" if by == "rfc" else _folder(one) if by == "folder" else ""


def _age(one: Todo) -> str:
    if one.time is None:
        return "not committed"
    days = (datetime.now(UTC) - one.time).days
    return "today" if days < 1 else f"{days} day{'s' if days != 1 else ''}"
