"""The group `postil`: finds a command's module by name, and says so when the server's parts are missing."""

from __future__ import annotations

import importlib
from typing import Final

import click
from click.shell_completion import CompletionItem

# Command to the line in --help; here, because asking the modules would import half the server.
COMMANDS: Final = {
    "account": "Accounts: add, import, list, show, change, disable, log out, remove.",
    "acme": "Certificates by ACME: show, renew, revoke; accounts at authorities.",
    "address": "Addresses of accounts, and how a domain reads addresses.",
    "admin": "Who may administer, and the log of changes.",
    "alias": "Aliases and lists: addresses that lead to several accounts.",
    "caa": "CAA records: may our CA issue for a name, which records keep others from it.",
    "completion": "Print the script that completes commands and names in a shell.",
    "config": "The configuration files: check, describe, compare, print examples.",
    "docs": "Every command and every setting, for the pages of the reference.",
    "domain": "Domains whose mail ends here: add, change, remove; what to publish in the DNS.",
    "localserve": "A mail server on this machine, for developers of mail software.",
    "logins": "Attempts to log in, the newest first.",
    "route": "Routes: which outgoing mail takes which transport.",
    "serve": "The mail server of a configuration file.",
    "tlskey": "TLS keys that log in without a password: add, list, remove.",
    "transport": "Transports: ways for outgoing mail, such as a relay.",
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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # From the table: to ask each command for its line would import the whole server at every press of a key.
        found = [
            CompletionItem(name, help=line)
            for name, line in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:  # commands import the server only when they are called
            raise _told(error) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


class Verbs(click.Group):
    """A group whose `list` answers to `ls` as well."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return super().get_command(ctx, "list" if name == "ls" else name)


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
