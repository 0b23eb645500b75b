"""Responses about the state of things: conditions, capabilities, sizes; and what is not known.

RFC 9051 §7.1, §7.2, §7.4, §7.5; RFC 3501 §7.3.2 (RECENT); RFC 5161 §4 (ENABLED), RFC 7162 §3.2.10 (VANISHED), RFC 2971 §3.2 (ID).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from postil.imap.client.codes import AnyCode
from postil.imap.client.numbers import Numbers


class Condition(enum.Enum):
    """How a status response begins."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


@dataclass(frozen=True, slots=True)
class Status:
    """A condition, tagged (`tag` is not empty) or not."""

    condition: Condition
    text: str = ""
    code: AnyCode | None = None
    tag: str = ""

    @property
    def code_name(self) -> str:
        """The code's name, "" without one."""
        return "" if self.code is None else self.code.name


@dataclass(frozen=True, slots=True)
class Continuation:
    """`+`: go on. What follows is text for people, or the base64 of a SASL challenge."""

    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """CAPABILITY, in capitals."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enabled:
    """ENABLED, in capitals."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags that mean something in this mailbox."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """How many messages there are."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """How many messages are new to this session (RFC 3501 only)."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """The message of this sequence number is gone, and those behind it count one less."""

    number: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """Messages of these uids are gone; `earlier`: long ago, so they are counted no more."""

    uids: Numbers
    earlier: bool = False


@dataclass(frozen=True, slots=True)
class Identified:
    """ID; None is NIL."""

    fields: Mapping[str, str | None] | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A response of a name that is not known here, with everything behind it; literals beside it."""

    name: str
    number: int | None
    arguments: bytes
    literals: tuple[bytes, ...] = ()
