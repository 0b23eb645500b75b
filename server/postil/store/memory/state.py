"""Accounts, mailboxes and messages as plain objects, with their counters.

RFC 9051 §2.3 (what a message has), RFC 7162 §3.1 (modseqs), RFC 9208 (what quota counts). The counters are kept like the columns of
the other store, so that a mistake in keeping them shows in the same tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.store import LimitReached, Mailbox, OverQuota, Status
from postil.store.flagsets import FlagTable
from postil.store.generation import Columns, Row
from postil.store.ingest import Ingested, addressees
from postil.store.limits import (
    ACQUAINTANCES_KEPT,
    CORRESPONDENTS_MAX,
    FLAG_SETS_MAX,
    KEYWORDS_PER_MAILBOX_MAX,
    MARKED_MAX,
    UID_MAX,
)
from postil.store.picture import MailboxPicture

SEEN = "\\Seen"
DELETED = "\\Deleted"
SENT = "\\Sent"
RECENT = "\\recent"


@dataclass(frozen=True, slots=True)
class StoredBody:
    """Octets and what was understood of them."""

    octets: bytes
    record: Ingested
    object_id: str
    thread_id: str


@dataclass(slots=True)
class Message:
    """A message in its mailbox."""

    uid: int
    flags: frozenset[str]
    modseq: int
    size: int
    date: int
    save_date: int
    body: int


@dataclass(frozen=True, slots=True)
class Person:
    """What an account has to do with an address."""

    written_to: bool
    marked: int


@dataclass(slots=True)
class Account:
    """What belongs to an account and to none of its mailboxes."""

    id: AccountId
    limit: int | None = None
    limit_messages: int | None = None
    limit_mailboxes: int | None = None
    octets: int = 0
    messages: int = 0
    modseq: int = 1
    subscriptions: set[str] = field(default_factory=set)
    annotations: dict[str, bytes] = field(default_factory=dict)
    threads: dict[bytes, str] = field(default_factory=dict)
    people: dict[bytes, Person] = field(default_factory=dict)  # by address, the last touched last
    joined: dict[str, None] = field(default_factory=dict)  # threads, the same

    def sent(self, record: Ingested, thread: str) -> None:
        """A message has come into a mailbox with `\\Sent`."""
        people = sorted(addressees(record))
        if len(people) <= CORRESPONDENTS_MAX:
            for address in people:
                self.touch(address, True, 0)
        self.joined.pop(thread, None)
        self.joined[thread] = None
        while len(self.joined) > ACQUAINTANCES_KEPT:
            del self.joined[next(iter(self.joined))]

    def touch(self, address: bytes, written_to: bool, more: int) -> None:
        """Add to what is known of somebody; nothing known is not kept, and the oldest is forgotten."""
        known = self.people.pop(address, Person(False, 0))
        marked = max(-MARKED_MAX, min(MARKED_MAX, known.marked + more))
        if known.written_to or written_to or marked:
            self.people[address] = Person(known.written_to or written_to, marked)
        while len(self.people) > ACQUAINTANCES_KEPT:
            del self.people[next(iter(self.people))]

    def charge(self, octets: int, messages: int) -> None:
        """OverQuota when so many more octets or messages do not fit."""
        most = self.limit_messages
        if most is not None and messages > 0 and self.messages + messages > most:
            raise OverQuota(f"the account may have {most} messages, no more")
        if self.limit is not None and self.octets + octets > self.limit:
            raise OverQuota("the account's quota does not hold this")


class Box:
    """A mailbox: its messages by uid, its counters, and its picture."""

    def __init__(
        self,
        info: Mailbox,
        on_release: Callable[[Sequence[int]], None],
    ) -> None:
        self.info = info
        self.uidnext = 1
        self.modseq = 1
        self.recent_from = 1
        self.messages: dict[int, Message] = {}  # ascending uids: insertion order
        self.gone: list[tuple[int, int]] = []  # modseq, uid
        self.annotations: dict[str, bytes] = {}
        self.rights: dict[str, str] = {}
        self.flags = FlagTable()
        self.unseen = self.deleted = self.size = self.deleted_size = self.recent = 0
        self.picture = MailboxPicture(
            info.id,
            info.uidvalidity,
            Uid(1),
            ModSeq(1),
            self.flags,
            Columns.empty(),
            on_release,
        )

    def status(self) -> Status:
        """The counters."""
        return Status(
            messages=len(self.messages),
            unseen=self.unseen,
            deleted=self.deleted,
            size=self.size,
            deleted_size=self.deleted_size,
            recent=self.recent,
            uidnext=Uid(self.uidnext),
            uidvalidity=self.info.uidvalidity,
            highest_modseq=ModSeq(self.modseq),
            object_id=self.info.object_id,
        )

    def count(self, message: Message, sign: int) -> None:
        """Add a message to the counters, or take it out."""
        self.size += sign * message.size
        if SEEN not in message.flags:
            self.unseen += sign
        if DELETED in message.flags:
            self.deleted += sign
            self.deleted_size += sign * message.size
        if message.uid >= self.recent_from:
            self.recent += sign

    def check_flags(self, sets: Iterable[frozenset[str]]) -> None:
        """LimitReached when these sets cannot all be kept."""
        new = {frozenset(flag.lower() for flag in flags) for flags in sets}
        new = {folded for folded in new if self.flags.find(folded) is None}
        if len(self.flags) + len(new) > FLAG_SETS_MAX:
            raise LimitReached("the mailbox has too many different combinations of flags")
        known = {keyword.lower() for keyword in self.flags.keywords()}
        for folded in new:
            known |= {flag for flag in folded if not flag.startswith("\\")}
        if len(known) > KEYWORDS_PER_MAILBOX_MAX:
            raise LimitReached(
                f"a mailbox can have {KEYWORDS_PER_MAILBOX_MAX} different keywords, no more"
            )

    def check_uids(self, count: int) -> None:
        """LimitReached when so many uids are not left."""
        if self.uidnext + count - 1 > UID_MAX:
            raise LimitReached("the mailbox has used up its message numbers")

    def add(self, messages: Sequence[Message]) -> None:
        """Append messages that have their uids; the caller has checked everything."""
        modseq = messages[0].modseq
        rows = []
        for message in messages:
            number = self.flags.intern(message.flags)
            message.flags = self.flags.names(number)
            self.messages[message.uid] = message
            self.count(message, 1)
            rows.append(
                Row(
                    message.uid,
                    number,
                    message.size,
                    message.date,
                    message.save_date,
                    message.body,
                )
            )
        self.uidnext = messages[-1].uid + 1
        self.modseq = modseq
        self.picture.append(rows, ModSeq(modseq))

    def change(self, changed: Mapping[int, frozenset[str]]) -> ModSeq:
        """Give messages these flags and a modseq."""
        self.modseq += 1
        pairs = []
        for uid, flags in changed.items():
            message = self.messages[uid]
            self.count(message, -1)
            number = self.flags.intern(flags)
            message.flags = self.flags.names(number)
            message.modseq = self.modseq
            self.count(message, 1)
            pairs.append((uid, number))
        self.picture.change_flags(pairs, ModSeq(self.modseq))
        return ModSeq(self.modseq)

    def remove(self, uids: Sequence[int]) -> tuple[list[Message], list[int]]:
        """Expunge; the messages, and the bodies that a view still shows."""
        self.modseq += 1
        removed = []
        for uid in uids:
            message = self.messages.pop(uid)
            self.count(message, -1)
            self.gone.append((self.modseq, uid))
            removed.append(message)
        return removed, self.picture.expunge(uids, ModSeq(self.modseq))

    def bump(self) -> ModSeq:
        """Something else of the mailbox changed."""
        self.modseq += 1
        self.picture.raise_modseq(ModSeq(self.modseq))
        return ModSeq(self.modseq)


def stored_flags(flags: Iterable[str]) -> frozenset[str]:
    """Without `\\Recent`, which no client sets (RFC 3501 §2.3.2)."""
    return frozenset(flag for flag in flags if flag.lower() != RECENT)


def mailbox_id(number: int) -> MailboxId:
    """A row number as what it is."""
    return MailboxId(number)
