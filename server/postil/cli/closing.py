"""`postil account disable`, `enable` and `logout`: an account closed, opened again, and its sessions ended."""

from __future__ import annotations

from pathlib import Path

import click

from postil.accounts import closing
from postil.cli import target


@click.command()
@click.argument("name")
@click.option("--reason", default=closing.REASON, show_default=True, help="For the lists.")
@target.options
def disable(
    name: str, reason: str, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Close the account NAME: nobody logs in, its sessions end, mail to it is refused. Its mail stays."""
    row = target.administer(
        config, folder, lambda database: closing.disable(database, name, reason)
    )
    shown = {"name": row.name, "disabled": row.disabled}
    target.show(shown, as_json, lambda: f"{row.name}: closed ({row.disabled})")


@click.command()
@click.argument("name")
@target.options
def enable(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """Open the account NAME again."""
    row = target.administer(config, folder, lambda database: closing.enable(database, name))
    target.show({"name": row.name, "disabled": None}, as_json, lambda: f"{row.name}: open")


@click.command()
@click.argument("name")
@target.options
def logout(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """End all sessions of the account NAME, within two seconds; its passwords and keys stay good."""
    row = target.administer(config, folder, lambda database: closing.logout(database, name))
    said = f"{row.name}: sessions end now"
    target.show({"name": row.name, "logout": True}, as_json, lambda: said)


COMMANDS = (disable, enable, logout)
