"""The verbs about mailboxes and accounts, and the moves between mailboxes that a rename of INBOX needs too.

RFC 9051 §6.3.4 (CREATE), §6.3.5 (DELETE), §6.3.6 (RENAME), §6.3.7 (SUBSCRIBE); RFC 6154 §3 (special use); RFC 4314 (rights).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from postil.base.clock import Clock
from postil.base.ids import object_id
from postil.ports.ids import AccountId, MailboxId, ModSeq
from postil.ports.store import (
    Change,
    LimitReached,
    Mailbox,
    MailboxExists,
    NoSuchMailbox,
    NotPermitted,
    OverQuota,
    Status,
    Usage,
)
from postil.store.feed import Feed
from postil.store.limits import MAILBOXES_PER_ACCOUNT_MAX
from postil.store.memory.state import Account, Box, Message, StoredBody
from postil.store.names import INBOX, USUAL, check_name, renamed, superiors


class Mailboxes:
    """Accounts, mailboxes and bodies, and the verbs that concern lists of them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.feed = Feed()
        self.bodies: dict[int, StoredBody] = {}
        self._accounts: dict[AccountId, Account] = {}
        self._boxes: dict[MailboxId, Box] = {}
        self._uses: Counter[int] = Counter()  # body -> messages and pinned dead messages
        self._last_box = 0
        self._last_body = 0
        self._last_validity = 0

    # --- for the verbs

    def account(self, account: AccountId) -> Account:
        """The account's state, made when first asked for."""
        found = self._accounts.get(account)
        if found is None:
            found = self._accounts[account] = Account(account)
        return found

    def box(self, mailbox: MailboxId) -> Box:
        """NoSuchMailbox when it is not there any more."""
        box = self._boxes.get(mailbox)
        if box is None:
            raise NoSuchMailbox("the mailbox does not exist any more")
        return box

    def keep_body(self, body: StoredBody) -> int:
        """Store octets that one message uses."""
        self._last_body += 1
        self.bodies[self._last_body] = body
        self._uses[self._last_body] = 1
        return self._last_body

    def tell_mailboxes(self, mailboxes: Iterable[MailboxId]) -> None:
        """Something in these mailboxes was committed."""
        for mailbox in mailboxes:
            box = self.box(mailbox)
            self.feed.tell(Change(box.info.account, mailbox, ModSeq(box.modseq)))

    def tell_list(self, account: AccountId) -> ModSeq:
        """The list of mailboxes or something beside it was changed."""
        state = self.account(account)
        state.modseq += 1
        self.feed.tell(Change(account, None, ModSeq(state.modseq)))
        return ModSeq(state.modseq)

    def transfer(
        self, source: Box, picked: Sequence[Message], target: Box, *, moving: bool
    ) -> None:
        """Copy or move messages; checks, then does."""
        leaving = self.account(source.info.account)
        gaining = self.account(target.info.account)
        octets = sum(message.size for message in picked)
        target.check_uids(len(picked))
        target.check_flags(message.flags for message in picked)
        if not moving or leaving is not gaining:
            gaining.charge(octets, len(picked))
        modseq = target.modseq + 1
        now = int(self.clock.now())
        copies = [
            Message(uid, one.flags, modseq, one.size, one.date, now, one.body)
            for uid, one in enumerate(picked, target.uidnext)
        ]
        self._uses.update(one.body for one in picked)
        target.add(copies)
        gaining.octets += octets
        gaining.messages += len(picked)
        if moving:
            self.remove(source, [message.uid for message in picked])
        touched = [target.info.id]
        if moving and source is not target:
            touched.append(source.info.id)
        self.tell_mailboxes(touched)

    def remove(self, box: Box, uids: Sequence[int]) -> None:
        """Expunge messages; their octets go when nobody uses or sees them."""
        removed, held = box.remove(uids)
        account = self.account(box.info.account)
        account.octets -= sum(message.size for message in removed)
        account.messages -= len(removed)
        self._uses.update(held)
        self._release([message.body for message in removed])

    def _release(self, bodies: Sequence[int]) -> None:
        """One use less of each."""
        for body in bodies:
            self._uses[body] -= 1
            if not self._uses[body]:
                del self._uses[body], self.bodies[body]

    # --- mailboxes

    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        return sorted((box.info for box in self._of(account).values()), key=lambda info: info.name)

    async def provision(
        self,
        account: AccountId,
        limit_octets: int | None,
        limit_messages: int | None = None,
        limit_mailboxes: int | None = None,
    ) -> None:
        state = self.account(account)
        state.limit = limit_octets
        state.limit_messages, state.limit_mailboxes = limit_messages, limit_mailboxes
        if INBOX not in self._of(account):
            self._make(account, INBOX, frozenset())
            state.subscriptions.add(INBOX)
            for name, attribute in USUAL:
                if name not in self._of(account):
                    self._make(account, name, frozenset({attribute}))
                state.subscriptions.add(name)
            self.tell_list(account)
        await asyncio.sleep(0)

    async def create(
        self, account: AccountId, name: str, special_use: frozenset[str] = frozenset()
    ) -> Mailbox:
        self._check_new(account, [name], 1 + len(self._missing(account, name)))
        for superior in self._missing(account, name):
            self._make(account, superior, frozenset())
        made = self._make(account, name, special_use)
        self.tell_list(account)
        await asyncio.sleep(0)
        return made

    async def delete(self, account: AccountId, name: str) -> None:
        box = self._named(account, name)
        if name == INBOX:
            raise NotPermitted("INBOX cannot be deleted")
        self._drop(box)
        self.tell_list(account)
        await asyncio.sleep(0)

    async def rename(self, account: AccountId, old: str, new: str) -> None:
        box = self._named(account, old)
        if old == INBOX:
            self._check_new(account, [new], 1 + len(self._missing(account, new)))
            for superior in self._missing(account, new):
                self._make(account, superior, frozenset())
            made = self._boxes[self._make(account, new, frozenset(), from_inbox=True).id]
            if box.messages:
                self.transfer(box, list(box.messages.values()), made, moving=True)
            made.annotations.update(box.annotations)
        else:
            if new.startswith(old + "/"):
                raise NotPermitted("a mailbox cannot become its own inferior")
            names = renamed(self._of(account), old, new)
            self._check_new(account, names.values(), len(self._missing(account, new)))
            boxes = self._of(account)
            for before, after in names.items():
                moved = boxes[before]
                moved.info = replace(moved.info, name=after)
            for superior in self._missing(account, new):
                self._make(account, superior, frozenset())
        self.tell_list(account)
        await asyncio.sleep(0)

    async def subscriptions(self, account: AccountId) -> frozenset[str]:
        return frozenset(self.account(account).subscriptions)

    async def subscribe(self, account: AccountId, name: str, wanted: bool) -> None:
        known = self.account(account).subscriptions
        if (name in known) != wanted:
            if wanted:
                known.add(name)
            else:
                known.discard(name)
            self.tell_list(account)
        await asyncio.sleep(0)

    async def status(self, mailbox: MailboxId) -> Status:
        return self.box(mailbox).status()

    def free_octets(self) -> int:
        return 1 << 40  # a number that tests can expect

    async def usage(self, account: AccountId) -> Usage:
        state = self.account(account)
        return Usage(state.octets, state.messages, len(self._of(account)))

    def annotations_of(self, account: AccountId) -> list[dict[str, bytes]]:
        """Those of each mailbox."""
        return [box.annotations for box in self._of(account).values()]

    async def set_special_use(self, mailbox: MailboxId, special_use: frozenset[str]) -> None:
        box = self.box(mailbox)
        info = box.info
        box.info = replace(info, special_use=special_use)
        self.tell_list(info.account)
        await asyncio.sleep(0)

    async def rights(self, mailbox: MailboxId) -> Mapping[str, str]:
        return dict(self.box(mailbox).rights)

    async def set_rights(self, mailbox: MailboxId, identifier: str, rights: str | None) -> None:
        box = self.box(mailbox)
        if rights is None:
            box.rights.pop(identifier, None)
        else:
            box.rights[identifier] = rights
        self.tell_list(box.info.account)
        await asyncio.sleep(0)

    async def erase(self, account: AccountId) -> None:
        for box in self._of(account).values():
            self._drop(box)
        modseq = self.account(account).modseq
        self._accounts[account] = Account(account, modseq=modseq)
        self.tell_list(account)
        await asyncio.sleep(0)

    # --- inside

    def _of(self, account: AccountId) -> dict[str, Box]:
        return {box.info.name: box for box in self._boxes.values() if box.info.account == account}

    def _named(self, account: AccountId, name: str) -> Box:
        box = self._of(account).get(name)
        if box is None:
            raise NoSuchMailbox(f"no mailbox {name}")
        return box

    def _missing(self, account: AccountId, name: str) -> Sequence[str]:
        known = self._of(account)
        return [superior for superior in superiors(name) if superior not in known]

    def _check_new(self, account: AccountId, names: Iterable[str], more: int) -> None:
        """The names are allowed and free, and `more` mailboxes may be made."""
        known = self._of(account)
        for name in names:
            check_name(name)
            if name in known:
                raise MailboxExists(f"there is a mailbox {name} already")
        if len(known) + more > MAILBOXES_PER_ACCOUNT_MAX:
            raise LimitReached(f"an account has at most {MAILBOXES_PER_ACCOUNT_MAX} mailboxes")
        most = self.account(account).limit_mailboxes
        if more and most is not None and len(known) + more > most:
            raise OverQuota(f"the account may have {most} mailboxes, no more")

    def _make(
        self,
        account: AccountId,
        name: str,
        special_use: frozenset[str],
        *,
        from_inbox: bool = False,
    ) -> Mailbox:
        self._last_box += 1
        self._last_validity = max(self._last_validity + 1, int(self.clock.now()))
        info = Mailbox(
            MailboxId(self._last_box),
            account,
            name,
            self._last_validity,
            object_id("F"),
            special_use,
            from_inbox,
        )
        self._boxes[info.id] = Box(info, self._release)
        return info

    def _drop(self, box: Box) -> None:
        held = box.picture.delete()
        del self._boxes[box.info.id]
        account = self.account(box.info.account)
        account.octets -= sum(message.size for message in box.messages.values())
        account.messages -= len(box.messages)
        self._uses.update(held)
        self._release([message.body for message in box.messages.values()])
