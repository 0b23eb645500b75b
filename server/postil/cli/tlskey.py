"""`postil tlskey`: TLS keys that may log in as an account, without a password."""

from __future__ import annotations

import dataclasses
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from postil.accounts import AccountError, apppasswords, tlskeys
from postil.accounts.tlskeys import TlsKeyRow
from postil.base.clock import SystemClock
from postil.cli import completing, target
from postil.cli.group import Verbs


@click.group(cls=Verbs)
def command() -> None:
    """TLS keys that log in without a password: add, list, remove."""


def _as_dict(row: TlsKeyRow) -> dict[str, object]:
    return {**dataclasses.asdict(row), "protocols": list(row.protocols)}


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.argument("label")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--generate",
    "made",
    type=click.Path(path_type=Path),
    help="Make a key and write it there with a certificate; a file that has one already is used as it is.",
)
@click.option(
    "--for",
    "protocols",
    type=click.Choice(apppasswords.PROTOCOLS),
    multiple=True,
    help="What it is good for; may be given several times; default all.",
)
@target.options
def add(
    name: str,
    label: str,
    file: Path | None,
    made: Path | None,
    protocols: tuple[str, ...],
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Let the key in FILE (a certificate or public key, PEM) log in as the account NAME; LABEL says whose it is.

    The same again changes nothing. Listeners ask for keys where the configuration says `client_keys`.
    """
    if (file is None) == (made is None):
        raise click.ClickException(
            "name a FILE with a certificate or public key, or --generate FILE"
        )
    target.administer(config, folder, lambda database: database.show(name))
    fresh = made is not None and not made.exists()
    if made is not None and fresh:
        _write(made, tlskeys.generate(name, SystemClock()))
    pem = _read(made or file or Path())
    try:
        digest = tlskeys.digest(pem)
    except AccountError as error:
        raise click.ClickException(f"{made or file}: {error}") from error
    chosen = protocols or apppasswords.PROTOCOLS
    row = target.administer(
        config, folder, lambda database: tlskeys.add(database, name, label, digest, chosen)
    )

    def text() -> str:
        said = (
            f"{name}: {row.label} may log in for {', '.join(row.protocols)}\nSHA-256 {row.sha256}"
        )
        return f"{said}\nkey and certificate: {made}" if fresh else said

    target.show({"name": name, **_as_dict(row), "file": str(made) if made else None}, as_json, text)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, octets: bytes) -> None:
    """Readable by this user only, and never over something that is there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


@command.command("list")
@click.argument("name", shell_complete=completing.accounts)
@target.options
def list_keys(name: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """List the TLS keys of the account NAME."""
    rows = target.administer(config, folder, lambda database: tlskeys.every(database, name))
    target.show(
        [_as_dict(row) for row in rows], as_json, lambda: "\n".join(map(_line, rows)) or "none"
    )


def _line(row: TlsKeyRow) -> str:
    used = "never used" if row.last_used is None else f"used {_ago(row.last_used)}"
    return f"{row.label}  {', '.join(row.protocols)}  {used}  {row.sha256}"


def _ago(when: int) -> str:
    if time.time() - when < 3600:
        return "within the hour"
    return datetime.fromtimestamp(when, UTC).strftime("on %Y-%m-%d")


@command.command()
@click.argument("name", shell_complete=completing.accounts)
@click.argument("label")
@target.options
def rm(name: str, label: str, config: Path | None, folder: Path | None, as_json: bool) -> None:
    """Revoke the key called LABEL of the account NAME; sessions it opened end. One that is not there is no error."""
    done = target.administer(config, folder, lambda database: tlskeys.remove(database, name, label))
    said = (
        f"{name}: removed the key called {label}" if done else f"{name} has no key called {label}"
    )
    target.show({"name": name, "label": label, "removed": done}, as_json, lambda: said)
