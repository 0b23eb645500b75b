"""`postil verify DIR`: is everything there that was acknowledged, and does it add up?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(folder: Path, as_json: bool) -> None:
    """Check that a data folder holds what it should; no server may be running on it.

    Status 0: everything is right. 1: something is wrong, each fault on a line.
    """
    from postil.cli.failing import refusals
    from postil.store.verify import verify

    if not (folder / "index.db").exists():
        raise click.ClickException(f"{folder} is no data folder: there is no index.db in it")
    with refusals():
        report = verify(folder)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(report), "ok": not report.faults}))
    else:
        for fault in report.faults:
            click.echo(fault)
    raise SystemExit(1 if report.faults else 0)
