"""What surrounds a mailbox: subscriptions, attributes, rights, annotations, and who was told of \\Recent.

RFC 9051 §6.3.7 (SUBSCRIBE), RFC 6154 (special use), RFC 4314 (rights), RFC 5464 (METADATA), RFC 3501 §2.3.2 (\\Recent).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.store import NoSuchMailbox
from postil.store import entries
from postil.store.entries import Room
from postil.store.events import Annotated, ModseqRaised
from postil.store.requests import Intent
from postil.store.transaction import Transaction


@dataclass(slots=True)
class Subscribe(Intent[None]):
    """Set or clear; idempotent."""

    account: AccountId
    name: str
    wanted: bool

    def execute(self, tx: Transaction) -> None:
        if self.wanted:
            tx.run("INSERT OR IGNORE INTO subscription VALUES (?,?)", (self.account, self.name))
        else:
            tx.run("DELETE FROM subscription WHERE account=? AND name=?", (self.account, self.name))
        if tx.db.changes():
            tx.list_changed(self.account)


@dataclass(slots=True)
class SetSpecialUse(Intent[None]):
    """Replace the owner's attributes of a mailbox."""

    mailbox: MailboxId
    special_use: frozenset[str]

    def execute(self, tx: Transaction) -> None:
        box = tx.mailbox(self.mailbox)
        tx.run("DELETE FROM special_use WHERE mailbox=? AND account=?", (self.mailbox, box.account))
        for attribute in sorted(self.special_use):
            tx.run("INSERT INTO special_use VALUES (?,?,?)", (self.mailbox, attribute, box.account))
        tx.list_changed(box.account)


@dataclass(slots=True)
class SetRights(Intent[None]):
    """Replace or remove an identifier's rights."""

    mailbox: MailboxId
    identifier: str
    rights: str | None

    def execute(self, tx: Transaction) -> None:
        box = tx.mailbox(self.mailbox)
        if self.rights is None:
            tx.run(
                "DELETE FROM rights WHERE mailbox=? AND identifier=?",
                (self.mailbox, self.identifier),
            )
        else:
            tx.run(
                "INSERT INTO rights VALUES (?1,?2,?3)"
                " ON CONFLICT (mailbox, identifier) DO UPDATE SET rights=?3",
                (self.mailbox, self.identifier, self.rights),
            )
        tx.list_changed(box.account)


@dataclass(slots=True)
class Annotate(Intent[ModSeq]):
    """Set or remove entries of a mailbox, or of the server as this account sees it."""

    account: AccountId
    mailbox: MailboxId | None
    values: Mapping[str, bytes | None]
    special_use: frozenset[str] | None = None  # the mailbox's new attributes

    def execute(self, tx: Transaction) -> ModSeq:
        box = None if self.mailbox is None else tx.mailbox(self.mailbox)
        if box is not None and box.account != self.account:
            raise NoSuchMailbox("the mailbox belongs to another account")
        where = (self.account, self.mailbox or 0)
        entries.check(*_room(tx, *where), self.values)
        for entry, value in self.values.items():
            if value is None:
                tx.run(
                    "DELETE FROM annotation WHERE account=? AND mailbox=? AND user=0 AND entry=?",
                    (*where, entry),
                )
            else:
                tx.run(
                    "INSERT INTO annotation VALUES (?1,?2,0,?3,?4)"
                    " ON CONFLICT (account, mailbox, user, entry) DO UPDATE SET value=?4",
                    (*where, entry, value),
                )
        names = tuple(self.values)
        if box is None:
            modseq = tx.list_changed(self.account)
            tx.tell(Annotated(self.account, None, modseq, names))
            return modseq
        if self.special_use is not None:
            SetSpecialUse(box.id, self.special_use).execute(tx)
        modseq = ModSeq(box.highest_modseq + 1)
        tx.run("UPDATE mailbox SET highest_modseq=? WHERE id=?", (modseq, box.id))
        tx.tell(ModseqRaised(box.account, box.id, modseq))
        tx.tell(Annotated(box.account, box.id, modseq, names))
        return modseq


def _room(tx: Transaction, account: AccountId, mailbox: int) -> tuple[Room, dict[str, int]]:
    """What the account's entries take, and the sizes of those of the mailbox."""
    count, octets = tx.one(
        "SELECT count(*), coalesce(sum(length(value)), 0) FROM annotation WHERE account=?",
        (account,),
    )
    own = tx.every(
        "SELECT entry, length(value) FROM annotation WHERE account=? AND mailbox=? AND user=0",
        (account, mailbox),
    )
    return Room(count, octets), dict(own)


@dataclass(slots=True)
class ClaimRecent(Intent[Uid]):
    """This session is the one that is told of the new messages as \\Recent."""

    mailbox: MailboxId

    def execute(self, tx: Transaction) -> Uid:
        box = tx.mailbox(self.mailbox)
        tx.run(
            "UPDATE mailbox SET recent_from=uidnext, recent=0 WHERE id=? AND recent_from<>uidnext",
            (self.mailbox,),
        )
        return Uid(box.recent_from)
