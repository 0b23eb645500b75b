"""`postil account logout`: the sessions of an account ended."""

from __future__ import annotations

from pathlib import Path

import click

from postil.accounts import closing
from postil.cli import completing, target


@click.command()
@click.argument("name", shell_complete=completing.accounts)
@target.options
def logout(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """End all sessions of the account NAME, within two seconds; its passwords and keys stay good."""
    row = target.administer(config, folder, lambda database: closing.logout(database, name))
    said = f"{row.name}: sessions end now"
    target.show({"name": row.name, "logout": True}, as_json, lambda: said)
