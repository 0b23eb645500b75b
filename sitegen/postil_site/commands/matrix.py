"""`rfclinks matrix`: every requirement with its status, for spreadsheets and programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from postil_site.commands.common import open_project, results_option, root_option, tell_problems
from postil_site.status import matrix


@click.command()
@root_option()
@results_option()
@click.option("--rfc", type=int, help="This RFC only.")
@click.option("--csv", "form", flag_value="csv", help="CSV.  [default]")
@click.option("--json", "form", flag_value="json", help="JSON.")
def command(root: Path, result_files: Sequence[Path], rfc: int | None, form: str | None) -> None:
    """Write every requirement with its status, its code, its tests and its TODOs."""
    project = open_project(root, result_files)
    rows = matrix.rows(project, rfc)
    text = matrix.json_text(rows) if form == "json" else matrix.csv_text(rows)
    click.echo(text, nl=False)
    tell_problems(project)
