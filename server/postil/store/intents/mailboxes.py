"""Mailboxes are made, renamed, deleted; accounts get theirs and lose them.

RFC 9051 §6.3.4 (CREATE), §6.3.5 (DELETE), §6.3.6 (RENAME), §2.3.1.1 (uidvalidity), RFC 6154 §2 (special use), RFC 8474 §4 (MAILBOXID).
"""

from __future__ import annotations

from dataclasses import dataclass

from postil.base.ids import object_id
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import LimitReached, Mailbox, MailboxExists, NotPermitted, OverQuota
from postil.store.events import MailboxGone
from postil.store.intents.copying import transfer
from postil.store.limits import MAILBOXES_PER_ACCOUNT_MAX
from postil.store.names import INBOX, USUAL, check_name, superiors
from postil.store.requests import Intent
from postil.store.transaction import Transaction


@dataclass(slots=True)
class Provision(Intent[None]):
    """An account's row, quota, INBOX and usual mailboxes; idempotent."""

    account: AccountId
    limit_octets: int | None
    limit_messages: int | None = None
    limit_mailboxes: int | None = None

    def execute(self, tx: Transaction) -> None:
        tx.run(
            "INSERT INTO account (id, limit_octets, limit_messages, limit_mailboxes) VALUES (?1,?2,?3,?4)"
            " ON CONFLICT (id) DO UPDATE SET limit_octets=?2, limit_messages=?3, limit_mailboxes=?4",
            (self.account, self.limit_octets, self.limit_messages, self.limit_mailboxes),
        )
        if _exists(tx, self.account, INBOX):
            # Somebody deleted or renamed the others on purpose: only INBOX must be there.
            return
        for name, attribute in ((INBOX, None), *USUAL):
            if not _exists(tx, self.account, name):
                # What everybody gets is there whatever the quota: without it no mail arrives.
                uses = frozenset((attribute,) if attribute else ())
                make(tx, self.account, name, uses, within_quota=False)
            tx.run("INSERT OR IGNORE INTO subscription VALUES (?,?)", (self.account, name))
        tx.list_changed(self.account)


@dataclass(slots=True)
class Create(Intent[Mailbox]):
    """A mailbox and its missing superiors."""

    account: AccountId
    name: str
    special_use: frozenset[str]

    def execute(self, tx: Transaction) -> Mailbox:
        check_name(self.name)
        if _exists(tx, self.account, self.name):
            raise MailboxExists(f"mailbox {self.name} exists")
        _make_superiors(tx, self.account, self.name)
        mailbox = make(tx, self.account, self.name, self.special_use)
        tx.list_changed(self.account)
        return mailbox


@dataclass(slots=True)
class Delete(Intent[None]):
    """The name is free at once; messages are purged in the background."""

    account: AccountId
    name: str

    def execute(self, tx: Transaction) -> None:
        if self.name == INBOX:
            raise NotPermitted("INBOX cannot be deleted")
        doom(tx, tx.named(self.account, self.name))
        tx.list_changed(self.account)


@dataclass(slots=True)
class Rename(Intent[None]):
    """A mailbox and its inferiors; INBOX hands over its messages and stays."""

    account: AccountId
    old: str
    new: str

    def execute(self, tx: Transaction) -> None:
        source = tx.named(self.account, self.old)
        check_name(self.new)
        if self.new.startswith(self.old + "/") and self.old != INBOX:
            raise NotPermitted("a mailbox cannot be moved below itself")
        if _exists(tx, self.account, self.new):
            raise MailboxExists(f"mailbox {self.new} exists")
        if self.old == INBOX:
            # RFC 9051 §6.3.6: "It moves all messages in INBOX to a new mailbox with the given name, leaving INBOX empty."
            # Inferiors of INBOX stay where they are.
            _make_superiors(tx, self.account, self.new)
            target = make(tx, self.account, self.new, frozenset(), from_inbox=True)
            transfer(tx, tx.mailbox(source), tx.mailbox(target.id), None, moving=True)
            # RFC 5464 §4.1: "with the additional behavior that the annotations are copied from the original INBOX to the
            # renamed mailbox, i.e., mailbox annotations are preserved on the INBOX when it is renamed."
            tx.run(
                "INSERT INTO annotation SELECT account, ?, user, entry, value FROM annotation"
                " WHERE account=? AND mailbox=?",
                (target.id, self.account, source),
            )
            tx.list_changed(self.account)
            return
        below = self.old + "/"
        clash = tx.first(
            "SELECT a.name FROM mailbox AS a JOIN mailbox AS b ON b.account=a.account"
            " AND b.name = ?3 || substr(a.name, length(?2))"
            " WHERE a.account=?1 AND substr(a.name, 1, length(?2)) = ?2"
            " AND b.name <> ?4 AND substr(b.name, 1, length(?2)) <> ?2",
            (self.account, below, self.new, self.old),
        )
        if clash is not None:
            raise MailboxExists(f"renaming {clash[0]} would meet a mailbox that exists")
        # Two steps, because a new name may be the old one of another that moves too; no name has control characters.
        tx.run(
            "UPDATE mailbox SET name = char(1) || ?3 || substr(name, length(?2))"
            " WHERE account=?1 AND (name = ?4 OR substr(name, 1, length(?2)) = ?2)",
            (self.account, below, self.new, self.old),
        )
        tx.run(
            "UPDATE mailbox SET name = substr(name, 2)"
            " WHERE account=? AND substr(name, 1, 1) = char(1)",
            (self.account,),
        )
        _make_superiors(tx, self.account, self.new)
        tx.list_changed(self.account)


@dataclass(slots=True)
class Erase(Intent[None]):
    """Everything an account has."""

    account: AccountId

    def execute(self, tx: Transaction) -> None:
        for (mailbox,) in tx.every(
            "SELECT id FROM mailbox WHERE account=? AND doomed=0", (self.account,)
        ):
            doom(tx, mailbox)
        tx.list_changed(self.account)
        for table in (
            "subscription",
            "special_use",
            "annotation",
            "threading",
            "acquaintance",
            "joined",
        ):
            tx.run(f"DELETE FROM {table} WHERE account=?", (self.account,))
        tx.run("DELETE FROM account WHERE id=?", (self.account,))


def make(
    tx: Transaction,
    account: AccountId,
    name: str,
    special_use: frozenset[str],
    *,
    within_quota: bool = True,
    from_inbox: bool = False,
) -> Mailbox:
    """The rows of a new mailbox. OverQuota, LimitReached."""
    tx.run("INSERT INTO account (id) VALUES (?) ON CONFLICT DO NOTHING", (account,))
    mailboxes, most = tx.one(
        "UPDATE account SET mailboxes=mailboxes+1 WHERE id=? RETURNING mailboxes, limit_mailboxes",
        (account,),
    )
    if within_quota and most is not None and mailboxes > most:
        raise OverQuota(f"the account may have {most} mailboxes, no more")
    if mailboxes > MAILBOXES_PER_ACCOUNT_MAX:
        raise LimitReached(f"an account can have {MAILBOXES_PER_ACCOUNT_MAX} mailboxes, no more")
    # RFC 9051 §2.3.1.1: a name that comes back must come with a greater uidvalidity, so one counter serves
    # the whole shard; it follows the clock, so that a shard made anew does not begin where the lost one did.
    (uidvalidity,) = tx.one(
        "UPDATE meta SET value=max(value+1, ?) WHERE key='uidvalidity' RETURNING value", (tx.now,)
    )
    identity = object_id("F")
    (number,) = tx.one(
        "INSERT INTO mailbox (account, name, object_id, uidvalidity, from_inbox) VALUES (?,?,?,?,?) RETURNING id",
        (account, name, identity, uidvalidity, from_inbox),
    )
    mailbox = MailboxId(number)
    for attribute in sorted(special_use):
        tx.run("INSERT INTO special_use VALUES (?,?,?)", (mailbox, attribute, account))
    return Mailbox(mailbox, account, name, uidvalidity, identity, special_use, from_inbox)


def doom(tx: Transaction, mailbox: MailboxId) -> None:
    """Take a mailbox out of its account; `upkeep.Purge` removes its messages later."""
    account, octets, messages = tx.one(
        "SELECT account, size, messages FROM mailbox WHERE id=?", (mailbox,)
    )
    tx.run("UPDATE mailbox SET doomed=1, name=NULL WHERE id=?", (mailbox,))
    tx.run(
        "UPDATE account SET mailboxes=mailboxes-1, octets=octets-?2, messages=messages-?3 WHERE id=?1",
        (account, octets, messages),
    )
    for table in ("special_use", "rights", "annotation"):
        tx.run(f"DELETE FROM {table} WHERE mailbox=?", (mailbox,))
    tx.tell(MailboxGone(account, mailbox))


def _exists(tx: Transaction, account: AccountId, name: str) -> bool:
    return tx.first("SELECT 1 FROM mailbox WHERE account=? AND name=?", (account, name)) is not None


def _make_superiors(tx: Transaction, account: AccountId, name: str) -> None:
    for superior in superiors(name):
        if not _exists(tx, account, superior):
            make(tx, account, superior, frozenset())
