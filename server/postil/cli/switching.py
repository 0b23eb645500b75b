"""`postil account capability`: which IMAP capabilities are hidden from an account."""

from __future__ import annotations

from pathlib import Path

import click

from postil.cli import completing, target


@click.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--off", multiple=True, help="Hide this capability; may be given several times.")
@click.option("--on", multiple=True, help="Show it again.")
@target.options
def capability(
    name: str,
    off: tuple[str, ...],
    on: tuple[str, ...],
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show or change which IMAP capabilities are hidden from NAME, from its next login on."""
    row = target.administer(config, folder, lambda database: database.switch(name, off, on))
    shown = {"name": row.name, "off": list(row.switched_off)}
    target.show(shown, as_json, lambda: f"{row.name}: off: {', '.join(row.switched_off) or 'none'}")
