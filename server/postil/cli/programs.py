"""`postil account app-password`: passwords for single programs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from postil.accounts import apppasswords
from postil.accounts.admin import Administration
from postil.cli import completing, target
from postil.cli.group import Verbs


@click.group("app-password", cls=Verbs)
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
def add(
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
        lambda database: database.programs.add(name, label, chosen, cram_md5=cram_md5),
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
def list_(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the labels of the account NAME's passwords for single programs."""
    rows = target.administer(config, folder, lambda database: database.programs.of(name))
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
@click.option("--if-exists", is_flag=True, help="Status 0 as well when there is no such password.")
@target.options
def rm(
    name: str, label: str, if_exists: bool, config: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Revoke the password called LABEL of the account NAME; sessions it opened end."""

    async def work(database: Administration) -> bool:
        known = {one.label for one in await database.programs.of(name)}
        if if_exists and label not in known:
            return False
        await database.programs.remove(name, label)
        return True

    done = target.administer(config, folder, work)
    shown = {"name": name, "label": label, "removed": done}
    said = f"removed the password called {label}" if done else f"no password called {label}"
    target.show(shown, as_json, lambda: f"{name}: {said}")
