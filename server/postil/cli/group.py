"""The group `postil`: finds a command's module by name, and says so when the server's parts are missing."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

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


class Verbs(click.Group):
    """A group whose `list` answers to `ls` as well, and the other way round; so do the groups in it."""

    group_class = type

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        other = {"ls": "list", "list": "ls"}.get(name, name)
        return super().get_command(ctx, name) or super().get_command(ctx, other)


class LazyGroup(click.Group):
    """A group whose commands are modules of this package.

    With `--json` an error is JSON too, on standard output: `error` (the sentence), `status`, and `problems` where it has places in files. The
    sentence itself goes to standard error in any case.
    """

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        options = words[: words.index("--")] if "--" in words else words
        if "--json" not in options or not more.get("standalone_mode", True):
            return super().main(args, *others, **more)
        try:
            status = super().main(args, *others, **{**more, "standalone_mode": False})
        except click.ClickException as error:
            error.show()
            _as_json(error.format_message(), error.exit_code, error.__cause__)
        except click.Abort:
            click.echo("Aborted!", err=True)
            _as_json("aborted", 1, None)
        sys.exit(status if isinstance(status, int) else 0)

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


def _as_json(said: str, status: int, cause: BaseException | None) -> NoReturn:
    shown: dict[str, object] = {"error": said, "status": status}
    if problems := getattr(cause, "problems", ()):
        shown["problems"] = [{**dataclasses.asdict(one), "text": str(one)} for one in problems]
    click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    sys.exit(status)


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
