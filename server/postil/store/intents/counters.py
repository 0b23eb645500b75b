"""What a change adds to the counters of a mailbox and of its account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from postil.ports.ids import AccountId, MailboxId, ModSeq
from postil.ports.store import NoSuchMailbox, OverQuota
from postil.store.flagsets import FlagTable
from postil.store.transaction import Transaction

SEEN = "\\Seen"
DELETED = "\\Deleted"


@dataclass(slots=True)
class Delta:
    """Signed changes; `take_away` turns a sum of messages into their removal."""

    messages: int = 0
    unseen: int = 0
    deleted: int = 0
    size: int = 0
    deleted_size: int = 0
    recent: int = 0

    def count(self, flags: frozenset[str], messages: int, octets: int) -> None:
        """Messages with these flags."""
        self.messages += messages
        self.size += octets
        if SEEN not in flags:
            self.unseen += messages
        if DELETED in flags:
            self.deleted += messages
            self.deleted_size += octets

    def negated(self) -> Delta:
        return Delta(
            -self.messages,
            -self.unseen,
            -self.deleted,
            -self.size,
            -self.deleted_size,
            -self.recent,
        )


def sum_of(table: FlagTable, groups: Iterable[tuple[int, int, int]]) -> Delta:
    """The counters of picked messages, grouped by flag set."""
    delta = Delta()
    for number, messages, octets in groups:
        delta.count(table.names(number), messages, octets)
    return delta


def apply(
    tx: Transaction, mailbox: MailboxId, modseq: ModSeq, delta: Delta, uidnext: int | None = None
) -> None:
    """Add to the mailbox's counters, raise its modseq and maybe its uidnext."""
    tx.run(
        "UPDATE mailbox SET highest_modseq=?2, messages=messages+?3, unseen=unseen+?4, deleted=deleted+?5,"
        " size=size+?6, deleted_size=deleted_size+?7, recent=recent+?8, uidnext=coalesce(?9, uidnext) WHERE id=?1",
        (
            mailbox,
            modseq,
            delta.messages,
            delta.unseen,
            delta.deleted,
            delta.size,
            delta.deleted_size,
            delta.recent,
            uidnext,
        ),
    )


class Grown(NamedTuple):
    """A mailbox behind messages that were added."""

    account: AccountId
    uidvalidity: int
    uidnext: int
    modseq: ModSeq


def grow(tx: Transaction, mailbox: MailboxId, delta: Delta) -> Grown:
    """Take a modseq and numbers for `delta.messages` new messages and count them, in one statement. NoSuchMailbox."""
    row = tx.first(
        "UPDATE mailbox SET highest_modseq=highest_modseq+1, uidnext=uidnext+?2, messages=messages+?2, unseen=unseen+?3,"
        " deleted=deleted+?4, size=size+?5, deleted_size=deleted_size+?6, recent=recent+?7 WHERE id=?1 AND doomed=0"
        " RETURNING account, uidvalidity, uidnext, highest_modseq",
        (
            mailbox,
            delta.messages,
            delta.unseen,
            delta.deleted,
            delta.size,
            delta.deleted_size,
            delta.recent,
        ),
    )
    if row is None:
        raise NoSuchMailbox("the mailbox does not exist any more")
    return Grown(*row)


def charge(tx: Transaction, account: AccountId, octets: int, messages: int) -> None:
    """Add to what the account uses. OverQuota when it grows beyond the limit."""
    row = tx.first(
        "UPDATE account SET octets=octets+?2, messages=messages+?3 WHERE id=?1"
        " RETURNING octets, limit_octets, messages, limit_messages",
        (account, octets, messages),
    )
    if row is None:
        tx.run(
            "INSERT INTO account (id, octets, messages) VALUES (?,?,?)", (account, octets, messages)
        )
        return
    used, limit, count, most = row
    if octets > 0 and limit is not None and used > limit:
        raise OverQuota("the account has no room for it")
    if messages > 0 and most is not None and count > most:
        raise OverQuota(f"the account may have {most} messages, no more")
