"""The port on SQLite and segments: reads inline on a query-only connection, writes as intents.

RFC 9051 (what the verbs mean), RFC 7162, RFC 8474, RFC 9208; `ports.store` has the promises.

Reads take microseconds from the page cache, so they run in the event loop; each finishes its statement before it returns, because an open one would keep the
WAL from being copied back. Of a message's data only what the picture shows is asked for, by the body's own id, so a commit that is not published yet cannot mix in.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from postil.base.clock import Clock
from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.picture import View
from postil.ports.store import (
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
    Mailbox,
    NewMessage,
    NoSuchMailbox,
    Staged,
    Status,
    StoreUnavailable,
    TextSearch,
    Usage,
)
from postil.store.acquaintances import Acquaintances
from postil.store.bodies import ShardBodies
from postil.store.database import read_every, read_first
from postil.store.incoming import incoming, settable, staged
from postil.store.intents.appending import Append
from postil.store.intents.copying import Copy
from postil.store.intents.expunging import Expunge
from postil.store.intents.flagging import ChangeFlags
from postil.store.intents.mailboxes import Create, Delete, Erase, Provision, Rename
from postil.store.intents.picking import sorted_uids
from postil.store.intents.replacing import Replace
from postil.store.intents.sharing import (
    Annotate,
    ClaimRecent,
    SetRights,
    SetSpecialUse,
    Subscribe,
)
from postil.store.intents.upkeep import DropStaged
from postil.store.limits import DETAILS_MAX, FREE_SPACE_FLOOR
from postil.store.picture import PinnedView
from postil.store.places import Places
from postil.store.search.index import SearchIndex
from postil.store.search.scan import scan
from postil.store.shapes import Shapes
from postil.store.shard import Settings, Shard
from postil.store.staging import StagingWriter


class SqliteStore:
    """One shard as `ports.store.Store`."""

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self._places = Places(shard)
        self._bodies = ShardBodies(shard, self._places.body)
        self._index: SearchIndex | None = None  # None: everything is scanned
        self._shapes = Shapes(shard)
        self._acquaintances = Acquaintances(shard)

    @classmethod
    async def at(
        cls,
        folder: Path,
        *,
        clock: Clock,
        free_space_floor: int = FREE_SPACE_FLOOR,
        settings: Settings | None = None,
    ) -> SqliteStore:
        """Open or make the shard in a folder. StoreUnavailable says why not."""
        shard = Shard(folder, clock, settings or Settings(free_space_floor=free_space_floor))
        shard.start()
        store = cls(shard)
        if shard.settings.background:
            store._index = await SearchIndex.open(folder, store._bodies)
            shard.on_bodies = store._index.added
            shard.on_reclaimed = store._index.reclaimed
        return store

    @property
    def wal_octets(self) -> int:
        """Size of the write-ahead log, for the metrics."""
        return self.shard.writer.counts.wal_octets

    async def close(self) -> None:
        """Everything acknowledged is on disk already; this only lets go."""
        if self._index is not None:
            await self._index.stop_following()
        await self.shard.close()
        if self._index is not None:
            await self._index.close()

    # --- mailboxes

    async def mailboxes(self, account: AccountId) -> Sequence[Mailbox]:
        uses: dict[int, set[str]] = {}
        for mailbox, attribute in self._every(
            "SELECT mailbox, attribute FROM special_use WHERE account=?", account
        ):
            uses.setdefault(mailbox, set()).add(attribute)
        return [
            Mailbox(
                number,
                account,
                name,
                uidvalidity,
                identity,
                frozenset(uses.get(number, ())),
                bool(from_inbox),
            )
            for number, name, uidvalidity, identity, from_inbox in self._every(
                "SELECT id, name, uidvalidity, object_id, from_inbox FROM mailbox"
                " WHERE account=? AND doomed=0 ORDER BY name",
                account,
            )
        ]

    async def provision(
        self,
        account: AccountId,
        limit_octets: int | None,
        limit_messages: int | None = None,
        limit_mailboxes: int | None = None,
    ) -> None:
        intent = Provision(account, limit_octets, limit_messages, limit_mailboxes)
        await self.shard.writer.submit(intent)

    async def create(
        self, account: AccountId, name: str, special_use: frozenset[str] = frozenset()
    ) -> Mailbox:
        return await self.shard.writer.submit(Create(account, name, special_use))

    async def delete(self, account: AccountId, name: str) -> None:
        await self.shard.writer.submit(Delete(account, name))

    async def rename(self, account: AccountId, old: str, new: str) -> None:
        await self.shard.writer.submit(Rename(account, old, new))

    async def subscriptions(self, account: AccountId) -> frozenset[str]:
        rows = self._every("SELECT name FROM subscription WHERE account=?", account)
        return frozenset(name for (name,) in rows)

    async def subscribe(self, account: AccountId, name: str, wanted: bool) -> None:
        await self.shard.writer.submit(Subscribe(account, name, wanted))

    async def status(self, mailbox: MailboxId) -> Status:
        row = self._first(
            "SELECT messages, unseen, deleted, size, deleted_size, recent, uidnext, uidvalidity, highest_modseq,"
            " object_id FROM mailbox WHERE id=? AND doomed=0",
            mailbox,
        )
        if row is None:
            raise NoSuchMailbox("the mailbox does not exist any more")
        return Status(*row)

    # --- messages in

    def stage(self, account: AccountId | None, expected: int | None) -> BodyWriter:
        del expected  # small or big shows while it arrives
        return StagingWriter(self.shard.stage, account or 0)

    async def discard(self, body: Staged) -> None:
        dropped = self.shard.stage.bodies.pop(body.number, None)
        if dropped is None or dropped.file is None:
            return
        number = dropped.file.number
        try:
            release = self.shard.stage.file_numbers.discard
            if await self.shard.writer.submit(DropStaged(dropped.file, release)):
                self.shard.drop_segment(number)
        except StoreUnavailable:
            return  # the file has no row, or a row without users: the next start removes it
        finally:
            self.shard.stage.file_numbers.discard(number)

    async def append(self, mailbox: MailboxId, messages: Sequence[NewMessage]) -> Appended:
        sent = self._keeps_sent_mail(mailbox)
        ready = [await incoming(self.shard, message, sent) for message in messages]
        (appended,) = await self.shard.writer.submit(Append([(mailbox, ready)]))
        return appended

    async def replace(
        self, source: MailboxId, uid: Uid, target: MailboxId, message: NewMessage
    ) -> Appended:
        ready = await incoming(self.shard, message, self._keeps_sent_mail(target))
        intent = Replace(source, uid, target, ready)
        (appended,) = await self.shard.writer.submit(intent)
        return appended

    async def deliver(self, targets: Sequence[tuple[MailboxId, NewMessage]]) -> Sequence[Appended]:
        groups = [(mailbox, [await incoming(self.shard, message)]) for mailbox, message in targets]
        return await self.shard.writer.submit(Append(groups))

    def _keeps_sent_mail(self, mailbox: MailboxId) -> bool:
        row = self._first(
            "SELECT 1 FROM special_use WHERE mailbox=? AND attribute='\\Sent'", mailbox
        )
        return row is not None

    async def acquaintance(self, account: AccountId, body: Staged) -> Acquaintance:
        return self._acquaintances.of(account, staged(self.shard, body.number).ingested)

    # --- messages changed

    async def change_flags(
        self,
        mailbox: MailboxId,
        uids: Sequence[Uid],
        change: FlagChange,
        flags: frozenset[str],
        unless_modseq: ModSeq | None = None,
    ) -> Flagged:
        intent = ChangeFlags(mailbox, sorted_uids(uids), change, settable(flags), unless_modseq)
        return await self.shard.writer.submit(intent)

    async def copy(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        return await self.shard.writer.submit(Copy(source, target, sorted_uids(uids), False))

    async def move(self, source: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Copied:
        return await self.shard.writer.submit(Copy(source, target, sorted_uids(uids), True))

    async def expunge(
        self, mailbox: MailboxId, uids: Sequence[Uid] | None, marked_only: bool = True
    ) -> tuple[Uid, ...]:
        wanted = None if uids is None and marked_only else sorted_uids(uids or ())
        return await self.shard.writer.submit(Expunge(mailbox, wanted, marked_only))

    async def gone(self, mailbox: MailboxId, since: ModSeq) -> Sequence[Uid]:
        self._must_exist(mailbox)
        rows = self._every(
            "SELECT uid FROM gone WHERE mailbox=? AND modseq>? ORDER BY uid", mailbox, since
        )
        return [uid for (uid,) in rows]

    async def claim_recent(self, mailbox: MailboxId) -> Uid:
        row = self._first(
            "SELECT recent, recent_from, uidnext FROM mailbox WHERE id=? AND doomed=0", mailbox
        )
        if row is None:
            raise NoSuchMailbox("the mailbox does not exist any more")
        if row[1] == row[2]:
            # Nothing arrived since the last claim: a SELECT then costs no sync.
            return Uid(row[2])
        return await self.shard.writer.submit(ClaimRecent(mailbox))

    # --- messages read

    async def open(self, mailbox: MailboxId) -> View:
        picture = await self.shard.pictures.open(mailbox)
        return picture.open()

    async def details(
        self, view: View, positions: Sequence[int], *, header: bool = True
    ) -> Sequence[Details]:
        assert len(positions) <= DETAILS_MAX
        if not positions:
            return ()
        keys, uids = _keys(view, positions), _pinned(view).generation.uids
        rows = self._shapes.rows(keys)
        heads = self._places.headers(keys) if header else {}
        return [
            Details(Uid(uids[position]), bool(row[0]), row[1], row[2], heads.get(key), *row[3:])
            for position, key, row in zip(positions, keys, rows, strict=True)
        ]

    async def ready(
        self, view: View, positions: Sequence[int], columns: Sequence[Column]
    ) -> Sequence[Sequence[str]] | None:
        assert 0 < len(positions) <= DETAILS_MAX
        return self._shapes.ready(_keys(view, positions), columns)

    async def headers(self, view: View, positions: Sequence[int]) -> Sequence[bytes | None]:
        assert len(positions) <= DETAILS_MAX
        keys = _keys(view, positions)
        heads = self._places.headers(keys)
        return [heads.get(key) for key in keys]

    async def body(self, view: View, position: int) -> Body:
        return self._places.body_in(_pinned(view).generation.keys, position)

    async def search(self, view: View, positions: Sequence[int], what: TextSearch) -> Sequence[int]:
        # Keys first: positions shift when the view advances while the loop has its turns.
        keys = _pinned(view).generation.keys
        wanted = sorted(positions)
        own = [keys[position] for position in wanted]
        # The row of a deleted mailbox may be purged while a view still shows its messages.
        owner = self._first("SELECT account FROM mailbox WHERE id=?", view.mailbox)
        await asyncio.sleep(0)
        if self._index is None or owner is None:
            found = await scan(self._bodies, sorted(set(own)), what)
        else:
            found = await self._index.search(AccountId(owner[0]), own, what)
        if not found:
            return ()
        await asyncio.sleep(0)
        return [position for position, key in zip(wanted, own, strict=True) if key in found]

    # --- everything around

    def listen(self, account: AccountId, hear: Callable[[Change], None]) -> Callable[[], None]:
        return self.shard.feed.listen(account, hear)

    def free_octets(self) -> int:
        shard = self.shard
        try:
            free = shard.files.free_space(shard.segments_folder)
        except OSError:
            return 0
        return max(free - shard.settings.free_space_floor, 0)

    async def usage(self, account: AccountId) -> Usage:
        row = self._first("SELECT octets, messages, mailboxes FROM account WHERE id=?", account)
        return Usage(*row) if row else Usage(0, 0, 0)

    async def set_special_use(self, mailbox: MailboxId, special_use: frozenset[str]) -> None:
        await self.shard.writer.submit(SetSpecialUse(mailbox, special_use))

    async def annotations(
        self, account: AccountId, mailbox: MailboxId | None
    ) -> Mapping[str, bytes]:
        if mailbox is not None:
            self._must_exist(mailbox)
        return dict(
            self._every(
                "SELECT entry, value FROM annotation WHERE account=? AND mailbox=? AND user=0 ORDER BY entry",
                account,
                mailbox or 0,
            )
        )

    async def annotate(
        self,
        account: AccountId,
        mailbox: MailboxId | None,
        values: Mapping[str, bytes | None],
        special_use: frozenset[str] | None = None,
    ) -> ModSeq:
        intent = Annotate(account, mailbox, dict(values), special_use)
        return await self.shard.writer.submit(intent)

    async def rights(self, mailbox: MailboxId) -> Mapping[str, str]:
        self._must_exist(mailbox)
        return dict(
            self._every(
                "SELECT identifier, rights FROM rights WHERE mailbox=? ORDER BY identifier", mailbox
            )
        )

    async def set_rights(self, mailbox: MailboxId, identifier: str, rights: str | None) -> None:
        await self.shard.writer.submit(SetRights(mailbox, identifier, rights))

    async def erase(self, account: AccountId) -> None:
        await self.shard.writer.submit(Erase(account))

    def _must_exist(self, mailbox: MailboxId) -> None:
        if self._first("SELECT 1 FROM mailbox WHERE id=? AND doomed=0", mailbox) is None:
            raise NoSuchMailbox("the mailbox does not exist any more")

    def _every(self, sql: str, *bindings: int) -> list[tuple[Any, ...]]:
        return read_every(self.shard.reader, sql, bindings)

    def _first(self, sql: str, *bindings: int) -> tuple[Any, ...] | None:
        return read_first(self.shard.reader, sql, bindings)


def _pinned(view: View) -> PinnedView:
    assert isinstance(view, PinnedView)
    return view


def _keys(view: View, positions: Sequence[int]) -> array[int]:
    """The bodies' own ids."""
    keys = _pinned(view).generation.keys
    if isinstance(positions, range) and positions.step == 1:
        return array("q", keys[positions.start : positions.stop])
    return array("q", [keys[position] for position in positions])
