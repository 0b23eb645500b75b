"""`postil account`: who has mail here."""

from __future__ import annotations

import dataclasses
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

import click

from postil.accounts import AccountError, apppasswords, bulk, limits
from postil.accounts.admin import Administration
from postil.accounts.rows import AccountRow
from postil.cli import closing, completing, target
from postil.cli.group import Verbs
from postil.cli.logins import Span
from postil.ports.accounts import Incoming

_SIZE = re.compile(r"(\d+)\s*(k|m|g|t)?i?b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


class Size(click.ParamType[int]):
    """`500M`, `2GiB` or a number of octets."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no size: write 500M, 2G or a number of octets", param, ctx)
        return int(match[1]) * _UNITS[(match[2] or "").lower()]


@click.group(cls=Verbs)
def command() -> None:
    """Accounts: add, import, list, show, change, disable, log out, remove."""


command.add_command(closing.logout)


def ask_password(from_stdin: bool) -> str:
    """The password from standard input or a prompt; an option would show in the list of processes."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.ClickException("no terminal to ask for the password: use --password-stdin")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


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
        notes.append(_disabled(row))
    notes += map(str, row.roles)
    others = [address for address in row.addresses if address != row.name]
    return row.name + "".join(f"  {part}" for part in [*others, *(f"({n})" for n in notes)])


def _disabled(row: AccountRow) -> str:
    until = "" if row.disabled_until is None else f" until {_time(row.disabled_until)}"
    mail = {"accept": "delivered", "later": "put off", "refuse": "refused"}[row.disabled_mail]
    return f"disabled{until}: {row.disabled}; mail is {mail}"


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        return _time(value)
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


@command.command()
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
    target.show(as_dict(row), as_json, lambda: f"{row.name}: {_disabled(row)}")


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@target.options
def enable(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """NAME can log in and get mail again; status 0 as well when it was not disabled."""
    row = target.administer(config, folder, lambda database: database.enable(name))
    target.show(as_dict(row), as_json, lambda: f"{row.name}: enabled")


@command.command()
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


@command.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--check", "dry", is_flag=True, help="Only say whether it would do.")
@target.options
def import_(
    file: BinaryIO, dry: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Add the accounts of FILE (- is standard input): all of them, or none and every error with line and field.

    \b
    Comma-separated values; the first line names the columns:
    name,display_name,password,password_hash,quota,quota_messages,quota_mailboxes,addresses
    Only name is needed. password_hash is Argon2id in PHC form; addresses have blanks between them.
    """
    octets = file.read()
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        _refused([bulk.Problem(line, "", "the file is not UTF-8")], as_json)
    try:
        planned = bulk.read(text)
        secrets = sum(bool(one.password) for one in planned)
        with click.progressbar(
            length=len(planned),
            label="hashing passwords",
            file=sys.stderr,
            hidden=not (secrets and not dry and sys.stderr.isatty()),
        ) as bar:
            count = target.administer(
                config,
                folder,
                lambda database: database.bulk.add(
                    planned, dry=dry, hashed=lambda _: bar.update(1)
                ),
            )
    except bulk.BadFile as error:
        _refused(error.problems, as_json)
    shown = {"checked" if dry else "added": count, "accounts": [one.name for one in planned]}
    said = f"{count} accounts can be added" if dry else f"added {count} accounts"
    target.show(shown, as_json, lambda: said)


def _refused(problems: Sequence[bulk.Problem], as_json: bool) -> NoReturn:
    if not as_json:
        raise click.ClickException(str(bulk.BadFile(problems)))
    shown = [dataclasses.asdict(one) for one in problems[: limits.IMPORT_ERRORS]]
    target.show({"added": 0, "problems": shown, "count": len(problems)}, True, str)
    raise SystemExit(1)


class Limit(click.ParamType[int]):
    """A number, or `none`; `size` reads 500M and 2G as well."""

    def __init__(self, *, size: bool = False) -> None:
        self.name = "size" if size else "number"
        self._size = size

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """-1 stands for none."""
        text = str(value).strip()
        if text.lower() == "none":
            return -1
        if self._size:
            return Size().convert(text, param, ctx)
        if not text.isdecimal():
            self.fail(f"{value!r} is no number: write one, or none", param, ctx)
        return int(text)


@command.command()
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


_LIMITS = ("octets", "messages", "mailboxes")


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
        click.confirm(f"Remove {name} and all its mail?", abort=True)
    target.administer(config, folder, lambda database: database.remove(name))
    said = f"removed {name}; its mail is erased by the server, at once or when it next starts"
    target.show({"name": name, "removed": True}, as_json, lambda: said)


@command.group("app-password")
def app_password() -> None:
    """Passwords for single programs: add, list, remove."""


@app_password.command("add")
@click.argument("name", shell_complete=completing.accounts)
@click.argument("label")
@click.option(
    "--for",
    "protocols",
    type=click.Choice(apppasswords.PROTOCOLS),
    multiple=True,
    help="What it is good for; may be given several times; default all.",
)
@click.option(
    "--cram-md5",
    is_flag=True,
    help="For a program that can do nothing but CRAM-MD5: good for that and nothing else. See [logins] cram_md5.",
)
@target.options
def add_app_password(
    name: str,
    label: str,
    protocols: tuple[str, ...],
    cram_md5: bool,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Make a password for one program of the account NAME; LABEL says which. It is shown once."""
    chosen = protocols or apppasswords.PROTOCOLS
    made = target.administer(
        config,
        folder,
        lambda database: database.add_app_password(name, label, chosen, cram_md5=cram_md5),
    )
    shown = {
        "name": name,
        "label": label,
        "protocols": list(chosen),
        "cram_md5": cram_md5,
        "password": made,
    }
    only = "for CRAM-MD5 only, " if cram_md5 else ""
    target.show(
        shown, as_json, lambda: f"{made}\n{only}for {', '.join(chosen)}; it is shown this once"
    )


@app_password.command("list")
@click.argument("name", shell_complete=completing.accounts)
@target.options
def list_app_passwords(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the labels of the account NAME's passwords for single programs."""
    rows = target.administer(config, folder, lambda database: database.app_passwords(name))
    shown = [{**dataclasses.asdict(row), "protocols": list(row.protocols)} for row in rows]

    def text() -> str:
        lines = (
            f"{row.label}  {', '.join(row.protocols)}" + ("  CRAM-MD5 only" if row.cram_md5 else "")
            for row in rows
        )
        return "\n".join(lines) or "none"

    target.show(shown, as_json, text)


@app_password.command("rm")
@click.argument("name", shell_complete=completing.accounts)
@click.argument("label")
@target.options
def rm_app_password(
    name: str, label: str, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Revoke the password called LABEL of the account NAME."""
    target.administer(config, folder, lambda database: database.remove_app_password(name, label))
    shown = {"name": name, "label": label, "removed": True}
    target.show(shown, as_json, lambda: f"{name}: removed the password called {label}")
