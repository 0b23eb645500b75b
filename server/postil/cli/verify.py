"""`postil verify DIR`: is everything there that was acknowledged, and does it add up?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--no-bodies", is_flag=True, help="Do not read every message: quicker, sees less.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(folder: Path, no_bodies: bool, as_json: bool) -> None:
    """Check that a data folder holds what it should.

    Changes nothing; a server may be running on the folder. Status 0: everything is right; 1: each fault is on a line.
    """
    from postil.cli.failing import refusals
    from postil.store.verify import verify

    if not folder.is_dir():
        raise click.ClickException(f"there is no data folder {folder}")
    with refusals():
        findings = verify(folder, bodies=not no_bodies)
    if as_json:
        found = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps({"folder": str(folder), "ok": not found, "findings": found}))
    else:
        for finding in findings:
            click.echo(str(finding))
        if not findings:
            click.echo(f"{folder}: everything is right")
    raise SystemExit(1 if findings else 0)
