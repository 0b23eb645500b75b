"""Which machine's data a command works on: `--config postil.toml`, or `--dir` of a localserve."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from postil.accounts import AccountError, Actor, Administration
from postil.accounts.bulk import BadFile
from postil.accounts.schema import TooNew
from postil.base.clock import SystemClock
from postil.config import Config, ConfigError, read

DATABASE = "postil.db"


_Result = TypeVar("_Result")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def options(command: _Command) -> _Command:
    """Add `--config`, `--dir` and `--json` to a command."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
        click.option(
            "--dir", "folder", type=click.Path(path_type=Path), help="The data folder itself."
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            envvar="POSTIL_CONFIG",
            help="The configuration file; default ./postil.toml, else the folder ./localserve.",
        ),
    ):
        command = decorate(command)
    return command


def config_options(command: _Command) -> _Command:
    """Add `--config` and `--json` to a command that changes or shows the configuration itself."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON for programs."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            envvar="POSTIL_CONFIG",
            default=Path("postil.toml"),
            show_default=True,
            help="The machine's configuration file; also from the environment variable POSTIL_CONFIG.",
        ),
    ):
        command = decorate(command)
    return command


def read_config(path: Path) -> Config:
    """The configuration, or an end with the error that names file, line and field. No domain is no fault here."""
    try:
        return read(path, empty=True).config
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


def data_folder(config: Path | None, folder: Path | None) -> Path:
    """The folder that holds the control database; it must exist."""
    if folder is None and config is None and Path("postil.toml").exists():
        config = Path("postil.toml")
    if folder is None:
        folder = Path(read_config(config).data) if config is not None else Path("localserve")
    if not folder.is_dir():
        if config is None:
            raise click.ClickException(
                f"there is no data folder {folder}: name one with --dir, or a configuration with --config"
            )
        folder.mkdir(parents=True, mode=0o700)
    return folder


def machine_owner() -> Actor:
    """Whoever calls, as the log of changes names them; nobody is asked for more than what the system's files ask."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = f"uid {os.getuid()}"
    by = os.environ.get("SUDO_USER", "")
    return Actor(f"{user}, by sudo from {by}" if by and by != user else user)


def administer(
    config: Path | None,
    folder: Path | None,
    work: Callable[[Administration], Coroutine[Any, Any, _Result]],
) -> _Result:
    """Run `work` on the control database; what it refuses ends the command with its sentence."""

    async def run() -> _Result:
        database = await Administration.open(
            data_folder(config, folder) / DATABASE, clock=SystemClock(), actor=machine_owner()
        )
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except BadFile:
        raise  # its errors have lines and fields, which the command shows
    except (AccountError, TooNew) as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(f"the control database cannot be used: {error}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error


def show(value: object, as_json: bool, text: Callable[[], str]) -> None:
    """Print the value as JSON, or the text for people."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2))
    elif said := text():
        click.echo(said)


def value(found: object) -> str:
    """A value of a field on one line, as TOML writes it."""
    from postil.config.write import inline

    return "nothing" if found is None else inline(found)
