"""What a session is told about the machine it runs on: names, policy, numbers, and whom to tell what happened.

The protocol code is pure, so even waiting (`sleep`) and logging (`event`, `failure`) come in from outside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from postil.ports.logins import Gate, OpenGate
from postil.ports.sessions import Present, unseen
from postil.smtp import limits as numbers


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits an administrator may change; the reasons stand in `smtp/limits.py`."""

    message_size: int = numbers.MESSAGE_SIZE
    recipients: int = numbers.RECIPIENTS
    idle: float = numbers.IDLE
    data_block: float = numbers.DATA_BLOCK
    errors: int = numbers.ERRORS
    unknown_recipients: int = numbers.UNKNOWN_RECIPIENTS
    failed_logins: int = numbers.FAILED_LOGINS
    failed_login_wait: float = numbers.FAILED_LOGIN_WAIT
    refused_data: int = numbers.REFUSED_DATA


def _nothing(what: str, facts: Mapping[str, object]) -> None:
    """Nobody listens."""


def _silence(error: BaseException) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Given once per listener."""

    sleep: Callable[[float], Awaitable[None]]  # seconds; a test's does not wait
    host: str = "localhost"  # our name in greeting, EHLO and 221
    offer_login: bool = False  # AUTH: on submission, never on port 25
    require_login: bool = False  # RFC 6409 §4.3: submission
    plaintext_login: bool = False  # RFC 4954 §4: only localserve permits a password without TLS
    limits: Limits = field(default_factory=Limits)
    gate: Gate = field(
        default_factory=OpenGate
    )  # who may try to log in, and the list of those who did
    present: Present = unseen  # told of every login, and of its end
    cram_md5: bool = False  # for passwords made for it (RFC 2195)
    # ("hello", …), ("login", …), ("login-failed", …), ("refused", …), ("accepted", …), ("close", …): never secrets or text
    event: Callable[[str, Mapping[str, object]], None] = _nothing
    # Our own faults, with traceback; the session goes on
    failure: Callable[[BaseException], None] = _silence
