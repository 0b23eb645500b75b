"""What happened since the client was last told: when it is told, and in which order.

RFC 9051 §5.2, §7.5.1; RFC 5465 §3.1, §4 (NOTIFY decides what), RFC 5464 §4.4 (METADATA). The change feed only wakes; the truth is in
the view (`view`), in the notes heard of (`annotated`) and in what NOTIFY watches (`watching`). Told are the notes first, then the selected mailbox, then the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from postil.imap import watching
from postil.imap.annotated import Annotated
from postil.imap.commands import fetch
from postil.imap.errors import Bye
from postil.imap.extensions import condstore
from postil.imap.fetch import items
from postil.imap.view import SelectedView
from postil.imap.watching import MESSAGES, Event, Watch
from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import Change, Mailbox, StoreError

if TYPE_CHECKING:
    from postil.imap.session import Session

# Commands that must tell what they removed.
_REMOVING: Final = frozenset(
    ("EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE", "REPLACE", "UID REPLACE")
)


class News:
    """Of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.annotated = Annotated()
        self.watch: Watch | None = None  # NOTIFY was given
        self._own: set[int] = set()  # uids the client itself brought into the selected mailbox

    # --- hearing

    def hear(self, change: Change) -> bool:
        """The store has committed something of the account; True when a client that listens is to be told now."""
        view, watch = self._session.view, self.watch
        selected = view is not None and change.mailbox == view.mailbox.id
        if watch is not None:
            wanted = watch.hear(change)
            if wanted and change.entries:
                self.annotated.hear(change)
            return wanted or selected or change.mailbox is None
        if change.entries and "METADATA" in self._session.enabled:
            self.annotated.hear(change)
            return True
        return selected or (change.mailbox is None and view is not None)

    async def caused(self, mailbox: MailboxId, modseq: ModSeq, uids: Iterable[Uid]) -> None:
        """A command of this session has put messages into a mailbox: no news for NOTIFY."""
        if self.watch is not None:
            view = self._session.view
            if view is not None and view.mailbox.id == mailbox:
                self._own.update(uids)
            else:
                await self.watch.caused(self._session, mailbox, modseq)

    def caused_names(self, *names: str) -> None:
        """A command of this session has changed the list of mailboxes there: no news for NOTIFY."""
        if self.watch is not None:
            self.watch.caused_names(names)

    def deselected(self) -> None:
        """What is known of the selected mailbox is of no use any more."""
        self._own.clear()

    def forget(self) -> None:
        """Nobody is logged in."""
        self.annotated.clear()
        self.watch = None

    # --- telling

    async def tell(self, *, expunges: bool) -> None:
        """Everything there is; `expunges` only where EXPUNGE may be sent (RFC 9051 §7.5.1).

        Raises Bye when the selected mailbox is gone and the client knows no gentler way to hear it.
        """
        session, watch = self._session, self.watch
        if self.annotated:
            # RFC 5464 §4.4: "servers MUST send unsolicited METADATA responses if server or mailbox annotations are changed by a
            # third-party, allowing servers to keep clients updated with changes."
            session.write(self.annotated.lines(await self._shown_names()))
        wanted = watch.wish.selected.events if watch is not None else MESSAGES
        await self._tell_selected(wanted, expunges=expunges)
        if watch is not None:
            async for line in watch.lines(session):
                session.write(line)

    async def tell_unasked(self) -> None:
        """Between two commands, for NOTIFY; when the disk cannot tell, the client is told that."""
        delayed = self.watch is not None and self.watch.wish.selected.delayed
        try:
            await self.tell(expunges=not delayed)
        except StoreError as error:
            self._session.event("failure", command="NOTIFY", error=type(error).__name__)
            self.watch = watching.nothing()
            self._session.write(watching.OVERFLOW)

    async def catch_up(self) -> None:
        """The selected mailbox as if NOTIFY had never been given."""
        await self._tell_selected(MESSAGES, expunges=True)

    async def _tell_selected(self, wanted: Event, *, expunges: bool) -> None:
        session, view = self._session, self._session.view
        if view is None:
            return
        if view.view.deleted:
            self._mailbox_gone()
            return
        # RFC 9586 §3.4: "all EXPUNGED responses that would be returned by EXPUNGE / UID EXPUNGE are replaced by VANISHED
        # responses"
        vanished = session.qresync or session.uidonly
        if not wanted & Event.NEW:
            # RFC 5465 §3.1: "the client doesn't want to receive any <message-event>s for the currently selected mailbox." What
            # its own command removed it must hear of, and with it of all that is gone
            if expunges and session.command in _REMOVING:
                session.write(view.expunges(vanished=vanished))
            return
        await self._claim_arrivals(view)
        if expunges:
            session.write(view.expunges(vanished=vanished))
        known = view.count
        session.write(view.arrivals(recent=session.recent))
        session.write(view.keyword_news())  # before a FETCH shows one
        await self._fetch_arrivals(view, known)
        if not wanted & Event.FLAGS:
            view.told(range(known, view.count))  # the flags of new messages are no change of flags
            return
        # RFC 5465 §5.1: "which MUST include UID and FLAGS/ANNOTATION FETCH data items."
        uid = self.watch is not None or session.rev2 or session.is_uid_command or session.condstore
        modseq = session.condstore
        session.write(view.flag_updates(known, uid=uid, recent=session.recent, modseq=modseq))
        if session.qresync and view.holds_back:
            # RFC 7162 §3.2: "if the server sends MODSEQ FETCH data items while EXPUNGE (or VANISHED) replies with lower
            # mod-sequences being delayed, the server MUST send the HIGHESTMODSEQ response code with a lower value than the
            # EXPUNGE's mod-sequence."
            text = b"* OK [HIGHESTMODSEQ %d] Expunges are still to be told\r\n"
            session.write(text % view.settled)

    async def _fetch_arrivals(self, view: SelectedView, known: int) -> None:
        """RFC 5465 §5.2: "followed by an unsolicited FETCH response containing the information requested by the client." """
        own, self._own = self._own, set()
        wanted = self.watch.wish.selected.items if self.watch is not None else ()
        if not wanted or known == view.count:
            return
        uids = view.view.generation.uids
        # RFC 5465 §5.2: "A FETCH response SHOULD NOT be generated for a new message created by the client on this particular
        # connection"
        fresh = view.alive([at for at in range(known, view.count) if uids[at] not in own])
        session = self._session
        # RFC 9051 §7.5.2: "If the server chooses to send unsolicited FETCH responses, they MUST include UID FETCH item."
        if items.UID not in wanted and (session.rev2 or session.condstore) and not view.by_uid:
            wanted = (items.UID, *wanted)
        # RFC 7162 §3.2.4: "automatically include both UID and mod-sequence data in all subsequent untagged FETCH responses", also
        # those caused by "an external agent"
        if session.condstore and condstore.MODSEQ not in wanted:
            wanted = (*wanted, condstore.MODSEQ)
        if fresh:
            async for piece in fetch.answer(session, wanted, fresh, []):
                session.write(piece)

    async def arrivals(self) -> None:
        """Tell of new messages only: where EXISTS must come before EXPUNGE."""
        view = self._session.selected
        if not view.view.deleted:
            await self._claim_arrivals(view)
            known = view.count
            self._session.write(view.arrivals(recent=self._session.recent))
            view.told(range(known, view.count))  # their flags are no news

    async def _claim_arrivals(self, view: SelectedView) -> None:
        if self._session.recent and not view.read_only and view.has_arrivals():
            first = await self.claim_recent(view.mailbox)
            if first is not None:
                view.claim(first, view.view.uidnext)

    async def claim_recent(self, mailbox: Mailbox) -> Uid | None:
        """From which uid on messages are \\Recent for this session, which is told of them first."""
        try:
            return await self._session.store.claim_recent(mailbox.id)
        except StoreError:
            # A full disk must not keep anybody from reading; RFC 3501 §2.3.2 leaves room for doubt.
            return None

    def _mailbox_gone(self) -> None:
        session = self._session
        session.deselect()
        if not session.rev2:
            # RFC 2180 §3.3: "The server MAY allow the DELETE/RENAME of a multi-accessed mailbox, but disconnect all
            # other clients who have the mailbox accessed by sending a untagged BYE response." They know no other way
            raise Bye("The selected mailbox has been deleted")
        # RFC 9051 §3.4: "unsolicited CLOSED response code", transition (6) of the diagram
        session.write(b"* OK [CLOSED] The selected mailbox has been deleted\r\n")

    async def _shown_names(self) -> dict[MailboxId | None, bytes]:
        """What the client calls the mailboxes of whose notes it hears; None is the server."""
        session, watch = self._session, self.watch
        boxes = await session.store.mailboxes(session.user.id)
        if watch is None:
            return {None: b'""', **{box.id: session.name_of(box) for box in boxes}}
        subscribed = await session.store.subscriptions(session.user.id)
        shown: dict[MailboxId | None, bytes] = {
            box.id: session.name_of(box)
            for box in boxes
            if watch.wish.events(box.name, subscribed) & Event.NOTES
        }
        if watch.wish.everything & Event.SERVER_NOTES:
            shown[None] = b'""'
        return shown
