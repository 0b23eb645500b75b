"""`postil route`: which outgoing mail takes which transport. Nothing is sent yet; `explain` says what would be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from postil.cli import completing, running, target
from postil.cli.domain import refusals
from postil.cli.group import Verbs
from postil.config import Loaded
from postil.config.assign import names, settings
from postil.config.change import Changed, Refused, a_labels
from postil.config.change_routes import Rows
from postil.config.difference import whole
from postil.config.routes import Route
from postil.routing import DIRECT, Choice, Facts, choose

_CONDITIONS = ("from_domain", "from_account", "to_domain", "minimum_attempts")


@click.group(cls=Verbs)
def command() -> None:
    """Routes: which outgoing mail takes which transport.

    They are asked in order; the first that fits decides.

    This version sends no mail to other servers: routes are kept, checked and explained, and wait for the queue.
    """


@command.command()
@click.argument("name")
@click.argument("transport", shell_complete=completing.transports)
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--before", shell_complete=completing.routes, help="The route that comes behind this one; without it, this is the last."
)  # fmt: skip
@target.config_options
def add(
    name: str,
    transport: str,
    values: tuple[str, ...],
    before: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """Add the route NAME to TRANSPORT: mail that fits all of FIELD=VALUE takes it.

    to_domain=example.net,.example.net minimum_attempts=3: `postil config describe route` has all fields. One that is there with
    the same settings is no error.
    """
    with refusals():
        given = {path[0]: value for path, value in settings(values, Route).items()}
        changed = Rows(config, "route").add(name, {**given, "transport": transport}, before)
    _finish(changed, name, "added" if changed.written else None, as_json=as_json)


@command.command("set")
@click.argument("name", shell_complete=completing.routes)
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--unset",
    multiple=True,
    metavar="FIELD",
    help="Take a condition away; may be given several times.",
)
@target.config_options
def set_values(
    name: str, values: tuple[str, ...], unset: tuple[str, ...], config: Path, as_json: bool
) -> None:
    """Change settings of the route NAME: transport=relay to_domain=example.net."""
    if not values and not unset:
        raise click.UsageError("nothing to set: write FIELD=VALUE, or --unset FIELD")
    with refusals():
        wanted = {path[0]: None for path in names(unset, Route)}
        given = {path[0]: value for path, value in settings(values, Route).items()}
        changed = Rows(config, "route").set(name, {**wanted, **given})
    _finish(changed, name, "changed" if changed.written else None, as_json=as_json)


@command.command("mv")
@click.argument("name", shell_complete=completing.routes)
@click.option(
    "--before", shell_complete=completing.routes, help="The route that comes behind it; without it, NAME becomes the last."
)  # fmt: skip
@target.config_options
def move(name: str, before: str | None, config: Path, as_json: bool) -> None:
    """Move the route NAME in the order in which routes are asked."""
    with refusals():
        changed = Rows(config, "route").move(name, before)
    _finish(changed, name, "moved" if changed.written else None, as_json=as_json)


@command.command("rm")
@click.argument("name", shell_complete=completing.routes)
@target.config_options
def remove(name: str, config: Path, as_json: bool) -> None:
    """Remove the route NAME."""
    with refusals():
        changed = Rows(config, "route").remove(name)
    fields: dict[str, object] = {"name": name, "removed": True}
    running.finish(changed, fields, f"removed {name}", as_json=as_json)


@command.command("list")
@target.config_options
def list_(config: Path, as_json: bool) -> None:
    """List the routes in their order, and where they stand."""
    with refusals():
        loaded = Rows(config, "route").read()
    rows = [_shown(loaded, at) for at in range(len(loaded.config.route))]

    def text() -> str:
        lines = [
            f"{one.name}: {_conditions(one)} -> {one.transport}  {row['file']}:{row['line']}"
            for one, row in zip(loaded.config.route, rows, strict=True)
        ]
        return "\n".join([*lines, f"everything else -> {DIRECT}"])

    target.show(rows, as_json, text)


@command.command()
@click.argument("sender")
@click.argument("recipient")
@click.option("--account", default="", shell_complete=completing.accounts, help="Login name of who submits it.")  # fmt: skip
@click.option("--attempts", type=click.IntRange(0), default=0, show_default=True, help="Attempts that have failed.")  # fmt: skip
@target.config_options
def explain(
    sender: str, recipient: str, account: str, attempts: int, config: Path, as_json: bool
) -> None:
    """Say which transport mail from SENDER to RECIPIENT would take, and why not another one.

    Both are addresses or domains; SENDER is <> for a notice of failure. Nothing is sent, and nobody is asked.
    """
    with refusals():
        loaded = Rows(config, "route").read()
        facts = Facts(
            from_domain="" if sender in ("", "<>") else _domain(sender),
            to_domain=_domain(recipient),
            account=account,
            attempts=attempts,
        )
    choice = choose(loaded.config.route, facts)
    local = facts.to_domain in loaded.config.local_domains()
    shown = {**dataclasses.asdict(choice), "local": local, "facts": dataclasses.asdict(facts)}
    target.show(shown, as_json, lambda: _told(loaded, choice, facts, local=local))


def _told(loaded: Loaded, choice: Choice, facts: Facts, *, local: bool) -> str:
    if local:
        return f"{facts.to_domain} is a domain of this machine: its mail is delivered here, by no transport"
    by_name = {one.name: one for one in loaded.config.route}
    lines = [
        f"{passed.rule} does not fit: {_condition(by_name[passed.rule], passed.field)}"
        for passed in choice.passed
    ]
    why = f"by the route {choice.rule}" if choice.rule else "since no route fits"
    kind = next((one.kind for one in loaded.config.transport if one.name == choice.transport), DIRECT)  # fmt: skip
    more = "" if kind == choice.transport else f" ({kind})"
    return "\n".join([*lines, f"transport {choice.transport}{more}, {why}"])


def _domain(text: str) -> str:
    domain = text.strip("<>").rpartition("@")[2]
    if domain.startswith("["):
        raise Refused(f"{text} is at an address literal, for which there are no routes")
    return a_labels(domain)


def _finish(changed: Changed, name: str, done: str | None, *, as_json: bool) -> None:
    routes = changed.loaded.config.route
    at = next(at for at, one in enumerate(routes) if one.name.lower() == name.lower())
    said = f"{done} {name}" if done else f"{name} is so already"
    running.finish(changed, _shown(changed.loaded, at), said, as_json=as_json)


def _condition(one: Route, field: str) -> str:
    value = getattr(one, field)
    return f"{field} = {target.value(value)}"


def _conditions(one: Route) -> str:
    given = [_condition(one, field) for field in _CONDITIONS if getattr(one, field)]
    return ", ".join(given) or "everything"


def _shown(loaded: Loaded, at: int) -> dict[str, object]:
    place = loaded.place(("route", at))
    return {**whole(loaded.config.route[at]), "file": place.file, "line": place.line}
