"""`rfclinks fetch`: the RFC texts a repository needs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postil_site.commands.common import USAGE, open_project, root_option
from postil_site.texts import lock as locks
from postil_site.texts.fetch import fetch


@click.command()
@root_option()
@click.option(
    "--mirror", help="A folder or URL with rfcN.txt; default: RFC_MIRROR, else the RFC Editor."
)
@click.option(
    "--only",
    help="Numbers, separated by commas; default: the rows of the index, else the RFCs that the code cites.",
)
@click.option("--lock", is_flag=True, help="Add rows to rfc/lock.tsv for texts that have none.")
@click.option("--require", is_flag=True, help="Exit 1 if anything is missing.")
def command(root: Path, mirror: str | None, only: str | None, lock: bool, require: bool) -> None:
    """Get the RFC texts, their errata and the index into the repository's folder.

    No network is no error: what is there is used, the rest counted as missing."""
    project = open_project(root)
    if only is not None:
        words = [word.strip() for word in only.split(",") if word.strip()]
        if not words or not all(word.isdecimal() for word in words):
            raise click.BadParameter("numbers separated by commas", param_hint="--only")
        wanted = sorted({int(word) for word in words})
    else:
        wanted = [row.rfc for row in project.index.rows]
        wanted = wanted or sorted({ref.rfc for ref in project.references if not ref.weak})
    try:
        report = fetch(
            project.root,
            wanted,
            texts=project.config.texts,
            mirror=mirror,
            lock=lock,
            progress=_progress if sys.stderr.isatty() else None,
        )
    except locks.BadLock as error:
        click.echo(f"rfclinks: {error}", err=True)
        sys.exit(USAGE)
    for line in report.lines():
        click.echo(line)
    sys.exit(report.exit_code(require))


def _progress(done: int, total: int) -> None:
    click.echo(f"\r{done} of {total}", nl=done == total, err=True)
