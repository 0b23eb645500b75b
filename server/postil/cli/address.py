"""`postil address`: which addresses lead to which account."""

from __future__ import annotations

from pathlib import Path

import click

from postil.cli import target
from postil.cli.account import as_dict


@click.group()
def command() -> None:
    """Addresses of accounts: add, remove."""


@command.command()
@click.argument("account")
@click.argument("address")
@target.options
def add(
    account: str, address: str, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Lead mail for ADDRESS to ACCOUNT."""
    row = target.administer(config, folder, lambda database: database.add_address(account, address))
    target.show(as_dict(row), as_json, lambda: f"{address} leads to {row.name}")


@command.command()
@click.argument("address")
@target.options
def rm(address: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """ADDRESS no longer exists; the account and its mail stay."""
    target.administer(config, folder, lambda database: database.remove_address(address))
    target.show(
        {"address": address, "removed": True}, as_json, lambda: f"{address} no longer exists"
    )
