"""What keeps a server from starting, as one sentence instead of a traceback."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import click

from postil.accounts.schema import TooNew
from postil.app.localserve import NotLoopback
from postil.app.logs import BadLevel
from postil.config import ConfigError
from postil.net.certificates import BadCertificate
from postil.net.listeners import PortTaken
from postil.ports.accounts import AccountsUnavailable
from postil.ports.store import StoreError

_REFUSALS = (
    AccountsUnavailable,
    BadCertificate,
    BadLevel,
    ConfigError,
    NotLoopback,
    PortTaken,
    StoreError,
    TooNew,
    sqlite3.Error,
)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """End with the sentence and status 1."""
    try:
        yield
    except _REFUSALS as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from error
