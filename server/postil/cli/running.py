"""Telling the server that runs, if one does, that its settings have changed; and what it says to that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from postil.cli import target
from postil.config import Loaded


def ask(data: Path, what: str) -> Mapping[str, Any] | None:
    """The server's answer; None when there is none on the folder."""
    from postil.net import control

    try:
        return control.ask(data, {"do": what})
    except control.NoServer:
        return None
    except control.ControlError as error:
        raise click.ClickException(str(error)) from error


def finish(
    loaded: Loaded, shown: dict[str, object], said: str, *, changed: bool, as_json: bool
) -> None:
    """The end of a command that changed domains: the server takes it over before this returns. Status 1 when it does not.

    What the server says goes to standard error, so that zone lines on standard output are nothing else.
    """
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
    target.show({**shown, "changed": changed, "server": told}, as_json, lambda: said)
    if not as_json and (changed or state == "refused"):
        click.echo("\n".join(more), err=True)
    if state == "refused":
        raise SystemExit(1)
