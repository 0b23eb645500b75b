"""`rfclinks fix`: the patches that `check` knows, shown or applied."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import click

from postil_site import patches
from postil_site.commands.common import open_project, root_option


@click.command()
@root_option()
@click.option(
    "--apply",
    "write",
    is_flag=True,
    help="Change the files; without it only the difference is shown.",
)
def command(root: Path, write: bool) -> None:
    """Show, or apply, the patches of stale quotes: sentences that are nearly the quoted one, or that moved to another section."""
    project = open_project(root)
    pairs = [(one.reference, finding) for one in project.resolved for finding in one.findings]
    files = patches.apply(project.root, patches.edits(pairs))
    number = 0
    for one in files:
        before, after = one.before.split("\n"), one.after.split("\n")
        for line in difflib.unified_diff(
            before, after, f"a/{one.path}", f"b/{one.path}", lineterm="", n=1
        ):
            click.echo(line)
        for edit in one.failed:
            click.echo(f"{one.path}:{edit.reference.line}: has changed, not patched", err=True)
        number += one.before != one.after
        if write and one.before != one.after:
            file = project.root / one.path
            part = file.with_name(file.name + ".rfclinks")
            part.write_bytes(one.after.encode("utf-8"))
            part.chmod(file.stat().st_mode & 0o7777)
            os.replace(part, file)
    click.echo(f"{number} files {'changed' if write else 'to change; --apply changes them'}")
