"""`postil transport`: ways for outgoing mail. Nothing is sent yet; what routes say can be asked."""

from __future__ import annotations

from pathlib import Path

import click

from postil.cli import completing, running, target
from postil.cli.domain import refusals
from postil.cli.group import Verbs
from postil.config import Loaded
from postil.config.assign import names, settings
from postil.config.change import Changed
from postil.config.change_routes import Rows, unused
from postil.config.difference import from_defaults, whole
from postil.config.routes import FIELDS, Transport

_KINDS = click.Choice(sorted(FIELDS))


@click.group(cls=Verbs)
def command() -> None:
    """Transports: ways for outgoing mail, such as a relay.

    Routes say which mail takes which. This version sends no mail to other servers: transports are kept, checked and shown, and wait for the queue.
    """


@command.command()
@click.argument("name")
@click.argument("kind", type=_KINDS)
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@target.config_options
def add(name: str, kind: str, values: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Add the transport NAME of KIND: direct, smtp, submission, lmtp or fail.

    host=relay.example user=ann password.file=relay.password: `postil config describe transport` has all fields. One that is
    there with the same settings is no error.
    """
    with refusals():
        given = {path[0]: value for path, value in settings(values, Transport).items()}
        changed = Rows(config, "transport").add(name, {"kind": kind, **given})
    _finish(changed, name, "added" if changed.written else None, as_json=as_json)


@command.command("set")
@click.argument("name", shell_complete=completing.transports)
@click.argument("values", nargs=-1, metavar="[FIELD=VALUE]...")
@click.option(
    "--unset",
    multiple=True,
    metavar="FIELD",
    help="Take a field away, so that its default counts; may be given several times.",
)
@target.config_options
def set_values(
    name: str, values: tuple[str, ...], unset: tuple[str, ...], config: Path, as_json: bool
) -> None:
    """Change settings of the transport NAME: host=relay.example port=2525."""
    if not values and not unset:
        raise click.UsageError("nothing to set: write FIELD=VALUE, or --unset FIELD")
    with refusals():
        wanted = {path[0]: None for path in names(unset, Transport)}
        given = {path[0]: value for path, value in settings(values, Transport).items()}
        changed = Rows(config, "transport").set(name, {**wanted, **given})
    _finish(changed, name, "changed" if changed.written else None, as_json=as_json)


@command.command("rm")
@click.argument("name", shell_complete=completing.transports)
@target.config_options
def remove(name: str, config: Path, as_json: bool) -> None:
    """Remove the transport NAME; refused while a route names it."""
    with refusals():
        changed = Rows(config, "transport").remove(name)
    fields: dict[str, object] = {"name": name, "removed": True}
    running.finish(changed, fields, f"removed {name}", as_json=as_json)


@command.command("list")
@target.config_options
def list_(config: Path, as_json: bool) -> None:
    """List the transports, and where they stand."""
    with refusals():
        loaded = Rows(config, "transport").read()
    rows = [_shown(loaded, at) for at in range(len(loaded.config.transport))]
    idle = set(unused(loaded))

    def text() -> str:
        lines = [
            f"{_line(one)}  {loaded.place(('transport', at)).file}:{loaded.place(('transport', at)).line}"
            + ("  (no route names it)" if one.name in idle and one.name != "direct" else "")
            for at, one in enumerate(loaded.config.transport)
        ]
        return "\n".join(lines) or "no transports: all mail would go direct, to the MX hosts"

    target.show(rows, as_json, text)


@command.command()
@click.argument("name", shell_complete=completing.transports)
@target.config_options
def show(name: str, config: Path, as_json: bool) -> None:
    """Show the settings of the transport NAME, and which routes name it; a password is never shown."""
    with refusals():
        rows = Rows(config, "transport")
        loaded = rows.read()
        at = rows.find(loaded, name)
    one = loaded.config.transport[at]

    def text() -> str:
        place = loaded.place(("transport", at))
        lines = [f"{one.name}  ({place.file}:{place.line})"]
        for change in from_defaults(one):
            if change.field != "name":
                lines.append(f"  {change.field} = {target.value(change.after)}")
        used = ", ".join(_routes(loaded, one.name))
        return "\n".join([*lines, f"  routes: {used or 'none'}"])

    target.show(_shown(loaded, at), as_json, text)


def _finish(changed: Changed, name: str, done: str | None, *, as_json: bool) -> None:
    there = changed.loaded.config.transport
    at = next(at for at, one in enumerate(there) if one.name.lower() == name.lower())
    said = f"{done} {name}" if done else f"{name} has these settings already"
    running.finish(changed, _shown(changed.loaded, at), said, as_json=as_json)


def _line(one: Transport) -> str:
    where = one.socket or (f"{one.host}:{one.port}" if one.host else "")
    if one.kind == "fail":
        where = " ".join(filter(None, (str(one.code), one.status, one.text)))
    return f"{one.name}  {one.kind}{'  ' + where if where else ''}{'  tls ' + one.tls if one.tls else ''}"


def _routes(loaded: Loaded, name: str) -> list[str]:
    return [one.name for one in loaded.config.route if one.transport == name]


def _shown(loaded: Loaded, at: int) -> dict[str, object]:
    one = loaded.config.transport[at]
    place = loaded.place(("transport", at))
    known = {"name", "kind", *FIELDS[one.kind]}
    fields = {field: value for field, value in whole(one).items() if field in known}
    return {**fields, "routes": _routes(loaded, one.name), "file": place.file, "line": place.line}
