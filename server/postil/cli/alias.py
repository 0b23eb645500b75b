"""`postil alias`: addresses that lead to several accounts, and lists, which also say who may write to them."""

from __future__ import annotations

from pathlib import Path

import click

from postil.accounts import AccountError
from postil.accounts.admin import Administration
from postil.accounts.aliasrows import AliasRow, Sees
from postil.cli import completing, target
from postil.cli.group import Verbs
from postil.ports.accounts import Posts

_POSTS = click.Choice([one.value for one in Posts])
_SEES = click.Choice([one.value for one in Sees])


@click.group(cls=Verbs)
def command() -> None:
    """Aliases and lists: addresses that lead to several accounts."""


def _show(row: AliasRow, as_json: bool) -> None:
    target.show(row.state(), as_json, lambda: _line(row))


def _line(row: AliasRow) -> str:
    notes = []
    if row.is_list:
        posters = f" ({', '.join(row.posters) or 'nobody'})" if row.posts is Posts.NAMED else ""
        notes = [
            f"list, posts: {row.posts.value}{posters}",
            f"members shown to: {row.sees.value}",
            f"owner: {row.owner or 'postmaster'}",
        ]
    elif row.members_send:
        notes = ["members send under it"]
    said = f"  ({'; '.join(notes)})" if notes else ""
    return f"{row.address} leads to {', '.join(row.members) or 'nobody'}{said}"


@command.command()
@click.argument("address")
@click.argument("members", nargs=-1, shell_complete=completing.targets)
@click.option(
    "--list", "is_list", is_flag=True, help="A list: the options below say how it is used."
)
@click.option("--posts", type=_POSTS, help="List: who may write to it.  [default: anyone]")
@click.option(
    "--poster", "posters", multiple=True, help="List: an address that may, with --posts named."
)
@click.option("--sees", type=_SEES, help="List: who is told the members.  [default: nobody]")
@click.option("--owner", help="List: address that hears of failures.  [default: postmaster]")
@click.option("--members-send", is_flag=True, help="Alias: members may send under its address.")
@target.options
def add(
    address: str,
    members: tuple[str, ...],
    is_list: bool,
    posts: str | None,
    posters: tuple[str, ...],
    sees: str | None,
    owner: str | None,
    members_send: bool,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Lead mail for ADDRESS to MEMBERS: accounts, or addresses of this server."""
    row = target.administer(
        config,
        folder,
        lambda database: database.aliases.add(
            address,
            members,
            is_list=is_list,
            members_send=members_send,
            posts=Posts(posts or "anyone"),
            posters=posters,
            sees=Sees(sees or "nobody"),
            owner=owner,
        ),
    )
    _show(row, as_json)


@command.command("set")
@click.argument("address", shell_complete=completing.aliases)
@click.option("--posts", type=_POSTS, help="List: who may write to it.")
@click.option("--sees", type=_SEES, help="List: who is told the members.")
@click.option("--owner", help="List: address that hears of failures; none: postmaster.")
@click.option(
    "--members-send/--no-members-send",
    default=None,
    help="Alias: whether members may send under its address.",
)
@target.options
def set_(
    address: str,
    posts: str | None,
    sees: str | None,
    owner: str | None,
    members_send: bool | None,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Change what the options name."""
    row = target.administer(
        config,
        folder,
        lambda database: database.aliases.set(
            address,
            posts=None if posts is None else Posts(posts),
            sees=None if sees is None else Sees(sees),
            owner="" if owner == "none" else owner,
            members_send=members_send,
        ),
    )
    _show(row, as_json)


@command.command()
@click.argument("address", shell_complete=completing.aliases)
@click.argument("members", nargs=-1, required=True, shell_complete=completing.targets)
@target.options
def join(
    address: str, members: tuple[str, ...], config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """More MEMBERS for an alias or list; one that is in already is no error."""
    _show(
        target.administer(config, folder, lambda database: database.aliases.join(address, members)),
        as_json,
    )


@command.command()
@click.argument("address", shell_complete=completing.aliases)
@click.argument("members", nargs=-1, required=True, shell_complete=completing.targets)
@target.options
def leave(
    address: str, members: tuple[str, ...], config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """MEMBERS are in it no longer; one that is not in is no error."""
    _show(
        target.administer(
            config, folder, lambda database: database.aliases.leave(address, members)
        ),
        as_json,
    )


@command.command()
@click.argument("address", shell_complete=completing.aliases)
@click.argument("posters", nargs=-1, required=True)
@target.options
def allow(
    address: str, posters: tuple[str, ...], config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """POSTERS, addresses here or elsewhere, may write to a list with --posts named."""
    _show(
        target.administer(
            config, folder, lambda database: database.aliases.allow(address, posters)
        ),
        as_json,
    )


@command.command()
@click.argument("address", shell_complete=completing.aliases)
@click.argument("posters", nargs=-1, required=True)
@target.options
def disallow(
    address: str, posters: tuple[str, ...], config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """POSTERS may no longer write to a list with --posts named."""
    _show(
        target.administer(
            config, folder, lambda database: database.aliases.disallow(address, posters)
        ),
        as_json,
    )


@command.command()
@click.argument("address", shell_complete=completing.aliases)
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such alias.")
@target.options
def rm(
    address: str, if_exists: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """ADDRESS no longer exists; its members stay."""

    async def work(database: Administration) -> bool:
        try:
            await database.aliases.remove(address)
        except AccountError as error:
            if if_exists and str(error).startswith("there is no alias"):
                return False
            raise
        return True

    removed = target.administer(config, folder, work)
    said = f"{address} no longer exists" if removed else f"there is no alias or list {address}"
    target.show({"address": address, "removed": removed}, as_json, lambda: said)


@command.command("list")
@target.options
def list_aliases(config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List aliases and lists with their members."""
    rows = target.administer(config, folder, lambda database: database.aliases.every())
    nothing = "no aliases yet; add one with: postil alias add ADDRESS MEMBER…"
    target.show(
        [row.state() for row in rows], as_json, lambda: "\n".join(map(_line, rows)) or nothing
    )


@command.command("show")
@click.argument("address", shell_complete=completing.aliases)
@click.option(
    "--as",
    "account",
    shell_complete=completing.accounts,
    help="Only the members that this account is told.",
)
@target.options
def show_alias(
    address: str, account: str | None, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Show one alias or list."""
    if account is None:
        _show(
            target.administer(config, folder, lambda database: database.aliases.show(address)),
            as_json,
        )
        return
    seen = target.administer(
        config, folder, lambda database: database.aliases.seen_by(address, account)
    )
    told = "\n".join(seen) if seen is not None else f"{account} is not told who is in {address}"
    target.show(
        {"address": address, "members": None if seen is None else list(seen)},
        as_json,
        lambda: told,
    )
