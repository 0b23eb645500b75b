"""`postil config`: look at the configuration file before the server does."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from postil.cli import target
from postil.config import secrets


@click.group()
def command() -> None:
    """The configuration file: check it, print an example."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("postil.toml"))
@click.option("--json", "as_json", is_flag=True, help="Print the whole configuration as JSON.")
def check(file: Path, as_json: bool) -> None:
    """Check FILE (default postil.toml); an error names line and field."""
    config = target.read_config(file)
    target.show(
        msgspec.to_builtins(config, enc_hook=secrets.encoded),
        as_json,
        lambda: f"{file}: fine; {len(config.domain)} domains, {len(config.listener)} listeners",
    )


@command.command()
def example() -> None:
    """Print a commented configuration file to start from."""
    from postil.config import EXAMPLE

    click.echo(EXAMPLE, nl=False)
