"""`postil address`: which addresses lead to which account, and how a domain reads addresses."""

from __future__ import annotations

from pathlib import Path

import click

from postil.accounts import AccountError
from postil.accounts.admin import Administration
from postil.accounts.rules import DomainRules
from postil.cli import completing, target
from postil.cli.account import as_dict
from postil.cli.group import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """Addresses of accounts, and how a domain reads addresses."""


@command.command()
@click.argument("account", shell_complete=completing.accounts)
@click.argument("address")
@click.option(
    "--mailbox", default="INBOX", show_default=True, help="Where mail for the address is put."
)
@target.options
def add(
    account: str,
    address: str,
    mailbox: str,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Lead mail for ADDRESS to ACCOUNT; status 0 as well when it does already."""
    row = target.administer(
        config, folder, lambda database: database.addresses.add(account, address, mailbox)
    )
    target.show(as_dict(row), as_json, lambda: f"{address} leads to {row.name}")


@command.command("list")
@target.options
def list_addresses(config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List all addresses and where each leads."""

    async def work(database: Administration) -> dict[str, list[str]]:
        found = {address: [row.name] for row in await database.every() for address in row.addresses}
        found |= {row.address: list(row.members) for row in await database.aliases.every()}
        return dict(sorted(found.items(), key=lambda pair: pair[0].rpartition("@")[::-1]))

    found = target.administer(config, folder, work)
    shown = [{"address": address, "leads_to": to} for address, to in found.items()]

    def text() -> str:
        lines = (f"{address}  {', '.join(to) or 'nobody'}" for address, to in found.items())
        return (
            "\n".join(lines) or "no addresses yet; add one with: postil address add ACCOUNT ADDRESS"
        )

    target.show(shown, as_json, text)


@command.command()
@click.argument("address", shell_complete=completing.addresses)
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such address.")
@target.options
def rm(
    address: str, if_exists: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """ADDRESS no longer exists; the account and its mail stay."""

    async def work(database: Administration) -> bool:
        try:
            await database.addresses.remove(address)
        except AccountError as error:
            if if_exists and str(error).startswith("there is no address"):
                return False
            raise
        return True

    removed = target.administer(config, folder, work)
    said = f"{address} no longer exists" if removed else f"there is no address {address}"
    target.show({"address": address, "removed": removed}, as_json, lambda: said)


@command.command()
@click.argument("domain")
@click.option(
    "--separators",
    help="What may stand before a tag, such as + or +-; none: alice+news is no address of alice.",
)
@click.option(
    "--case",
    type=click.Choice(["insensitive", "sensitive"]),
    help="Whether Alice@ and alice@ may be two addresses.",
)
@click.option(
    "--tag-mailboxes/--no-tag-mailboxes",
    default=None,
    help="Put mail for alice+news into alice's mailbox news, if she has one.",
)
@click.option(
    "--catch-all",
    shell_complete=completing.targets,
    help="The account or address that gets mail for unknown addresses; none: it is refused.",
)
@target.options
def rules(
    domain: str,
    separators: str | None,
    case: str | None,
    tag_mailboxes: bool | None,
    catch_all: str | None,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Show or change how DOMAIN reads the part before the @; a running server follows within a second."""

    async def work(database: Administration) -> DomainRules:
        return await database.rules.set(
            domain,
            separators="" if separators == "none" else separators,
            case_sensitive=None if case is None else case == "sensitive",
            tag_mailboxes=tag_mailboxes,
            catch_all="" if catch_all == "none" else catch_all,
        )

    async def look(database: Administration) -> DomainRules:
        return await database.rules.show(domain)

    given = any(one is not None for one in (separators, case, tag_mailboxes, catch_all))
    found = target.administer(config, folder, work if given else look)

    def text() -> str:
        return (
            f"{found.domain}: separators: {found.separators or 'none'},"
            f" case: {'sensitive' if found.case_sensitive else 'insensitive'},"
            f" tags into mailboxes: {'yes' if found.tag_mailboxes else 'no'},"
            f" catch-all: {found.catch_all or 'none'}"
        )

    target.show(found.state(), as_json, text)
