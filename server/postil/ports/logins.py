"""Attempts to log in: what is written down of each, and who must wait.

Every protocol asks the same gate, so that somebody who guesses on several ports is counted once. `accounts` fills it;
`OpenGate` is for tests of something else.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from postil.ports.ids import AccountId
from postil.ports.peer import Peer


class Result(enum.Enum):
    """How an attempt ended; the value is what a log shows."""

    OK = "ok"
    CREDENTIALS = "wrong name or password"
    SECOND_FACTOR = "right password, but a second factor is on: needs an app password"
    AUTHORIZATION = "may not act as that account"
    DISABLED = "account disabled"  # name and password were right
    BINDING = "channel binding failed"  # somebody may sit between
    MALFORMED = "malformed"
    ABORTED = "aborted"  # by the client, or what it sent was no base64
    LIMITED = "too many failures from there"
    UNAVAILABLE = "accounts unavailable"
    FAULT = "a fault of the server"

    @property
    def counts(self) -> bool:
        """Does it look like guessing?"""
        return self in _COUNT

    @property
    def free(self) -> bool:
        """Can anybody have as many of these as he likes?"""
        return not self.counts and self not in _KNOWN


_KNOWN = frozenset({Result.OK, Result.DISABLED})  # had the right password
_COUNT = frozenset(
    {
        *(Result.CREDENTIALS, Result.SECOND_FACTOR, Result.AUTHORIZATION),
        *(Result.MALFORMED, Result.BINDING),
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt; never holds a secret."""

    protocol: str  # "imap", "submission" …
    mechanism: str  # SASL's name, or the command's
    login: str  # as the client wrote it; "" when it did not get so far
    peer: Peer
    result: Result
    account: AccountId | None = None
    client: str = ""  # what the program called itself, or the name in EHLO
    detail: str = ""  # which binding error, for example


@dataclass(frozen=True, slots=True)
class Leave:
    """May this address try now?"""

    granted: bool
    wait: float = 0.0  # seconds until the answer of an attempt that fails may go out
    again: float = field(default=0.0)  # where not granted: seconds until it may


class Gate(Protocol):
    """Counts failures by address, and keeps the list of attempts."""

    def ask(self, ip: str) -> Leave:
        """Called before anything is checked."""
        ...

    def turn(self, ip: str) -> AbstractAsyncContextManager[Leave]:
        """Entered to look at a password or proof: waits while too many of the address are looked at; asks again."""
        ...

    def record(self, attempt: Attempt) -> None:
        """Called once for each attempt, whatever came of it; returns at once."""
        ...


class OpenGate:
    """Lets everybody try and writes nothing down."""

    def ask(self, ip: str) -> Leave:
        return Leave(True)

    @asynccontextmanager
    async def turn(self, ip: str) -> AsyncIterator[Leave]:
        yield Leave(True)

    def record(self, attempt: Attempt) -> None:
        pass
