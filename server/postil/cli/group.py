"""The group `postil`: finds a command's module by name, and says so when the server's parts are missing."""

from __future__ import annotations

import importlib
from typing import Final

import click

# Command to the line in --help; here, because asking the modules would import half the server.
COMMANDS: Final = {
    "account": "Accounts: add, list, change the password, close, remove.",
    "acme": "Certificates by ACME: show, renew, revoke; accounts at authorities.",
    "address": "Addresses of accounts: add, remove.",
    "caa": "CAA records: may our CA issue for a name, which records keep others from it.",
    "config": "The configuration file: check it, print an example.",
    "docs": "Every command and every setting, for the pages of the reference.",
    "localserve": "A mail server on this machine, for developers of mail software.",
    "logins": "Attempts to log in, the newest first.",
    "serve": "The mail server of a configuration file.",
    "tlskey": "TLS keys that log in without a password: add, list, remove.",
    "verify": "Check that a data folder holds what it should.",
    "version": "The version of Postil and of what it stands on.",
}

MISSING: Final = (
    "the mail server's parts are not installed ({module} is missing): pip install 'postil[server]'"
)


class LazyGroup(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"postil.cli.{name}")
        except ModuleNotFoundError as error:
            raise _told(error) from error
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:  # commands import the server only when they are called
            raise _told(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _told(error: ModuleNotFoundError) -> Exception:
    """One sentence for a missing part of the server; a missing module of our own is our fault."""
    if (error.name or "").partition(".")[0] == "postil":
        return error
    return click.ClickException(MISSING.format(module=error.name))


@click.command(
    cls=LazyGroup,
    name="postil",
    context_settings={"help_option_names": ["-h", "--help"]},
)
def main() -> None:
    """Postil, a mail server you can read.

    Try it: `postil localserve` starts one on this machine, with an account to send to and read from.
    """
