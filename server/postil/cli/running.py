"""Telling the server that runs, if one does, that its settings have changed; and what it says to that."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from postil.accounts import Administration
from postil.accounts.changes import State
from postil.accounts.roles import Kind
from postil.cli import target
from postil.config.change import Changed
from postil.config.difference import from_defaults
from postil.config.domain import Domain
from postil.config.routes import Route, Transport

_Row = Domain | Transport | Route


def ask(data: Path, what: str) -> Mapping[str, Any] | None:
    """The server's answer; None when there is none on the folder."""
    from postil.net import control

    try:
        return control.ask(data, {"do": what})
    except control.NoServer:
        return None
    except control.ControlError as error:
        raise click.ClickException(str(error)) from error


def finish(changed: Changed, shown: dict[str, object], said: str, *, as_json: bool) -> None:
    """The end of a command that changed the second file: noted in the log of changes, and the server takes it over before this returns. Status 1
    when it does not.

    What the server says goes to standard error, so that zone lines on standard output are nothing else.
    """
    loaded = changed.loaded
    if changed.written:
        _note(changed)
    try:
        answer = ask(Path(loaded.config.data), "reload")
    except click.ClickException as error:
        answer = {"ok": False, "problems": [{"text": error.message}]}
    mine = Path(loaded.machine.file).resolve()
    if answer is not None and "file" in answer and Path(answer["file"]).resolve() != mine:
        what = f"the server on {loaded.config.data} reads {answer['file']}, not {mine}"
        answer = {"ok": False, "problems": [{"text": what}]}
    if answer is None:
        state, more = "none", ["no server is running here; it counts from the next start"]
    elif answer["ok"]:
        state, more = "reloaded", ["the server has taken it over"]
        if answer["waiting"]:
            more.append(f"these wait for a restart: {', '.join(answer['waiting'])}")
    else:
        state = "refused"
        problems = "\n".join(str(one["text"]) for one in answer["problems"])
        more = [f"the server goes on with what it had:\n{problems}"]
    told = {"state": state, **(answer or {})}
    wrong = {"error": more[0], "status": 1} if state == "refused" else {}
    target.show(
        {**shown, "changed": changed.written, "server": told, **wrong}, as_json, lambda: said
    )
    if not as_json and (changed.written or state == "refused"):
        click.echo("\n".join(more), err=True)
    if state == "refused":
        raise SystemExit(1)


def _note(changed: Changed) -> None:
    """Rows for what is different now. The files are written by then, so that what fails here is said and undoes nothing."""
    rows = [
        row
        for kind, field in (
            (Kind.RULES, "domain"),
            (Kind.TRANSPORT, "transport"),
            (Kind.ROUTE, "route"),
        )
        for row in _different(
            kind, getattr(changed.before.config, field), getattr(changed.loaded.config, field)
        )
    ]

    noted(Path(changed.loaded.config.data), lambda database: database.log.note_files(rows))


def noted(data: Path, work: Callable[[Administration], Coroutine[Any, Any, None]]) -> None:
    """Rows in the log of changes for what is done already, elsewhere than in the control database."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        target.administer(None, data, work)
    except (OSError, click.ClickException) as error:
        said = error.message if isinstance(error, click.ClickException) else str(error)
        click.echo(f"the change is made, but is not in the log of changes: {said}", err=True)


def _different(
    kind: Kind, before: Sequence[_Row], after: Sequence[_Row]
) -> Iterator[tuple[Kind, str, State | None, State | None]]:
    old, new = ({one.name: one for one in side} for side in (before, after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield kind, name, _state(old.get(name)), _state(new.get(name))
    if kind is Kind.ROUTE:  # the first that fits decides, so their order is a setting, too
        left, right = ([name for name in side if name in old and name in new] for side in (old, new))  # fmt: skip
        if left != right:
            yield kind, "(order)", {"order": ", ".join(left)}, {"order": ", ".join(right)}


def _state(row: _Row | None) -> State | None:
    """The settings that are not the default; keys and secrets are kept elsewhere, and only named."""
    if row is None:
        return None
    return {change.field: msgspec.to_builtins(change.after) for change in from_defaults(row)}
