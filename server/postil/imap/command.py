"""How a command is declared: its name, where it may be used, how it is parsed and done.

Each command, in `commands/` or `extensions/`, exports a tuple `COMMANDS` of `Spec`; the registry joins them. A spec's
`parse` turns tokens into a frozen dataclass and knows nothing of the session; `handle` is an async generator
that yields untagged responses as octets (whole lines with CRLF, bigger joined chunks when there are many) and may end with one `Done`.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postil.imap.session import Session
    from postil.imap.tokens import Tokens


class State(enum.Flag):
    """RFC 9051 §3: the states in which a command is allowed."""

    NOT_AUTHENTICATED = enum.auto()
    AUTHENTICATED = enum.auto()
    SELECTED = enum.auto()
    ANY = NOT_AUTHENTICATED | AUTHENTICATED | SELECTED
    LOGGED_IN = AUTHENTICATED | SELECTED


@dataclass(frozen=True, slots=True)
class Done:
    """The tagged OK; without one it is `OK <name> completed`."""

    text: str
    code: str | Callable[[], str | None] | None = None  # a callable is asked behind the news


@dataclass(frozen=True, slots=True)
class Spec:
    """One command."""

    name: str  # upper case; "UID FETCH" for the UID form, which has a Spec of its own
    states: State
    parse: Callable[[Tokens], Any]
    handle: Callable[[Session, Any], AsyncIterator[bytes | Done | Any]]  # Any: `pipeline.Begun`
    holds_expunges: bool = False  # FETCH, STORE, SEARCH: RFC 9051 §7.5.1
    by_number: bool = False  # its arguments count messages: nothing for UIDONLY
    capability: str | None = (
        None  # answers BAD as unknown when this is switched off for the account
    )


def nothing(tokens: Tokens) -> None:
    """The `parse` of commands without arguments."""
    tokens.end()
