"""`postil logins`: who logged in or tried to, from where."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from postil.accounts import attempts
from postil.accounts.attempts import Filter, Row
from postil.cli import target

_SPAN = re.compile(r"(\d+)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Span(click.ParamType[int]):
    """`90s`, `30m`, `12h` or `7d`, in seconds."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        match = _SPAN.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no span of time: write 90s, 30m, 12h or 7d", param, ctx)
        return int(match[1]) * _SECONDS[match[2]]


class Network(click.ParamType[str]):
    """An address, or a network such as `2001:db8::/32`."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        try:
            return str(ipaddress.ip_network(str(value), strict=False)) if value else ""
        except ValueError:
            self.fail(f"{value!r} is no address and no network", param, ctx)


@click.command()
@click.option("--login", default="", help="Only this name as the client wrote it, in any case.")
@click.option("--ip", type=Network(), default="", help="Only from this address or network.")
@click.option("--protocol", default="", help="Only imap, submission, …")
@click.option("--failed/--successful", default=None, help="Only failures, or only logins.")
@click.option("--last", "span", type=Span(), default="7d", show_default=True, help="How far back.")
@click.option(
    "--most", type=click.IntRange(1, 200_000), default=100, show_default=True, help="Rows."
)
@target.options
def command(
    login: str,
    ip: str,
    protocol: str,
    failed: bool | None,
    span: int,
    most: int,
    config: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Attempts to log in, the newest first; like ones of an hour are one line with a count."""
    wanted = Filter(login, ip, protocol, failed, int(time.time()) - span)
    try:
        rows = attempts.read(target.data_folder(config, folder) / attempts.FILE, wanted, most)
    except sqlite3.Error as error:
        raise click.ClickException(f"the list of attempts cannot be read: {error}") from error

    def text() -> str:
        return "\n".join(map(_line, rows)) or "no attempts to log in"

    target.show([_as_dict(row) for row in rows], as_json, text)


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_dict(row: Row) -> dict[str, object]:
    return {
        **dataclasses.asdict(row),
        "first": _time(row.first),
        "last": _time(row.last),
        "result": row.result.value,
    }


def _login(text: str) -> str:
    """What a client wrote may hold anything, and goes to a terminal; with a blank it could be taken for more than one fact."""
    if not text:
        return "-"
    plain = text.isprintable() and not set(text) & {" ", "'", '"'} and text != "-"
    return text if plain else repr(text)


def _line(row: Row) -> str:
    result = row.result.value + (f" ({row.detail})" if row.detail else "")
    facts = [
        _time(row.last),
        f"{row.count} x" if row.count > 1 else "",
        row.protocol,
        row.mechanism,
        _login(row.login),
        f"from {row.remote_ip or 'this machine'}",
        row.tls or "no TLS",
        f"as {row.client!r}" if row.client else "",
        f"- {result}",
    ]
    return "  ".join(filter(None, facts))
