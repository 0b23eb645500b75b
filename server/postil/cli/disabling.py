"""`postil account disable` and `enable`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from postil.accounts.rows import AccountRow
from postil.cli import completing, target
from postil.cli.logins import Span
from postil.ports.accounts import Incoming


class Moment(click.ParamType[int]):
    """A span from now (`7d`), a day, or a day and a time of this machine's zone; as seconds since the epoch."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        text = str(value)
        if text[-1:].isalpha() and text[:-1].isdigit():
            return int(time.time()) + Span().convert(text, param, ctx)
        try:
            return int(datetime.fromisoformat(text).timestamp())
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no time: write 7d, 2030-12-31 or 2030-12-31T18:00", param, ctx)


@click.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--reason", required=True, help="Shown to whoever logs in with the right password.")
@click.option(
    "--mail",
    type=click.Choice([one.value for one in Incoming]),
    default="refuse",
    show_default=True,
    help="Mail for it: accept delivers it, later has senders try again for some days.",
)
@click.option(
    "--until", type=Moment(), help="7d, 2030-12-31 or 2030-12-31T18:00; default until enabled."
)
@target.options
def disable(
    name: str,
    reason: str,
    mail: str,
    until: int | None,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Nobody logs in as NAME any more."""
    row = target.administer(
        config,
        folder,
        lambda database: database.disable(name, reason, mail=Incoming(mail), until=until),
    )
    target.show(row.state(), as_json, lambda: f"{row.name}: {said(row)}")


@click.command()
@click.argument("name", shell_complete=completing.accounts)
@target.options
def enable(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """NAME can log in and get mail again; status 0 as well when it was not disabled."""
    row = target.administer(config, folder, lambda database: database.enable(name))
    target.show(row.state(), as_json, lambda: f"{row.name}: enabled")


def said(row: AccountRow) -> str:
    """How an account is disabled, in half a sentence."""
    until = "" if row.disabled_until is None else f" until {moment(row.disabled_until)}"
    mail = {"accept": "delivered", "later": "put off", "refuse": "refused"}[row.disabled_mail]
    return f"disabled{until}: {row.disabled}; mail is {mail}"


def moment(seconds: int) -> str:
    """A time as it is shown."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
