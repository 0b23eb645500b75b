"""`postil account`: who has mail here."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postil.accounts import AccountError
from postil.accounts.admin import Administration
from postil.accounts.rows import AccountRow
from postil.cli import closing, completing, disabling, importing, programs, quota, switching, target
from postil.cli.group import Verbs
from postil.cli.sizes import Size


@click.group(cls=Verbs)
def command() -> None:
    """Accounts: add, import, list, show, change, disable, log out, remove."""


for other in (
    closing.logout,
    disabling.disable,
    disabling.enable,
    importing.import_,
    programs.app_password,
    quota.quota,
    switching.capability,
):
    command.add_command(other)


def ask_password(from_stdin: bool) -> str:
    """The password from standard input or a prompt; an option would show in the list of processes."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("no terminal to ask for the password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def as_dict(row: AccountRow) -> dict[str, object]:
    """The account as JSON shows it."""
    return row.state()


@command.command()
@click.argument("name")
@click.option("--display-name", default="", help="The person's name.")
@click.option("--quota", type=Size(), help="Most octets of mail, such as 5G; default no limit.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--no-password", is_flag=True, help="Nobody can log in until one is set.")
@click.option("--no-address", is_flag=True, help="Do not make NAME its first address.")
@click.option(
    "--if-missing", is_flag=True, help="Status 0 and no change when there is such an account."
)
@target.options
def add(
    name: str,
    display_name: str,
    quota: int | None,
    password_stdin: bool,
    no_password: bool,
    no_address: bool,
    if_missing: bool,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Add the account NAME, usually an address; asks for the password."""
    known = if_missing and target.administer(
        config, folder, lambda database: _known(database, name)
    )
    if known:
        target.show(as_dict(known), as_json, lambda: f"there is {known.name} already")
        return
    password = None if no_password else ask_password(password_stdin)

    async def work(database: Administration) -> AccountRow:
        return await database.add(
            name, password, display_name=display_name, quota=quota, address=not no_address
        )

    row = target.administer(config, folder, work)
    said = f"added {row.name}" + (f" with {', '.join(row.addresses)}" if row.addresses else "")
    target.show(as_dict(row), as_json, lambda: said)


async def _known(database: Administration, name: str) -> AccountRow | None:
    try:
        return await database.show(name)
    except AccountError:
        return None


@command.command("list")
@target.options
def list_accounts(config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List accounts with their addresses."""
    rows = target.administer(config, folder, Administration.every)

    def text() -> str:
        if not rows:
            return "no accounts yet; add one with: postil account add NAME"
        return "\n".join(_line(row) for row in rows)

    target.show([as_dict(row) for row in rows], as_json, text)


def _line(row: AccountRow) -> str:
    notes = []
    if row.quota is not None:
        notes.append(f"quota {row.quota}")
    if row.quota_messages is not None:
        notes.append(f"{row.quota_messages} messages")
    if row.quota_mailboxes is not None:
        notes.append(f"{row.quota_mailboxes} mailboxes")
    if not row.password_set:
        notes.append("no password")
    if row.disabled is not None:
        notes.append(disabling.said(row))
    notes += map(str, row.roles)
    others = [address for address in row.addresses if address != row.name]
    return row.name + "".join(f"  {part}" for part in [*others, *(f"({n})" for n in notes)])


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@target.options
def show(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """Everything about the account NAME, but its mail and its passwords."""
    whole = target.administer(config, folder, lambda database: database.whole(name))

    def text() -> str:
        return "\n".join(f"{field}: {_shown(field, value)}" for field, value in whole.items())

    target.show(whole, as_json, text)


def _shown(field: str, value: object) -> str:
    if field in ("created", "disabled_until") and isinstance(value, int):
        return disabling.moment(value)
    if isinstance(value, list):
        items = (
            f"{item['label']} ({', '.join(item['protocols'])})" if isinstance(item, dict) else item
            for item in value
        )
        return ", ".join(map(str, items)) or "none"
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@command.command("set")
@click.argument("name", shell_complete=completing.accounts)
@click.option("--display-name", required=True, help="The person's name.")
@target.options
def set_(
    name: str, display_name: str, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Change the person's name of the account NAME."""
    row = target.administer(
        config, folder, lambda database: database.set_display_name(name, display_name)
    )
    target.show(as_dict(row), as_json, lambda: f"{row.name}: {row.display_name or 'no name'}")


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.argument("state", type=click.Choice(["on", "off"]), required=False)
@target.options
def important(
    name: str, state: str | None, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Show or change whether mail that arrives for the account NAME may be marked as important."""

    async def work(database: Administration) -> AccountRow:
        if state is None:
            return await database.show(name)
        return await database.set_marks_important(name, state == "on")

    row = target.administer(config, folder, work)
    said = "on" if row.marks_important else "off"
    target.show(
        {"name": row.name, "important": row.marks_important},
        as_json,
        lambda: f"{row.name}: marking important mail is {said}",
    )


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@target.options
def password(
    name: str, password_stdin: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Set a new password for the account NAME."""
    target.administer(config, folder, lambda database: database.show(name))
    new = ask_password(password_stdin)
    target.administer(config, folder, lambda database: database.set_password(name, new))
    target.show({"name": name, "password": "changed"}, as_json, lambda: f"{name}: password changed")


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such account.")
@target.options
def rm(
    name: str, yes: bool, if_exists: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Remove the account NAME, its addresses and all its mail."""
    if if_exists and not target.administer(config, folder, lambda database: _known(database, name)):
        nobody = f"there is no account {name}"
        target.show({"name": name, "removed": False}, as_json, lambda: nobody)
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException("removes all mail of the account: confirm with --yes")
        click.confirm(f"Remove {name} and all its mail?", abort=True, err=True)
    target.administer(config, folder, lambda database: database.remove(name))
    said = f"removed {name}; its mail is erased by the server, at once or when it next starts"
    target.show({"name": name, "removed": True}, as_json, lambda: said)
