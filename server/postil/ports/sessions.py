"""Sessions that are logged in: who is told of them, so that they end when what opened them is withdrawn."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from postil.ports.accounts import Account, Credential
from postil.ports.ids import AccountId
from postil.ports.stream import Stream


class Ended(enum.Enum):
    """Why a session must end; the value is for its user."""

    CREDENTIAL = "the password or key of this login is no longer valid"
    ACCOUNT = "this account is closed"
    LOGOUT = "logged out by the administrator, log in again"


@dataclass(frozen=True, slots=True)
class Held:
    """An account and what a session of it rests on."""

    account: AccountId
    credential: Credential


# A session calls it when somebody has logged in, and what it gives when that is over.
Present = Callable[[Stream, Account], Callable[[], None]]


def unseen(stream: Stream, account: Account) -> Callable[[], None]:
    """A `Present` that nobody looks at."""
    return lambda: None
