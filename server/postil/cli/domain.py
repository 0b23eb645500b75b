"""`postil domain`: whose mail ends here. Every change is checked whole, written to domains.toml, and taken over by the server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from postil.cli import dkim, running, target
from postil.cli.group import Verbs
from postil.config import ConfigError, Loaded
from postil.config.assign import BadSetting, names, settings
from postil.config.change import Changed, Domains, Refused, a_labels
from postil.config.difference import from_defaults, whole
from postil.config.domain import Domain

SHOWN = 10  # addresses that a refusal names


@click.group(cls=Verbs)
def command() -> None:
    """Domains whose mail ends here: add, change, remove; what to publish in the DNS."""


command.add_command(dkim.group)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """End with the sentence and status 1."""
    try:
        yield
    except (Refused, ConfigError) as error:
        raise click.ClickException(str(error)) from error
    except BadSetting as error:
        raise click.UsageError(str(error)) from error


@command.command()
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@target.config_options
def add(name: str, values: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Take mail for the domain NAME from now on; FIELD=VALUE as for `set`.

    A domain that is there with the same settings is no error.
    """
    with refusals():
        changed = Domains(config).add(name, settings(values))
        _, one = Domains(config).find(changed.loaded, name)
    said = f"added {one.name}" if changed.written else f"{one.name} is there already"
    running.finish(
        changed,
        shown_as(changed.loaded, one),
        said,
        as_json=as_json,
    )


@command.command("set")
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--unset",
    multiple=True,
    metavar="FIELD",
    help="Take a field, or a table such as dmarc, away, so that its default counts; may be given several times.",
)
@target.config_options
def set_values(
    name: str, values: tuple[str, ...], unset: tuple[str, ...], config: Path, as_json: bool
) -> None:
    """Change settings of the domain NAME: postmaster=ann@example.org dmarc.p=reject.

    The values of a list have commas between them. `postil config describe domain` has all fields.
    """
    if not values and not unset:
        raise click.UsageError("nothing to set: write FIELD=VALUE, or --unset FIELD")
    with refusals():
        wanted = {**dict.fromkeys(names(unset)), **settings(values)}
        changed = Domains(config).set(name, wanted)
        _, one = Domains(config).find(changed.loaded, name)
    said = f"changed {one.name}" if changed.written else f"{one.name} has these settings already"
    running.finish(
        changed,
        shown_as(changed.loaded, one),
        said,
        as_json=as_json,
    )


@command.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also when accounts have addresses there.")
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such domain.")
@target.config_options
def rm(name: str, force: bool, if_exists: bool, config: Path, as_json: bool) -> None:
    """Refuse mail for the domain NAME from now on; accounts, their mail and DKIM keys stay."""
    domains = Domains(config)
    with refusals():
        loaded = domains.read()
        if if_exists and not domains.there(loaded, name):
            none: dict[str, object] = {"name": a_labels(name), "removed": False, "addresses": []}
            unchanged = Changed(False, loaded, loaded)
            running.finish(unchanged, none, f"there is no domain {name}", as_json=as_json)
            return
        _, one = domains.find(loaded, name)
        left = addresses(loaded, one.name)
        if left and not force:
            more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
            raise Refused(
                f"{one.name} has addresses: {', '.join(left[:SHOWN])}{more};"
                " remove them first (postil address rm, postil alias rm), or use --force"
            )
        changed = domains.remove(name)
    said = f"removed {one.name}"
    if left:
        said += f"; {len(left)} addresses stay with their accounts and get no mail"
    kept = Path(loaded.config.data) / "dkim" / one.name
    if kept.is_dir():
        said += f"; its DKIM keys stay in {kept}"
    fields: dict[str, object] = {"name": one.name, "removed": True, "addresses": list(left)}
    running.finish(changed, fields, said, as_json=as_json)


def addresses(loaded: Loaded, domain: str) -> Sequence[str]:
    """The addresses that accounts have in a domain."""
    data = Path(loaded.config.data)
    if not (data / target.DATABASE).exists():
        return []
    return target.administer(None, data, lambda database: database.addresses.at(domain))


@command.command()
@target.config_options
def ls(config: Path, as_json: bool) -> None:
    """List the domains and where they stand."""
    with refusals():
        loaded = Domains(config).read()
    rows = [_shown(loaded, at, one) for at, one in enumerate(loaded.config.domain)]

    def text() -> str:
        width = max((len(str(row["name"])) for row in rows), default=0)
        lines = [f"{row['name']:<{width}}  {row['file']}:{row['line']}" for row in rows]
        return "\n".join(lines) or "no domains yet; add one with: postil domain add NAME"

    target.show(rows, as_json, text)


@command.command()
@click.argument("name")
@target.config_options
def show(name: str, config: Path, as_json: bool) -> None:
    """Show the settings of the domain NAME that are not the default, and where they stand."""
    with refusals():
        domains = Domains(config)
        loaded = domains.read()
        _, one = domains.find(loaded, name)
    row = shown_as(loaded, one)

    def text() -> str:
        lines = [f"{row['name']}  ({row['file']}:{row['line']})"]
        for change in from_defaults(one):
            if change.field != "name":
                lines.append(f"  {change.field} = {target.value(change.after)}")
        return "\n".join(lines)

    target.show(row, as_json, text)


@command.command()
@click.argument("name")
@target.config_options
def records(name: str, config: Path, as_json: bool) -> None:
    """Print what to publish in the DNS for the domain NAME, as lines of a zone file.

    Mail is not signed yet, and the MTA-STS policy, which is printed as well, is for a web server of yours to serve.
    """
    from postil.config.keys import BadKey
    from postil.config.records import mtasts
    from postil.config.records import records as every

    with refusals():
        domains = Domains(config)
        loaded = domains.read()
        at, one = domains.find(loaded, name)
    hostname = loaded.config.hostname
    try:
        made = list(every(one, hostname, lambda key: dkim.public(loaded, at, one, key)))
    except BadKey as error:
        raise click.ClickException(str(error)) from error
    policy = mtasts.policy(one.mta_sts, hostname) if one.mta_sts is not None else None
    address = f"https://mta-sts.{one.name}/.well-known/mta-sts.txt"

    def text() -> str:
        lines = [line for record in made for line in (f"; {record.purpose}", record.line())]
        if policy is not None:
            lines += [f"; MTA-STS: {address} must answer, as text/plain:"]
            lines += [f";   {line}" for line in policy.splitlines()]
        return "\n".join(lines)

    said: dict[str, object] = {"name": one.name, "records": [record.as_json() for record in made]}
    if policy is not None:
        said["mta_sts"] = {"url": address, "policy": policy}
    target.show(said, as_json, text)


def shown_as(loaded: Loaded, domain: Domain) -> dict[str, object]:
    """A domain as JSON shows it: all settings, and where it stands."""
    return _shown(loaded, loaded.config.domain.index(domain), domain)


def _shown(loaded: Loaded, at: int, domain: Domain) -> dict[str, object]:
    place = loaded.place(("domain", at))
    return {**whole(domain), "file": place.file, "line": place.line}
