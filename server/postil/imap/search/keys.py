"""The search criteria as a tree of frozen records.

RFC 9051 §6.4.4, §9 (search-key); RFC 3501 §6.4.4 (NEW, OLD, RECENT). Every key of both revisions is one of these.
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import TypeAlias

from postil.imap.sequence import SequenceSet
from postil.ports.store import TextSearch


@dataclass(frozen=True, slots=True)
class Everything:
    """ALL."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A sequence set, or `UID` and a set."""

    numbers: SequenceSet
    uid: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag is set: SEEN, KEYWORD …; UNSEEN is Not of it."""

    name: str


@dataclass(frozen=True, slots=True)
class Recent:
    """RECENT: this session is the first to be told of the message."""


class When(enum.Enum):
    """Whose date."""

    INTERNAL = "INTERNALDATE"
    SAVED = "SAVEDATE"  # RFC 8514
    SENT = "Date"


@dataclass(frozen=True, slots=True)
class Dated:
    """The day lies from `first` up to but not including `after`; None is no bound."""

    when: When
    first: datetime.date | None
    after: datetime.date | None


@dataclass(frozen=True, slots=True)
class Larger:
    """RFC822.SIZE is above `octets`."""

    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """RFC822.SIZE is below `octets`."""

    octets: int


@dataclass(frozen=True, slots=True)
class Modified:
    """MODSEQ: the message's mod-sequence is at least `modseq` (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Within:
    """OLDER, YOUNGER: INTERNALDATE so many seconds before now, or earlier, or later (RFC 5032)."""

    seconds: int
    older: bool


@dataclass(frozen=True, slots=True)
class Identified:
    """EMAILID, THREADID (RFC 8474 §6)."""

    thread: bool
    identity: str


@dataclass(frozen=True, slots=True)
class Text:
    """A substring somewhere in the text."""

    what: TextSearch


@dataclass(frozen=True, slots=True)
class Addressed:
    """FROM, TO, CC or BCC: a substring of the field, or of one of its addresses as ENVELOPE shows it."""

    field: str
    needle: str


@dataclass(frozen=True, slots=True)
class Not:
    """The messages that do not match."""

    key: Key


@dataclass(frozen=True, slots=True)
class Or:
    """The messages that match either."""

    left: Key
    right: Key


@dataclass(frozen=True, slots=True)
class And:
    """The messages that match all."""

    keys: tuple[Key, ...]


Key: TypeAlias = (
    Everything
    | Numbers
    | Flag
    | Recent
    | Dated
    | Larger
    | Smaller
    | Modified
    | Within
    | Identified
    | Text
    | Addressed
    | Not
    | Or
    | And
)


def asks_modseq(key: Key) -> bool:
    """Does MODSEQ stand anywhere in it? Then the answer tells one (RFC 7162 §3.1.6)."""
    match key:
        case Modified():
            return True
        case Not(key=inner):
            return asks_modseq(inner)
        case Or(left=left, right=right):
            return asks_modseq(left) or asks_modseq(right)
        case And(keys=members):
            return any(map(asks_modseq, members))
        case _:
            return False


def needs(key: Key) -> frozenset[str]:
    """The capabilities that its keys belong to."""
    match key:
        case Dated(when=When.SAVED):
            return frozenset(("SAVEDATE",))
        case Within():
            return frozenset(("WITHIN",))
        case Identified():
            return frozenset(("OBJECTID",))
        case Not(key=inner):
            return needs(inner)
        case Or(left=left, right=right):
            return needs(left) | needs(right)
        case And(keys=members):
            return frozenset().union(*map(needs, members))
        case _:
            return frozenset()


def asks_numbers(key: Key) -> bool:
    """Do sequence numbers stand anywhere in it?"""
    match key:
        case Numbers(uid=uid, numbers=numbers):
            return not uid and not numbers.saved
        case Not(key=inner):
            return asks_numbers(inner)
        case Or(left=left, right=right):
            return asks_numbers(left) or asks_numbers(right)
        case And(keys=members):
            return any(map(asks_numbers, members))
        case _:
            return False


def uses_saved(key: Key) -> bool:
    """Does `$` stand anywhere in it?"""
    match key:
        case Numbers(numbers=numbers):
            return numbers.saved
        case Not(key=inner):
            return uses_saved(inner)
        case Or(left=left, right=right):
            return uses_saved(left) or uses_saved(right)
        case And(keys=members):
            return any(map(uses_saved, members))
        case _:
            return False


def cost(key: Key) -> int:
    """How dear a key is: 0 from memory, 1 a row a message, 2 text. Dear ones are asked last."""
    match key:
        case Text() | Addressed():
            return 2
        case Dated(when=When.SENT) | Identified():
            return 1
        case Not(key=inner):
            return cost(inner)
        case Or(left=left, right=right):
            return max(cost(left), cost(right))
        case And(keys=keys):
            return max(map(cost, keys), default=0)
        case _:
            return 0
