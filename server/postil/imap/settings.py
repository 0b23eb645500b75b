"""What a session is told about the machine it runs on: names, policy, and whom to tell what happened.

The protocol code is pure, so even waiting (`sleep`) and logging (`event`, `failure`) come in from outside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from postil.imap import limits as numbers
from postil.imap.fetch.remembered import Remembered
from postil.ports.logins import Gate, OpenGate
from postil.ports.sessions import Present, unseen


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits an administrator may change; the reasons stand in `imap/limits.py`."""

    autologout: float = numbers.AUTOLOGOUT
    login_time: float = numbers.LOGIN_TIME
    still_here: float = numbers.STILL_HERE
    progress_every: float = numbers.PROGRESS_EVERY
    largest_message: int = numbers.LARGEST_MESSAGE
    failed_logins: int = numbers.FAILED_LOGINS
    failed_login_wait: float = numbers.FAILED_LOGIN_WAIT


def _nothing(what: str, facts: Mapping[str, object]) -> None:
    """Nobody listens."""


def _silence(error: BaseException) -> None:
    """Nobody listens."""


def _never(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Nobody keeps the time."""
    return lambda: None


@dataclass(frozen=True, slots=True)
class Settings:
    """Given once per listener."""

    sleep: Callable[[float], Awaitable[None]]  # seconds; a test's does not wait
    later: Callable[[float, Callable[[], None]], Callable[[], None]] = (
        _never  # call in so many seconds; gives the way to cancel
    )
    host: str = "localhost"
    plaintext_login: bool = False  # RFC 9051 §6.2.3: only localserve permits LOGIN without TLS
    identity: Mapping[str, str] = field(default_factory=lambda: {"name": "Postil"})  # RFC 2971
    limits: Limits = field(default_factory=Limits)
    gate: Gate = field(
        default_factory=OpenGate
    )  # who may try to log in, and the list of those who did
    present: Present = unseen  # told of every login, and of its end
    cram_md5: bool = False  # for passwords made for it (RFC 2195)
    preauth: frozenset[str] = (
        frozenset()
    )  # listeners that log in by a TLS key before the greeting (RFC 9051 §7.1.4)
    entries: Mapping[str, bytes] = field(
        default_factory=dict
    )  # METADATA of the server below /shared, for everybody: lower-case name to value
    remembered: Remembered = field(default_factory=Remembered)
    # ("login", {"account": …}), ("login-failed", …), ("id", …), ("bye", …): never secrets or message text
    event: Callable[[str, Mapping[str, object]], None] = _nothing
    # Our own faults, with traceback; the session goes on
    failure: Callable[[BaseException], None] = _silence
