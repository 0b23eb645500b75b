"""Names from the control database for the shell, at the press of a key: read only, at most a screenful, and silent whatever is wrong.

Nothing of the server is imported here, and no database is made or migrated: where there is none, or one of another version, nothing is completed.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tomllib
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

MOST: Final = 200  # a shell asks before it shows more than a screenful
_PATIENCE: Final = 0.2  # seconds for a database that is being changed

_ACCOUNTS: Final = "SELECT name FROM account WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
_ADDRESSES: Final = (
    "SELECT local || '@' || domain FROM address WHERE {what} AND local || '@' || domain LIKE ?1 ESCAPE '!'"
    " ORDER BY domain, key LIMIT ?2"
)


def accounts(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Login names of accounts."""
    # As accounts.names compares them; the last character there is ends the range.
    start = unicodedata.normalize("NFC", unicodedata.normalize("NFC", incomplete).casefold())
    return _asked(ctx, _ACCOUNTS, (start, start + "\U0010ffff", MOST))


def addresses(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Addresses of accounts."""
    return _asked(ctx, _ADDRESSES.format(what="account IS NOT NULL"), _like(incomplete))


def aliases(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Addresses of aliases and lists."""
    return _asked(ctx, _ADDRESSES.format(what="alias IS NOT NULL"), _like(incomplete))


def targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Whatever can be a member: accounts and addresses."""
    found = accounts(ctx, param, incomplete) + _asked(
        ctx, _ADDRESSES.format(what="true"), _like(incomplete)
    )
    return list(dict.fromkeys(found))[:MOST]


def transports(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of transports."""
    return _rows(ctx, "transport", incomplete)


def routes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of routes."""
    return _rows(ctx, "route", incomplete)


def _rows(ctx: click.Context, kind: str, incomplete: str) -> list[str]:
    """From the second file, as it is: whatever is wrong elsewhere in it or in the machine's file."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        config = Path(ctx.params.get("config") or "postil.toml")
        with config.open("rb") as file:
            second = config.parent / str(tomllib.load(file).get("domains_file", "domains.toml"))
        with second.open("rb") as file:
            found = [str(one["name"]) for one in tomllib.load(file)[kind]]
        return [name for name in found if name.lower().startswith(incomplete.lower())][:MOST]
    return []


def _like(incomplete: str) -> tuple[object, ...]:
    escaped = "".join("!" + c if c in "!%_" else c for c in incomplete)
    return (escaped + "%", MOST)


def _asked(ctx: click.Context, sql: str, values: Sequence[object]) -> list[str]:
    # No file, no table, no right to read, a configuration that is half written: there is nothing to complete.
    with contextlib.suppress(sqlite3.Error, OSError, ValueError, LookupError, TypeError):
        where = _database(ctx).resolve().as_uri() + "?mode=ro"
        with contextlib.closing(sqlite3.connect(where, uri=True, timeout=_PATIENCE)) as database:
            return [str(row[0]) for row in database.execute(sql, values)]
    return []


def _database(ctx: click.Context) -> Path:
    """Where `target.data_folder` would look, and nothing made."""
    folder, config = ctx.params.get("folder"), ctx.params.get("config")
    if folder is None and config is None and Path("postil.toml").exists():
        config = Path("postil.toml")
    if folder is None and config is not None:
        with open(config, "rb") as file:
            folder = Path(config).parent / str(tomllib.load(file)["data"])
    return Path(folder or "localserve") / "postil.db"
