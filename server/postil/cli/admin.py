"""`postil admin`: who may administer, and the log of changes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from postil.accounts import AccountError
from postil.accounts.admin import Administration
from postil.accounts.audit import AuditRow
from postil.accounts.granting import Holder
from postil.accounts.roles import Power, Role
from postil.cli import completing, target
from postil.cli.group import Verbs
from postil.cli.logins import Span


@click.group(cls=Verbs)
def command() -> None:
    """Who may administer, and the log of changes.

    Commands on this machine are its owner's and need no role; roles are for the web and other programs.
    """


def _roles(domains: tuple[str, ...], auditor: bool) -> list[Role]:
    if domains and auditor:
        raise click.UsageError("an auditor reads everything: give --domain or --auditor")
    if auditor:
        return [Role(Power.AUDITOR)]
    return [Role(Power.DOMAIN_ADMIN, domain) for domain in domains]


def _said(holder: Holder) -> str:
    return f"{holder.name}: {', '.join(map(str, holder.roles)) or 'no role'}"


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option(
    "--domain", "domains", multiple=True, help="Only this domain; may be given several times."
)
@click.option("--auditor", is_flag=True, help="May read everything and change nothing.")
@target.options
def add(
    name: str,
    domains: tuple[str, ...],
    auditor: bool,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """The account NAME may administer everything, or what the options say; what it may already stays."""
    roles = _roles(domains, auditor) or [Role(Power.ADMIN)]
    holder = target.administer(config, folder, lambda database: database.roles.give(name, roles))
    target.show(holder.state(), as_json, lambda: _said(holder))


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.option("--domain", "domains", multiple=True, help="Only the role for this domain.")
@click.option("--auditor", is_flag=True, help="Only the role of an auditor.")
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such account.")
@target.options
def rm(
    name: str,
    domains: tuple[str, ...],
    auditor: bool,
    if_exists: bool,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """The account NAME has no role any more, or not those that the options say."""
    roles = _roles(domains, auditor) or None

    async def work(database: Administration) -> Holder:
        try:
            return await database.roles.take(name, roles)
        except AccountError as error:
            if if_exists and str(error).startswith("there is no account"):
                return Holder(name, ())
            raise

    holder = target.administer(config, folder, work)
    target.show(holder.state(), as_json, lambda: _said(holder))


@command.command("list")
@target.options
def list_admins(config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the accounts that have a role."""
    holders = target.administer(config, folder, lambda database: database.roles.every())
    nobody = "no account has a role; give one with: postil admin add NAME"
    target.show(
        [holder.state() for holder in holders],
        as_json,
        lambda: "\n".join(map(_said, holders)) or nobody,
    )


@command.command()
@click.option(
    "--last", "span", type=Span(), help="How far back, such as 12h or 7d; default all that is kept."
)
@click.option(
    "--who", default="", help="Only changes by this account, or by 'machine owner (USER)'."
)
@click.option(
    "--object", "about", default="", help="Only changes of this account, alias or domain."
)
@click.option(
    "--most", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="Rows."
)
@target.options
def log(
    span: int | None,
    who: str,
    about: str,
    most: int,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Every change of accounts, addresses, aliases, rules and roles, the newest first; kept 400 days."""
    since = 0 if span is None else int(time.time()) - span
    rows = target.administer(
        config,
        folder,
        lambda database: database.log.read(since=since, actor=who, about=about, most=most),
    )
    target.show(
        [_as_dict(row) for row in rows],
        as_json,
        lambda: "\n".join(map(_line, rows)) or "no changes yet",
    )


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_dict(row: AuditRow) -> dict[str, object]:
    return {
        "id": row.id,
        "at": _time(row.at),
        "who": row.actor,
        "action": row.action,
        "kind": row.kind,
        "object": row.about,
        "before": row.before,
        "after": row.after,
    }


def _line(row: AuditRow) -> str:
    what = ""
    if row.before is not None and row.after is not None:
        what = "".join(
            f"  {field}: {json.dumps(old, ensure_ascii=False)} -> {json.dumps(new, ensure_ascii=False)}"
            for field, (old, new) in row.changed().items()
        )
    return f"{_time(row.at)}  {row.actor}  {row.action}  {row.about}{what}"
