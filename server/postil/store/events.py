"""What a commit did, told to the loop: the pictures in memory and the change feed follow these.

Every event that changes a mailbox carries a modseq that is higher than all before it in that mailbox, so a picture that was loaded
after the commit but before its publication can tell that it already holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postil.ports.ids import AccountId, MailboxId, ModSeq
from postil.store.generation import Row


@dataclass(frozen=True, slots=True)
class SetsDefined:
    """New flag sets of a mailbox; comes before the event that uses them."""

    mailbox: MailboxId
    sets: Sequence[tuple[int, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class MessagesAdded:
    account: AccountId
    mailbox: MailboxId
    modseq: ModSeq
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    account: AccountId
    mailbox: MailboxId
    modseq: ModSeq
    changes: Sequence[tuple[int, int]]  # uid, flag set


@dataclass(frozen=True, slots=True)
class MessagesGone:
    account: AccountId
    mailbox: MailboxId
    modseq: ModSeq
    uids: Sequence[int]
    bodies: Sequence[int]  # those that no message uses any more


@dataclass(frozen=True, slots=True)
class ModseqRaised:
    """Something else of the mailbox changed: an annotation, rights."""

    account: AccountId
    mailbox: MailboxId
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Annotated:
    """Annotations of a mailbox, or of the server as the account sees it, were set or removed."""

    account: AccountId
    mailbox: MailboxId | None
    modseq: ModSeq
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailboxGone:
    account: AccountId
    mailbox: MailboxId


@dataclass(frozen=True, slots=True)
class ListChanged:
    """Names, subscriptions, attributes or server annotations of an account."""

    account: AccountId
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Learned:
    """Something of an account's acquaintances is different."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class BodiesAdded:
    """For the search index."""

    bodies: Sequence[int]


@dataclass(frozen=True, slots=True)
class BodiesReclaimed:
    """Rows removed; files nobody needs any more."""

    bodies: Sequence[int]
    segments: Sequence[int]


Event = (
    SetsDefined
    | MessagesAdded
    | Annotated
    | FlagsChanged
    | MessagesGone
    | ModseqRaised
    | MailboxGone
    | ListChanged
    | Learned
    | BodiesAdded
    | BodiesReclaimed
)
