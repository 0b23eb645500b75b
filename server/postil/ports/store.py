"""Where mail is kept: the one interface between the protocols and whatever stores.

Shapes. Names of mailboxes are `str` in NFC with "/" between levels, `INBOX` in capitals. Sizes are octets,
times are whole seconds since the epoch. Flags are `str`, system flags spelled as in the RFC (`\\Seen`),
keywords as first spelled, compared without case; `\\Recent` is never stored.

Writes are intents, evaluated in the order in which they were called for one account and acknowledged only when they are
on disk: when an awaited write returns, a power cut cannot take it back, and every open `View` already shows it. Each is all or
nothing. A write raises a `StoreError`; then nothing has changed. Cancelling the await does not cancel the write.

Reads never wait for the disk's sync, and give at most what they say: `details` 256 messages at a time.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.picture import View


class StoreError(Exception):
    """The store refused; the text may be shown to the client."""


class NoSuchMailbox(StoreError):
    """No mailbox of that name or id (RFC 5530 NONEXISTENT, TRYCREATE)."""


class NoSuchMessage(StoreError):
    """The message has been expunged meanwhile (RFC 5530 EXPUNGEISSUED)."""


class MailboxExists(StoreError):
    """The name is taken (RFC 5530 ALREADYEXISTS)."""


class NotPermitted(StoreError):
    """The mailbox forbids it for everyone, such as deleting INBOX (RFC 5530 CANNOT)."""


class OverQuota(StoreError):
    """The account's quota does not hold it (RFC 5530 OVERQUOTA, 452 4.2.2)."""


class LimitReached(StoreError):
    """A limit of the store: mailboxes, keywords, uids used up (RFC 5530 LIMIT)."""


class TooManyEntries(LimitReached):
    """No more annotations (RFC 5464 TOOMANY)."""


class EntriesTooLarge(LimitReached):
    """Annotations take too many octets (RFC 5464 MAXSIZE); a value of `room` octets would still be taken."""

    def __init__(self, room: int) -> None:
        super().__init__("the annotations would take too much room")
        self.room = room


class StoreUnavailable(StoreError):
    """For now: disk full or read-only, shard closed; try again later (RFC 5530 UNAVAILABLE, 452 4.3.1)."""


class Corrupt(StoreError):
    """What is on disk is not what was written; this message only (RFC 5530 SERVERBUG)."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as lists show it."""

    id: MailboxId
    account: AccountId
    name: str
    uidvalidity: int
    object_id: str
    special_use: frozenset[str] = frozenset()  # `\\Sent`, `\\Archive` … RFC 6154 §2
    from_inbox: bool = False  # a rename of INBOX made it


@dataclass(frozen=True, slots=True)
class Status:
    """The counters of a mailbox; columns in the store, never counted."""

    messages: int
    unseen: int
    deleted: int
    size: int
    deleted_size: int
    recent: int
    uidnext: Uid
    uidvalidity: int
    highest_modseq: ModSeq
    object_id: str


@dataclass(frozen=True, slots=True)
class Staged:
    """Octets handed over by a `BodyWriter`, not yet a message; `discard` it or append it once."""

    number: int
    size: int


class BodyWriter(Protocol):
    """Takes a message in pieces, in memory while small, in a file of its own when big."""

    async def write(self, piece: bytes | memoryview) -> None:
        """Add octets; may wait for the disk. StoreUnavailable when there is no space."""
        ...

    async def finish(self) -> Staged:
        """All is here: parse it (in slices; may take a while for a big one) and keep it for an append."""
        ...

    async def abort(self) -> None:
        """Throw away; idempotent, also after `finish` was never called."""
        ...


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be appended."""

    body: Staged
    flags: frozenset[str] = frozenset()
    internal_date: int | None = None  # None: now
    prefix: bytes = b""  # header fields to stand before the body's octets (Return-Path, Received)


@dataclass(frozen=True, slots=True)
class Appended:
    """Where appended messages went; uids in the order of the messages given."""

    mailbox: MailboxId
    uidvalidity: int
    uids: tuple[Uid, ...]
    modseq: ModSeq


class FlagChange(enum.Enum):
    """What STORE does with its flags."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class Flagged:
    """What a flag change did. `changed` got `modseq`; `conflicts` were above `unless_modseq`; the rest was as asked."""

    changed: tuple[Uid, ...]
    conflicts: tuple[Uid, ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy or move: pairs of uids, ascending in the source."""

    mailbox: MailboxId
    uidvalidity: int
    sources: tuple[Uid, ...]
    targets: tuple[Uid, ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Details:
    """What FETCH needs of a message beyond the picture; IMAP octets ready to send.

    `plain`: envelope, body and structure are ASCII and the same for every client; otherwise they
    are made per session from the octets (`Store.body`) because UTF-8 in quoted strings needs ENABLE.
    """

    uid: Uid
    plain: bool
    envelope: bytes
    bodystructure: bytes
    header: (
        bytes | None
    )  # the message header incl. blank line when at most 8 KiB, else None: read the body
    object_id: str  # EMAILID
    thread_id: str
    preview: str


class Column(enum.Enum):
    """What `Store.ready` gives of many messages at once."""

    ENVELOPE = enum.auto()
    BODYSTRUCTURE = enum.auto()


class Body(Protocol):
    """A stored message's octets; readable while the view it came from is open."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, length: int) -> bytes:
        """Octets of a slice, inline; at most 1 MiB a call. Corrupt when they fail their checksum."""
        ...

    def buffer(self) -> bytes:
        """The whole message in memory; only sensible for small ones (see `size`)."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """A hint that something was committed; the truth is in the picture and the lists."""

    account: AccountId
    mailbox: MailboxId | None  # None: the list of mailboxes or subscriptions
    modseq: ModSeq
    entries: tuple[str, ...] = ()  # annotations that were set or removed, with this very modseq


class SearchField(enum.Enum):
    """Which text of a message a substring search looks at (RFC 9051 §6.4.4)."""

    TEXT = "text"  # header and body
    BODY = "body"
    HEADER = (
        "header"  # one field, named in `TextSearch.field`; an empty needle means "has the field"
    )


@dataclass(frozen=True, slots=True)
class TextSearch:
    """A substring search under i;unicode-casemap (RFC 5051), decoded text against decoded text."""

    where: SearchField
    needle: str
    field: str = ""  # lower case name of the header field for HEADER


IMPORTANT = "$Important"
"""RFC 8457 §2: the keyword whose setting and clearing is counted for whoever wrote the message."""


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What an account has to do with whoever wrote a message, and with what the message answers."""

    written_to: bool = False  # a message to the address came into a mailbox with `\\Sent`
    in_thread: bool = False  # so did a message of the same thread
    marked: int = (
        0  # how often $Important was set on mail from there, less how often cleared; -5 to 5
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account uses (RFC 9208 STORAGE in octets here, MESSAGE, MAILBOX)."""

    octets: int
    messages: int
    mailboxes: int


class Store(Protocol):
    """Mail of all accounts of one machine."""

    # --- mailboxes

    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        """All mailboxes by name; INBOX always exists once `provision` ran."""
        ...

    async def provision(
        self,
        account: AccountId,
        limit_octets: int | None,
        limit_messages: int | None = None,
        limit_mailboxes: int | None = None,
    ) -> None:
        """Make the account's INBOX and usual special-use mailboxes if missing; set its quota (None: none)."""
        ...

    async def create(
        self, account: AccountId, name: str, special_use: frozenset[str] = frozenset()
    ) -> Mailbox:
        """A new mailbox, with missing superiors; never reuses a uidvalidity. MailboxExists, LimitReached."""
        ...

    async def delete(self, account: AccountId, name: str) -> None:
        """The mailbox and its messages; inferiors stay. NoSuchMailbox, NotPermitted (INBOX)."""
        ...

    async def rename(self, account: AccountId, old: str, new: str) -> None:
        """With inferiors; INBOX moves its messages and stays (RFC 9051 §6.3.6). NoSuchMailbox, MailboxExists."""
        ...

    async def subscriptions(self, account: AccountId) -> frozenset[str]:
        """Subscribed names, also of mailboxes that do not exist."""
        ...

    async def subscribe(self, account: AccountId, name: str, wanted: bool) -> None:
        """Set or clear a subscription; idempotent."""
        ...

    async def status(self, mailbox: MailboxId) -> Status:
        """The counters now."""
        ...

    # --- messages in

    def stage(self, account: AccountId | None, expected: int | None) -> BodyWriter:
        """Begin to take a message of about `expected` octets (None: unknown)."""
        ...

    async def discard(self, body: Staged) -> None:
        """Forget a staged body; idempotent. A staged body may be appended several times before it is discarded."""
        ...

    async def append(self, mailbox: MailboxId, messages: Sequence[NewMessage]) -> Appended:
        """All messages or none, one transaction. OverQuota, NoSuchMailbox, LimitReached, StoreUnavailable."""
        ...

    async def replace(
        self, source: MailboxId, uid: Uid, target: MailboxId, message: NewMessage
    ) -> Appended:
        """Append one message and expunge another, one transaction; quotas see the difference. As `append`, NoSuchMessage."""
        ...

    async def deliver(self, targets: Sequence[tuple[MailboxId, NewMessage]]) -> Sequence[Appended]:
        """Into mailboxes of several accounts, all or nothing."""
        ...

    async def acquaintance(self, account: AccountId, body: Staged) -> Acquaintance:
        """What `append` into mailboxes with `\\Sent`, and `change_flags`, have taught about its author and its thread."""
        ...

    # --- messages changed

    async def change_flags(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        change: FlagChange,
        flags: frozenset[str],
        unless_modseq: ModSeq | None = None,
    ) -> Flagged:
        """Uids that are gone are ignored; a modseq is spent only when something changed. LimitReached (keywords)."""
        ...

    async def copy(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        """Flags, internal date and object id are kept, save date is now; uids that are gone are left out."""
        ...

    async def move(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        """A copy and an expunge in one transaction."""
        ...

    async def expunge(
        self, mailbox: MailboxId, uids: Sequence[Uid] | None, marked_only: bool = True
    ) -> tuple[Uid, ...]:
        """Remove messages: those with \\Deleted (among `uids`, or all), or with `marked_only=False` exactly `uids`."""
        ...

    def gone(self, mailbox: MailboxId, since: ModSeq) -> AsyncIterator[Sequence[Uid]]:
        """Uids expunged with a modseq above `since`, up to now (RFC 7162 VANISHED (EARLIER)): pages for one turn of the loop each, every
        page ascending."""
        ...

    async def claim_recent(self, mailbox: MailboxId) -> Uid:
        """The lowest uid that no session was told of as \\Recent yet; afterwards nobody else gets it (RFC 3501 §2.3.2)."""
        ...

    # --- messages read

    async def open(self, mailbox: MailboxId) -> View:
        """A session's view; NoSuchMailbox. Close it."""
        ...

    async def details(
        self, view: View, positions: Sequence[int], *, header: bool = True
    ) -> Sequence[Details]:
        """At most 256 positions of the view's generation, same order; dead ones too while the view pins them.

        `header=False` leaves `Details.header` None and saves two thirds of the time.
        """
        ...

    async def ready(
        self, view: View, positions: Sequence[int], columns: Sequence[Column]
    ) -> Sequence[Sequence[str]] | None:
        """For each column its texts, in the order of `positions` (at most 256, at least one): lists of mail.

        None unless all the messages are `Details.plain`; Corrupt when one cannot be read.
        """
        ...

    async def headers(self, view: View, positions: Sequence[int]) -> Sequence[bytes | None]:
        """`Details.header` of at most 256 messages; also None where it cannot be read: `body` says why."""
        ...

    async def body(self, view: View, position: int) -> Body:
        """The message's octets; raises NoSuchMailbox never, Corrupt when the record fails its checksum."""
        ...

    async def search(self, view: View, positions: Sequence[int], what: TextSearch) -> Sequence[int]:
        """Those of `positions` whose text holds the needle, ascending; exact, index or not, and yields to the loop."""
        ...

    # --- everything around

    def listen(self, account: AccountId, hear: Callable[[Change], None]) -> Callable[[], None]:
        """Call `hear` in the loop after each commit that concerns the account; returns the way to stop."""
        ...

    async def usage(self, account: AccountId) -> Usage:
        """What the account uses now."""
        ...

    def free_octets(self) -> int:
        """What mail may still fill of the disk."""
        ...

    async def set_special_use(self, mailbox: MailboxId, special_use: frozenset[str]) -> None:
        """Replace the attributes of a mailbox."""
        ...

    async def annotations(
        self, account: AccountId, mailbox: MailboxId | None
    ) -> Mapping[str, bytes]:
        """All metadata entries of a mailbox, or of the account's server entries (RFC 5464)."""
        ...

    async def annotate(
        self,
        account: AccountId,
        mailbox: MailboxId | None,
        values: Mapping[str, bytes | None],
        special_use: frozenset[str] | None = None,
    ) -> ModSeq:
        """Set or (None) remove entries, all or nothing; raises the mailbox's modseq. TooManyEntries, EntriesTooLarge.

        `special_use`: the mailbox's new attributes, in the same transaction; None leaves them alone.
        """
        ...

    async def rights(self, mailbox: MailboxId) -> Mapping[str, str]:
        """Identifier to rights letters (RFC 4314); the owner always has all and is not listed."""
        ...

    async def set_rights(self, mailbox: MailboxId, identifier: str, rights: str | None) -> None:
        """Set or remove an identifier's rights."""
        ...

    async def erase(self, account: AccountId) -> None:
        """Remove all of an account's mailboxes and messages."""
        ...
