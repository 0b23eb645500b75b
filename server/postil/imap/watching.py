"""NOTIFY: what a session wants to hear of other mailboxes, and what there is to tell.

RFC 5465 §5, §6. The change feed says which mailbox changed; the difference between what was last told and what is now says how. So a hundred
deliveries while the client is slow are one STATUS, and what is kept is bounded by the mailboxes there are.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import limits, listing
from postil.imap.commands import status
from postil.imap.extensions import condstore
from postil.imap.filters import Mailboxes
from postil.imap.listing import Tree
from postil.imap.names import INBOX
from postil.ports.ids import MailboxId, ModSeq
from postil.ports.store import Change, Mailbox, NoSuchMailbox, Status

if TYPE_CHECKING:
    from postil.imap.fetch.items import Item
    from postil.imap.session import Session


class Event(enum.Flag):
    """What may happen."""

    NEW = enum.auto()
    EXPUNGE = enum.auto()
    FLAGS = enum.auto()
    NAMES = enum.auto()
    SUBSCRIPTIONS = enum.auto()
    NOTES = enum.auto()
    SERVER_NOTES = enum.auto()
    NOTHING = 0


# RFC 5465 §5.8
OVERFLOW: Final = b"* OK [NOTIFICATIONOVERFLOW] Too much to tell: NOTIFY is as NONE now\r\n"
MESSAGES: Final = Event.NEW | Event.EXPUNGE | Event.FLAGS


@dataclass(frozen=True, slots=True)
class Selected:
    """What to tell of the selected mailbox."""

    events: Event = Event.NOTHING
    items: tuple[Item, ...] = ()  # FETCH items of new messages
    delayed: bool = False  # RFC 5465 §6.1.2


@dataclass(frozen=True, slots=True)
class Group:
    """Events of some other mailboxes."""

    mailboxes: Mailboxes
    events: Event


@dataclass(frozen=True, slots=True)
class Wish:
    """One NOTIFY command."""

    selected: Selected = Selected()
    groups: tuple[Group, ...] = ()

    def events(self, name: str, subscribed: frozenset[str]) -> Event:
        """What to tell of a mailbox that is not selected."""
        found = Event.NOTHING
        for group in self.groups:
            if group.mailboxes.covers(name, subscribed):
                found |= group.events
        return found

    @property
    def everything(self) -> Event:
        """The events of all groups."""
        found = Event.NOTHING
        for group in self.groups:
            found |= group.events
        return found


class Watch:
    """A wish, and what has been told of it."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self._known: dict[MailboxId, Status] = {}
        self._tree = Tree({})
        self._changed: dict[MailboxId, None] = {}
        self._list_changed = False
        self._own_names: set[str] = set()

    async def begin(self, session: Session) -> None:
        """Remember how everything is."""
        self._tree = await _tree(session)
        for mailbox in self.watched(self._tree):
            if (now := await _status_of(session, mailbox)) is not None:
                self._known[mailbox.id] = now
            if len(self._known) % limits.STATUS_PAGE == 0:
                await session.pause()

    def watched(self, tree: Tree) -> Iterator[Mailbox]:
        """Mailboxes of whose messages something is told."""
        for name, mailbox in tree.mailboxes.items():
            if self.wish.events(name, tree.subscribed) & MESSAGES:
                yield mailbox

    async def first(self, session: Session) -> AsyncIterator[bytes]:
        """STATUS of every watched mailbox, as it was when the watch began."""
        for number, mailbox in enumerate(self.watched(self._tree)):
            if session.view is not None and session.view.mailbox.id == mailbox.id:
                continue
            events = self.wish.events(mailbox.name, self._tree.subscribed)
            # RFC 5465 §3.1: "If MessageNew is enabled, the STATUS response MUST contain MESSAGES, UIDNEXT, and UIDVALIDITY. If
            # MessageExpunge is enabled, the STATUS response MUST contain MESSAGES."
            items: tuple[str, ...] = ("MESSAGES", "UIDNEXT", "UIDVALIDITY")
            if events & Event.FLAGS and session.offers(condstore.NAME):
                # RFC 5465 §3.1: "If either AnnotationChange or FlagChange are included and the server also supports the
                # CONDSTORE [RFC4551] and/or QRESYNC [RFC5162] extensions, the STATUS response MUST contain UIDVALIDITY and
                # HIGHESTMODSEQ."
                items += ("HIGHESTMODSEQ",)
            # As the watch knows it: whatever happens behind this moment is told afterwards.
            if (known := self._known.get(mailbox.id)) is not None:
                yield status.text(session, mailbox, items, known)
            if number % limits.STATUS_PAGE == limits.STATUS_PAGE - 1:
                await session.pause()

    # --- what happened

    def hear(self, change: Change) -> bool:
        """The store has committed something; True when there may be something to tell."""
        wanted = self.wish.everything
        if change.entries:
            kind = Event.SERVER_NOTES if change.mailbox is None else Event.NOTES
            return bool(wanted & kind)
        if change.mailbox is None:
            self._list_changed = bool(wanted)
            return self._list_changed
        if wanted & MESSAGES:
            self._changed[change.mailbox] = None
            return True
        return False

    async def caused(self, session: Session, mailbox: MailboxId, modseq: ModSeq) -> None:
        """The client itself did what got this modseq."""
        # RFC 5465 §5: "The server SHOULD omit notifying the client if the event is caused by this client."
        known = self._known.get(mailbox)
        if known is not None and known.highest_modseq + 1 == modseq:
            now = await session.store.status(mailbox)
            if now.highest_modseq == modseq:
                self._known[mailbox] = now

    def caused_names(self, names: Iterable[str]) -> None:
        """The client itself made, deleted, renamed or subscribed these."""
        self._own_names.update(names)

    # --- what to tell

    async def lines(self, session: Session) -> AsyncIterator[bytes]:
        """LIST and STATUS responses for what changed."""
        if self._list_changed:
            self._list_changed = False
            before = self._tree
            for line in self._names(session, await _tree(session)):
                yield line
            await self._begin_others(session, before)
        changed, self._changed = self._changed, {}
        if len(changed) > limits.NOTIFY_CHANGED:
            # RFC 5465 §5.8: "It MUST notify these clients by sending an untagged "OK [NOTIFICATIONOVERFLOW]" response and behave
            # as if a NOTIFY NONE command had just been received."
            session.news.watch = nothing()
            yield OVERFLOW
            return
        boxes = {mailbox.id: mailbox for mailbox in self._tree.mailboxes.values()}
        for number, id_ in enumerate(changed):
            mailbox = boxes.get(id_)
            if mailbox is not None:
                yield await self._status(session, mailbox)
            if number % limits.STATUS_PAGE == limits.STATUS_PAGE - 1:
                await session.pause()

    async def _begin_others(self, session: Session, before: Tree) -> None:
        """Mailboxes that are watched from now on: new ones, and those that a subscription or a new name brought in."""
        known = {mailbox.id for mailbox in before.mailboxes.values()}
        for mailbox in self.watched(self._tree):
            if mailbox.id not in self._known:
                now = await _status_of(session, mailbox)
                # Of a new mailbox with messages, or under a name that another had, the client is told all.
                same_name = mailbox.name in before.mailboxes
                if now and (mailbox.id in known or not (same_name or now.uidnext > 1)):
                    self._known[mailbox.id] = now

    async def _status(self, session: Session, mailbox: Mailbox) -> bytes:
        """STATUS of a mailbox, when what changed is wanted."""
        events = self.wish.events(mailbox.name, self._tree.subscribed) & MESSAGES
        if not events:
            return b""
        before = self._known.get(mailbox.id)
        now = await _status_of(session, mailbox)
        if now is None:
            return b""
        self._known[mailbox.id] = now
        if session.view is not None and session.view.mailbox.id == mailbox.id:
            # RFC 5465 §6: "SELECTED overrides all other message event definitions for the currently selected mailbox"
            return b""
        items = _items(session, events, before, now)
        return status.text(session, mailbox, items, now) if items else b""

    def _names(self, session: Session, now: Tree) -> Iterator[bytes]:
        """LIST of names that came, went, were renamed or (un)subscribed."""
        before, self._tree = self._tree, now
        own, self._own_names = self._own_names, set()
        old_names = {mailbox.id: name for name, mailbox in before.mailboxes.items()}
        new_names = {mailbox.id: name for name, mailbox in now.mailboxes.items()}
        for id_ in [id_ for id_ in self._known if id_ not in new_names]:
            del self._known[id_]
        affected: dict[str, str | None] = {}  # name: what it was called
        for id_, name in new_names.items():
            old = old_names.get(id_)
            if old is None:
                self._changed[id_] = None
                if now.mailboxes[name].from_inbox:
                    # RFC 5465 §5.4: "When INBOX is renamed, a new INBOX is assumed to be created. No MailboxName event is
                    # sent for INBOX in this case." So the mailbox that holds its messages is INBOX with another name
                    affected[name] = INBOX
                else:
                    affected.update(
                        {one: None for one in _with_parent(name) if one not in affected}
                    )
            elif old != name and not _follows(old, name, old_names, new_names, before):
                affected[name] = old
        for id_, name in old_names.items():
            if id_ not in new_names:
                # RFC 5465 §5.4: "If a mailbox is created or deleted, the mailbox itself and its direct parent (whether it is an
                # existing mailbox or not) are considered to be affected."
                affected.update({one: None for one in _with_parent(name) if one not in affected})
        turned = before.subscribed ^ now.subscribed
        for name in sorted({*affected, *turned}):
            wanted = self.wish.events(name, now.subscribed | before.subscribed)
            if name in own or affected.get(name) in own:
                continue
            if (name in affected and wanted & Event.NAMES) or (
                name in turned and wanted & Event.SUBSCRIPTIONS
            ):
                yield _line(session, now, name, affected.get(name))


def nothing() -> Watch:
    """NOTIFY NONE."""
    return Watch(Wish())


def _items(session: Session, events: Event, before: Status | None, now: Status) -> tuple[str, ...]:
    """The status items that say what changed; none when nobody wants to know."""
    flags = bool(events & Event.FLAGS)
    unseen = ("UNSEEN",) if flags and (before is None or before.unseen != now.unseen) else ()
    # RFC 5465 §5.2: "If the CONDSTORE extension [RFC4551] and/or the QRESYNC extension [RFC5162] is enabled, the HIGHESTMODSEQ
    # status data item MUST be included in the STATUS response."
    modseq = ("HIGHESTMODSEQ",) if session.condstore else ()
    if before is None:
        # A new mailbox, perhaps under the name of one that was deleted.
        # RFC 5465 §5.1: "When this event is requested, the server MUST notify the client about mailbox UIDVALIDITY changes."
        return ("MESSAGES", "UIDNEXT", "UIDVALIDITY", *modseq, *unseen)
    if (before.messages, before.uidnext) != (now.messages, now.uidnext):
        # RFC 5465 §5.2: "If the new/appended message is in another mailbox, the server sends an unsolicited STATUS (UIDNEXT
        # MESSAGES) response for the relevant mailbox."
        return ("MESSAGES", "UIDNEXT", *modseq, *unseen)
    if flags and before.highest_modseq != now.highest_modseq and (modseq or unseen):
        # RFC 5465 §5.1: "then the server sends a STATUS response that includes at least HIGHESTMODSEQ and UIDVALIDITY status
        # data items."
        return ("UIDVALIDITY", *modseq, *unseen)
    return ()


def _with_parent(name: str) -> Iterator[str]:
    yield name
    above = name.rpartition("/")[0]
    if above:
        yield above


def _follows(
    old: str,
    new: str,
    old_names: Mapping[MailboxId, str],
    new_names: Mapping[MailboxId, str],
    before: Tree,
) -> bool:
    """Was the mailbox renamed only because one above it was?"""
    # RFC 5465 §5.4: "When a mailbox is renamed, its children are renamed too. No additional MailboxName events are sent for
    # children in this case."
    for above in listing.ancestors(old):
        parent = before.mailboxes.get(above)
        moved = new_names.get(parent.id) if parent is not None else None
        if moved is not None and moved != above and new == moved + old[len(above) :]:
            return True
    return False


def _line(session: Session, tree: Tree, name: str, old: str | None) -> bytes:
    """LIST of a name as it is now."""
    # RFC 5465 §5.4: "If, after the event, the mailbox name does not refer to a mailbox accessible to the client, the
    # \Nonexistent flag MUST be included."
    attributes = [] if name in tree.mailboxes else ["\\NonExistent"]
    # RFC 5465 §5.5: "If and only if the mailbox is subscribed after the event, the \Subscribed attribute (see [RFC5258]) is
    # included."
    if name in tree.subscribed:
        attributes.append("\\Subscribed")
    attributes += tree.attributes(name)
    if old is not None:
        return listing.renamed(session.name_of(name), session.name_of(old), attributes)
    return listing.line("LIST", attributes, session.name_of(name))


async def _status_of(session: Session, mailbox: Mailbox) -> Status | None:
    """None when it is gone."""
    try:
        return await session.store.status(mailbox.id)
    except NoSuchMailbox:
        return None


async def _tree(session: Session) -> Tree:
    account = session.user.id
    return listing.tree(
        await session.store.mailboxes(account), await session.store.subscriptions(account)
    )
