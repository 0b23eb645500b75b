"""The last step: every recipient's copy into its mailbox, all in one transaction.

RFC 5321 §4.2.5 and §6.1 (what 250 promises), §4.4 (Return-Path, Received); RFC 9228 (Delivered-To); RFC 8457 (`$Important`).
The octets are written once; each copy has its own fields in front. 250 is said when the store has them on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from postil.base.clock import Clock
from postil.inbound import important, limits
from postil.inbound.header import HeaderWatch
from postil.inbound.originate import missing_fields
from postil.inbound.quota import is_full
from postil.inbound.settings import Settings
from postil.message.compose import delivered_to, return_path
from postil.ports.accounts import Delivery
from postil.ports.delivery import Transaction, Verdict
from postil.ports.ids import AccountId, MailboxId
from postil.ports.store import (
    IMPORTANT,
    Acquaintance,
    BodyWriter,
    LimitReached,
    Mailbox,
    NewMessage,
    NoSuchMailbox,
    OverQuota,
    Staged,
    Store,
    StoreError,
    StoreUnavailable,
)
from postil.smtp.received import received

_log = logging.getLogger("postil.inbound")
_MARK: Final = frozenset({IMPORTANT})
_NO_FLAGS: Final = frozenset[str]()
_STRANGER: Final = Acquaintance()


class Deliverer:
    """Knows the store and remembers which mailbox is which."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._mailboxes: dict[tuple[AccountId, str, str], MailboxId] = {}

    async def deliver(
        self,
        transaction: Transaction,
        targets: Sequence[Delivery],
        header: HeaderWatch,
        writer: BodyWriter,
    ) -> Verdict:
        """All copies or none; a member of a list whose mailbox is full has none."""
        try:
            body = await writer.finish()
            try:
                try:
                    await self._append(transaction, targets, header, body)
                except OverQuota:
                    # It was not known at RCPT, because no size was declared or the room went meanwhile.
                    fitting = await self._fitting(targets, body)
                    if not fitting or len(fitting) == len(targets):
                        raise
                    await self._append(transaction, fitting, header, body)
            finally:
                await self._store.discard(body)
        except OverQuota:
            return Verdict(452, "4.2.2", "the mailbox is full", "deliver")
        except StoreUnavailable:
            return Verdict(452, "4.3.1", "no space for the message now, try again later", "deliver")
        except StoreError as error:
            return Verdict(451, "4.3.0", f"the message cannot be stored now: {error}", "deliver")
        return Verdict(250, "2.0.0", f"delivered, id {transaction.queue_id}", "deliver")

    async def _fitting(self, targets: Sequence[Delivery], body: Staged) -> list[Delivery]:
        """Without the members of lists who have no room for it."""
        return [
            target
            for target in targets
            if not target.lists
            or not await is_full(self._store, target, body.size + limits.FIELDS_OCTETS)
        ]

    async def _append(
        self,
        transaction: Transaction,
        targets: Sequence[Delivery],
        header: HeaderWatch,
        body: Staged,
    ) -> None:
        now = self._clock.now()
        common = self._trace(transaction, header, now)
        marked = await self._important(transaction, targets, header, body)
        looked_again = False
        while True:
            messages: dict[MailboxId, NewMessage] = {}
            for number, target in enumerate(targets, 1):
                if number % limits.AT_A_TIME == 0:
                    await asyncio.sleep(0)
                new = NewMessage(
                    body,
                    _MARK if target.account.id in marked else _NO_FLAGS,
                    internal_date=int(now),
                    prefix=self._first_fields(transaction, target) + common,
                )
                # Two tags without mailboxes of their own lead to the same one: one copy is enough.
                messages.setdefault(await self._mailbox(target), new)
            try:
                await self._store.deliver(list(messages.items()))
                return
            except NoSuchMailbox:
                # Deleted or made anew since we remembered its number: look again, once.
                self._mailboxes.clear()
                if looked_again:
                    raise
                looked_again = True
            except LimitReached:
                # No room for one more keyword in somebody's mailbox: the mail comes without it.
                if not marked:
                    raise
                marked = frozenset()

    async def _important(
        self,
        transaction: Transaction,
        targets: Sequence[Delivery],
        header: HeaderWatch,
        body: Staged,
    ) -> frozenset[AccountId]:
        """For whom the message is important."""
        found = set()
        for number, target in enumerate(targets, 1):
            if number % limits.AT_A_TIME == 0:
                await asyncio.sleep(0)
            account = target.account
            if not account.marks_important:
                continue
            try:
                acquaintance = await self._store.acquaintance(account.id, body)
            except StoreError as error:
                _log.warning("not judged whether a message is important: %s", error)
                continue
            if acquaintance == _STRANGER:
                continue  # nearly all mail; the header need not be read
            facts = important.facts_of(
                header.octets,
                bounce=transaction.mail_from.is_null,
                own_addresses=frozenset(map(important.comparable, (target.address, account.name))),
                acquaintance=acquaintance,
            )
            judgement = important.judge(facts)
            _log.debug(
                "%s: %s for account %d: %s",
                transaction.queue_id,
                "important" if judgement.important else "not important",
                account.id,
                judgement.reason.value,
            )
            if judgement.important:
                found.add(account.id)
        return frozenset(found)

    def _first_fields(self, transaction: Transaction, target: Delivery) -> bytes:
        # RFC 5321 §3.9: "When a message is delivered or forwarded to each address of an expanded list form, the return
        # address in the envelope ("MAIL FROM:") MUST be changed to be the address of a person or other entity who
        # administers the list." Of lists in lists the last one counts.
        sender = target.lists[-1].owner if target.lists else transaction.mail_from.wire
        # RFC 9228 §4: "this new value SHOULD also be recorded into a separate Delivered-To: field"
        way = b"".join(map(delivered_to, (target.address, *reversed(target.via))))
        # RFC 5321 §4.4: "This use of return-path is required; mail systems MUST support it."
        return return_path(sender) + way

    def _trace(self, transaction: Transaction, header: HeaderWatch, now: float) -> bytes:
        """The fields that all copies share."""
        offset = self._settings.offset(now)
        only = transaction.rcpt_to[0] if len(transaction.rcpt_to) == 1 else None
        # RFC 5321 §4.4: "When an SMTP server receives a message for delivery or further processing, it MUST insert
        # trace ('time stamp' or 'Received') information at the beginning of the message content"
        trace = received(transaction, only, self._settings.host, now, offset)
        if transaction.account is not None:
            trace += missing_fields(header, self._settings.host, now, offset)
        return trace

    async def _mailbox(self, target: Delivery) -> MailboxId:
        key = (target.account.id, target.mailbox, target.tag)
        known = self._mailboxes.get(key)
        if known is not None:
            return known
        boxes = await self._store.mailboxes(target.account.id)
        number = _named(boxes, target)
        if number is None:
            # A mailbox that an address points to may have been deleted; INBOX always exists. Not remembered: the mailbox
            # may come, and tags that strangers invent would push out what is worth remembering.
            inbox = next((m.id for m in boxes if m.name == "INBOX"), None)
            if inbox is None:
                raise NoSuchMailbox("the account has no INBOX")
            return inbox
        if len(self._mailboxes) >= limits.MAILBOXES:
            self._mailboxes.clear()
        self._mailboxes[key] = number
        return number


def _named(boxes: Sequence[Mailbox], target: Delivery) -> MailboxId | None:
    """The mailbox that tag or address name, if there is one."""
    if target.tag:
        # Anybody chooses a tag, so it makes no mailbox, and none leads into a mailbox with a special use: nobody looks for new
        # mail in Sent or Trash.
        plain = [m for m in boxes if not m.special_use]
        exact = [m.id for m in plain if m.name == target.tag]
        near = [m.id for m in plain if m.name.casefold() == target.tag.casefold()]
        if exact or near:
            return (exact or near)[0]
    return next((m.id for m in boxes if m.name == target.mailbox), None)
