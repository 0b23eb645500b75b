"""The verbs of `ports.store.Store` over plain objects.

RFC 9051 §6.3 and §6.4 (what the commands behind the verbs do), RFC 6851 (MOVE), RFC 7162 (modseqs).

A verb runs to its end without awaiting, so the order of calls is the order of evaluation; it gives the loop one turn before it
returns, as a store with a disk would. The verbs of messages going in and being read are here; `mailboxes` has those of the list.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

from postil.base.clock import Clock, SystemClock
from postil.base.ids import object_id
from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.picture import View
from postil.ports.store import (
    IMPORTANT,
    Acquaintance,
    Appended,
    Body,
    BodyWriter,
    Change,
    Column,
    Copied,
    Details,
    FlagChange,
    Flagged,
    NewMessage,
    NoSuchMailbox,
    NoSuchMessage,
    Staged,
    TextSearch,
)
from postil.store import entries
from postil.store.entries import Room
from postil.store.ingest import ingest_now, with_prefix
from postil.store.limits import DETAILS_MAX, GONE_PAGE, HEADER_CACHE_OCTETS, MARKED_AT_ONCE_MAX
from postil.store.memory.mailboxes import Mailboxes
from postil.store.memory.staging import MemoryBody, MemoryWriter, Ready, Stage
from postil.store.memory.state import (
    DELETED,
    SENT,
    Account,
    Box,
    Message,
    Person,
    StoredBody,
    stored_flags,
)
from postil.store.picture import PinnedView
from postil.store.search.text import matches


class MemoryStore(Mailboxes):
    """Mail of all accounts, gone with the process."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock or SystemClock())
        self._stage = Stage()

    async def close(self) -> None:
        """For symmetry with a store that has files."""

    # --- messages in

    def stage(self, account: AccountId | None, expected: int | None) -> BodyWriter:
        return MemoryWriter(self._stage)

    async def discard(self, body: Staged) -> None:
        self._stage.discard(body)

    async def append(self, mailbox: MailboxId, messages: Sequence[NewMessage]) -> Appended:
        appended = self._append([(mailbox, messages)])
        await asyncio.sleep(0)
        return appended[0]

    async def replace(
        self, source: MailboxId, uid: Uid, target: MailboxId, message: NewMessage
    ) -> Appended:
        box = self.box(source)
        old = box.messages.get(uid)
        if old is None:
            raise NoSuchMessage("the message has been expunged")
        account = self.account(box.info.account)
        account.octets -= old.size  # only the difference counts
        account.messages -= 1
        try:
            self._check([(target, (message,))])
        finally:
            account.octets += old.size
            account.messages += 1
        self.remove(box, [uid])
        appended = self._put(self.box(target), (message,))
        self.tell_mailboxes(dict.fromkeys((source, target)))
        await asyncio.sleep(0)
        return appended

    async def deliver(self, targets: Sequence[tuple[MailboxId, NewMessage]]) -> Sequence[Appended]:
        appended = self._append([(mailbox, (message,)) for mailbox, message in targets], sent=False)
        await asyncio.sleep(0)
        return appended

    async def acquaintance(self, account: AccountId, body: Staged) -> Acquaintance:
        record = self._stage.get(body).record
        state = self.account(account)
        person = state.people.get(record.sender, Person(False, 0))
        threads = (state.threads.get(reference) for reference in record.references)
        return Acquaintance(
            person.written_to, any(one in state.joined for one in threads), person.marked
        )

    def _append(
        self, groups: Sequence[tuple[MailboxId, Sequence[NewMessage]]], *, sent: bool = True
    ) -> Sequence[Appended]:
        self._check(groups)
        done = [self._put(self.box(mailbox), messages, sent=sent) for mailbox, messages in groups]
        self.tell_mailboxes(dict.fromkeys(mailbox for mailbox, _ in groups))
        return done

    def _check(self, groups: Sequence[tuple[MailboxId, Sequence[NewMessage]]]) -> None:
        """Raises what `_append` would."""
        octets: defaultdict[AccountId, int] = defaultdict(int)
        counts: defaultdict[MailboxId, int] = defaultdict(int)
        sets: defaultdict[MailboxId, list[frozenset[str]]] = defaultdict(list)
        added: Counter[AccountId] = Counter()
        for mailbox, messages in groups:
            box = self.box(mailbox)
            counts[mailbox] += len(messages)
            for message in messages:
                added[box.info.account] += 1
                octets[box.info.account] += self._stage.get(message.body).record.size
                octets[box.info.account] += len(message.prefix)
                sets[mailbox].append(stored_flags(message.flags))
        for mailbox, count in counts.items():
            self.box(mailbox).check_uids(count)
            self.box(mailbox).check_flags(sets[mailbox])
        for account, more in octets.items():
            self.account(account).charge(more, added[account])

    def _put(self, box: Box, messages: Sequence[NewMessage], *, sent: bool = True) -> Appended:
        now = int(self.clock.now())
        account = self.account(box.info.account)
        modseq = box.modseq + 1
        added = []
        for uid, message in enumerate(messages, box.uidnext):
            body = self._body(account, self._stage.get(message.body), message.prefix)
            if sent and SENT in box.info.special_use:
                account.sent(self.bodies[body].record, self.bodies[body].thread_id)
            size = self.bodies[body].record.size
            account.octets += size
            account.messages += 1
            date = now if message.internal_date is None else message.internal_date
            flags = stored_flags(message.flags)
            added.append(Message(uid, flags, modseq, size, date, now, body))
        if added:
            box.add(added)
        return Appended(
            box.info.id,
            box.info.uidvalidity,
            tuple(Uid(message.uid) for message in added),
            ModSeq(box.modseq),
        )

    def _body(self, account: Account, ready: Ready, prefix: bytes) -> int:
        octets = prefix + ready.octets
        record = with_prefix(ready.record, prefix) or ingest_now(octets)
        known = [record.message_id] if record.message_id else []
        known.extend(record.references)
        thread = next((account.threads[one] for one in known if one in account.threads), None)
        thread = thread or object_id("T")
        for one in known:
            account.threads.setdefault(one, thread)
        return self.keep_body(StoredBody(octets, record, object_id("M"), thread))

    # --- messages changed

    async def change_flags(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        change: FlagChange,
        flags: frozenset[str],
        unless_modseq: ModSeq | None = None,
    ) -> Flagged:
        box = self.box(mailbox)
        given = box.flags.spell(stored_flags(flags))
        changed: dict[int, frozenset[str]] = {}
        conflicts = []
        for uid in sorted(set(uids)):
            message = box.messages.get(uid)
            if message is None:
                continue
            if unless_modseq is not None and message.modseq > unless_modseq:
                conflicts.append(uid)
                continue
            wanted = _wanted(message.flags, change, given)
            if wanted != message.flags:
                changed[uid] = wanted
        box.check_flags(changed.values())
        modseq = ModSeq(box.modseq)
        if changed:
            before = {uid: box.messages[uid].flags for uid in changed}
            modseq = box.change(changed)
            self._mark(box, before)
            self.tell_mailboxes([mailbox])
        await asyncio.sleep(0)
        return Flagged(tuple(Uid(uid) for uid in changed), tuple(conflicts), modseq)

    def _mark(self, box: Box, before: Mapping[int, frozenset[str]]) -> None:
        """Count $Important, set or cleared since `before`, for those who wrote the messages."""
        (keyword,) = box.flags.spell((IMPORTANT,))
        turned = {
            uid: -1 if keyword in old else 1
            for uid, old in before.items()
            if (keyword in old) != (keyword in box.messages[uid].flags)
        }
        sums: Counter[bytes] = Counter()
        for uid, more in turned.items():
            sums[self.bodies[box.messages[uid].body].record.sender] += more
        if len(turned) <= MARKED_AT_ONCE_MAX:
            for address, total in sums.items():
                if address:
                    self.account(box.info.account).touch(address, False, total)

    async def copy(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        copied = self._copy(self.box(source), uids, self.box(target), moving=False)
        await asyncio.sleep(0)
        return copied

    async def move(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        copied = self._copy(self.box(source), uids, self.box(target), moving=True)
        await asyncio.sleep(0)
        return copied

    def _copy(self, source: Box, uids: Sequence[Uid], target: Box, *, moving: bool) -> Copied:
        picked = [source.messages[uid] for uid in sorted(set(uids)) if uid in source.messages]
        modseq = ModSeq(target.modseq + bool(picked))
        if picked:
            self.transfer(source, picked, target, moving=moving)
        targets = range(target.uidnext - len(picked), target.uidnext)
        return Copied(
            target.info.id,
            target.info.uidvalidity,
            tuple(Uid(message.uid) for message in picked),
            tuple(Uid(uid) for uid in targets),
            modseq,
        )

    async def expunge(
        self, mailbox: MailboxId, uids: Sequence[Uid] | None, marked_only: bool = True
    ) -> tuple[Uid, ...]:
        box = self.box(mailbox)
        if uids is None:
            wanted = list(box.messages) if marked_only else []
        else:
            wanted = sorted({uid for uid in uids if uid in box.messages})
        if marked_only:
            wanted = [uid for uid in wanted if DELETED in box.messages[uid].flags]
        if wanted:
            self.remove(box, wanted)
            self.tell_mailboxes([mailbox])
        await asyncio.sleep(0)
        return tuple(Uid(uid) for uid in wanted)

    async def gone(self, mailbox: MailboxId, since: ModSeq) -> AsyncIterator[Sequence[Uid]]:
        found = [Uid(uid) for modseq, uid in self.box(mailbox).gone if modseq > since]
        for start in range(0, len(found), GONE_PAGE):
            yield sorted(found[start : start + GONE_PAGE])

    async def claim_recent(self, mailbox: MailboxId) -> Uid:
        box = self.box(mailbox)
        first = Uid(box.recent_from)
        box.recent_from = box.uidnext
        box.recent = 0
        await asyncio.sleep(0)
        return first

    # --- messages read

    async def open(self, mailbox: MailboxId) -> View:
        return self.box(mailbox).picture.open()

    async def details(
        self, view: View, positions: Sequence[int], *, header: bool = True
    ) -> Sequence[Details]:
        if len(positions) > DETAILS_MAX:
            raise ValueError(f"at most {DETAILS_MAX} positions at a time")
        found = []
        for position in positions:
            body = self._seen(view, position)
            record = body.record
            found.append(
                Details(
                    uid=Uid(view.generation.uids[position]),
                    plain=record.plain,
                    envelope=record.envelope,
                    bodystructure=record.bodystructure,
                    header=body.octets[: record.header_size]
                    if header and record.header_size <= HEADER_CACHE_OCTETS
                    else None,
                    object_id=body.object_id,
                    thread_id=body.thread_id,
                    preview=record.preview,
                )
            )
        return found

    async def ready(
        self, view: View, positions: Sequence[int], columns: Sequence[Column]
    ) -> Sequence[Sequence[str]] | None:
        rows = await self.details(view, positions, header=False)
        if not all(row.plain for row in rows):
            return None
        return [
            [
                (row.envelope if column is Column.ENVELOPE else row.bodystructure).decode("ascii")
                for row in rows
            ]
            for column in columns
        ]

    async def headers(self, view: View, positions: Sequence[int]) -> Sequence[bytes | None]:
        return [row.header for row in await self.details(view, positions)]

    async def body(self, view: View, position: int) -> Body:
        return MemoryBody(self._seen(view, position).octets)

    def _seen(self, view: View, position: int) -> StoredBody:
        assert isinstance(view, PinnedView)
        return self.bodies[view.generation.keys[position]]

    async def search(self, view: View, positions: Sequence[int], what: TextSearch) -> Sequence[int]:
        assert isinstance(view, PinnedView)
        # Keys first: the view may advance while the loop has its turns.
        keys = view.generation.keys
        octets = [(position, self.bodies[keys[position]].octets) for position in sorted(positions)]
        found = []
        for position, message in octets:
            if await _last(matches(message, what)):
                found.append(position)
            await asyncio.sleep(0)
        return found

    # --- everything around

    def listen(self, account: AccountId, hear: Callable[..., None]) -> Callable[[], None]:
        return self.feed.listen(account, hear)

    async def annotations(
        self, account: AccountId, mailbox: MailboxId | None
    ) -> Mapping[str, bytes]:
        if mailbox is None:
            return dict(self.account(account).annotations)
        return dict(self.box(mailbox).annotations)

    async def annotate(
        self,
        account: AccountId,
        mailbox: MailboxId | None,
        values: Mapping[str, bytes | None],
        special_use: frozenset[str] | None = None,
    ) -> ModSeq:
        if mailbox is None:
            kept = self.account(account).annotations
        else:
            kept = self.box(mailbox).annotations
            if self.box(mailbox).info.account != account:
                raise NoSuchMailbox("the mailbox belongs to another account")
        every = [self.account(account).annotations, *self.annotations_of(account)]
        sizes = [len(value) for one in every for value in one.values()]
        own = {entry: len(value) for entry, value in kept.items()}
        entries.check(Room(len(sizes), sum(sizes)), own, values)
        for entry, value in values.items():
            if value is None:
                kept.pop(entry, None)
            else:
                kept[entry] = value
        if mailbox is None:
            modseq = self.tell_list(account)
        else:
            if special_use is not None:
                await self.set_special_use(mailbox, special_use)
            modseq = self.box(mailbox).bump()
            self.tell_mailboxes([mailbox])
        self.feed.tell(Change(account, mailbox, modseq, tuple(values)))
        await asyncio.sleep(0)
        return modseq


def _wanted(flags: frozenset[str], change: FlagChange, given: frozenset[str]) -> frozenset[str]:
    match change:
        case FlagChange.REPLACE:
            return given
        case FlagChange.ADD:
            return flags | given
        case FlagChange.REMOVE:
            return flags - given


async def _last(steps: Iterator[bool | None]) -> bool:
    """The answer of a scan; its pauses are turns of the loop."""
    answer = False
    for step in steps:
        if step is None:
            await asyncio.sleep(0)
        else:
            answer = step
    return answer
