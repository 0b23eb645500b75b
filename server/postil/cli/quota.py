"""`postil account quota`: how much an account may have."""

from __future__ import annotations

from pathlib import Path

import click

from postil.cli import completing, target
from postil.cli.sizes import Limit

_LIMITS = ("octets", "messages", "mailboxes")


@click.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--octets", type=Limit(size=True), help="Most octets of mail, such as 5G, or none.")
@click.option("--messages", type=Limit(), help="Most messages, or none.")
@click.option("--mailboxes", type=Limit(), help="Most mailboxes, or none.")
@click.option(
    "--free-space/--no-free-space",
    default=None,
    help="Show mail programs what the disk has left where there is no limit of octets.",
)
@target.options
def quota(
    name: str,
    octets: int | None,
    messages: int | None,
    mailboxes: int | None,
    free_space: bool | None,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show or change how much the account NAME may have; a running server heeds it from the next login or message on."""
    given: dict[str, int | bool | None] = {
        column: None if value == -1 else value
        for column, value in (
            ("quota", octets), ("quota_messages", messages), ("quota_mailboxes", mailboxes),
            ("shows_free_space", free_space),
        )
        if value is not None
    }  # fmt: skip
    row = target.administer(config, folder, lambda database: database.set_quota(name, **given))
    shown = {
        "name": row.name,
        "octets": row.quota,
        "messages": row.quota_messages,
        "mailboxes": row.quota_mailboxes,
        "free_space": row.shows_free_space,
    }

    def text() -> str:
        limits = (
            f"{what}: {shown[what] if shown[what] is not None else 'no limit'}" for what in _LIMITS
        )
        free = "shown" if row.shows_free_space else "not shown"
        return f"{row.name}: " + ", ".join((*limits, f"free space: {free}"))

    target.show(shown, as_json, text)
