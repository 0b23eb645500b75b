"""Pictures of mailboxes: loaded from the index, kept in step with commits, let go when memory is short.

RFC 9051 §2.3.1.2 (sequence numbers), RFC 7162 §3.1 (modseqs).

Theory of operation. A picture is loaded once and shared. Loading takes the packed snapshot (chunks of 8,192 uids, as of `snapshot_modseq`) or pages of rows, and
then everything with a higher modseq. Rows read in several slices belong to different moments; the last step, in one go, adds what changed since
the first and takes out what has gone since, so the picture is right at the moment it is handed out. From then on it follows the
events of commits; an event with a modseq it already has is passed over.

Snapshots are written when a mailbox that changed much is looked at no more, at eviction and at the end; they are a cache and may always be missing.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import Corrupt, NoSuchMailbox
from postil.store.database import read_every, read_first
from postil.store.flagsets import FlagTable, FlagTableFull
from postil.store.generation import Columns, Generation, Row
from postil.store.intents.upkeep import SaveSnapshot
from postil.store.limits import (
    CHUNK_UIDS,
    LOAD_ROWS,
    PICTURES_MESSAGES,
    SNAPSHOT_CHANGES,
    SNAPSHOT_FROM,
)
from postil.store.picture import MailboxPicture
from postil.store.snapshots import pack, unpack

_ROW = "uid, flags, modseq, size, date, save_date, body"


class _Picture(MailboxPicture):
    """A picture that tells when its last view has closed."""

    __slots__ = ("idle",)

    idle: Callable[[MailboxId], None]

    def unpin(self, generation: Generation) -> None:
        super().unpin(generation)
        if not self.views:
            self.idle(self.mailbox)


@dataclass(slots=True)
class _Loaded:
    picture: MailboxPicture
    snapshot: ModSeq  # as of which modseq the snapshot in the database is


class Pictures:
    """All pictures of a shard; lives in the event loop."""

    def __init__(
        self,
        reader: apsw.Connection,
        released: Callable[[Sequence[int]], None],
        save: Callable[[SaveSnapshot], None],
    ) -> None:
        self._reader = reader
        self._released = released
        self._save = save
        self._loaded: OrderedDict[MailboxId, _Loaded] = OrderedDict()
        self._loading: dict[MailboxId, asyncio.Future[_Loaded]] = {}
        self._messages = 0
        self._closed = False

    def get(self, mailbox: MailboxId) -> MailboxPicture | None:
        """The picture if it is in memory."""
        loaded = self._loaded.get(mailbox)
        return loaded.picture if loaded else None

    async def open(self, mailbox: MailboxId) -> MailboxPicture:
        """The picture, loaded if need be. NoSuchMailbox."""
        loaded = self._loaded.get(mailbox)
        if loaded is not None:
            self._loaded.move_to_end(mailbox)
            if loaded.picture.deleted:
                raise NoSuchMailbox("the mailbox does not exist any more")
            return loaded.picture
        waiting = self._loading.get(mailbox)
        if waiting is None:
            waiting = self._loading[mailbox] = asyncio.get_running_loop().create_future()
            try:
                loaded = await self._load(mailbox)
            except BaseException as error:
                # Whoever waits tries for himself: this one may only have been cancelled.
                waiting.cancel()
                raise error
            else:
                self._loaded[mailbox] = loaded
                self._messages += len(loaded.picture.current)
                waiting.set_result(loaded)
            finally:
                del self._loading[mailbox]
            self._evict()
            return loaded.picture
        await asyncio.wait([waiting])
        return await self.open(mailbox)

    async def _load(self, mailbox: MailboxId) -> _Loaded:
        row = read_first(
            self._reader,
            "SELECT highest_modseq, snapshot_modseq FROM mailbox WHERE id=? AND doomed=0",
            (mailbox,),
        )
        if row is None:
            raise NoSuchMailbox("the mailbox does not exist any more")
        highest, snapshot = row
        if snapshot and (columns := self._unpack(mailbox)) is not None:
            loaded = self._complete(mailbox, columns, snapshot, snapshot)
            if loaded is not None:
                return loaded
        # No snapshot, or one that does not fit: the rows are the truth.
        try:
            columns = await self._load_rows(mailbox)
            loaded = self._complete(mailbox, columns, highest, ModSeq(0))
        except (OverflowError, TypeError, FlagTableFull):  # no number that we ever wrote
            loaded = None
        if loaded is None:
            raise Corrupt("the counters of a mailbox do not fit its messages; run postil verify")
        return loaded

    def _unpack(self, mailbox: MailboxId) -> Columns | None:
        chunks = read_every(
            self._reader, "SELECT data FROM snapshot WHERE mailbox=? ORDER BY chunk", (mailbox,)
        )
        try:
            return unpack(data for (data,) in chunks)
        except ValueError:
            return None

    async def _load_rows(self, mailbox: MailboxId) -> Columns:
        columns = Columns.empty()
        last = 0
        while True:
            rows = read_every(
                self._reader,
                f"SELECT {_ROW} FROM msg WHERE mailbox=? AND uid>? ORDER BY uid LIMIT ?",
                (mailbox, last, LOAD_ROWS),
            )
            if rows:
                for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                    column.extend(values)
                last = rows[-1][0]
            if len(rows) < LOAD_ROWS:
                return columns
            await asyncio.sleep(0)

    def _complete(
        self, mailbox: MailboxId, columns: Columns, since: ModSeq, snapshot: ModSeq
    ) -> _Loaded | None:
        """Bring columns that are right as of `since` (or newer in places) to this moment, without a break.

        None when they do not add up to the number of messages.
        """
        # One read transaction: the counters, the changes and the sets belong together.
        with self._reader:
            row = read_first(
                self._reader,
                "SELECT uidvalidity, uidnext, highest_modseq, messages"
                " FROM mailbox WHERE id=? AND doomed=0",
                (mailbox,),
            )
            if row is None:
                raise NoSuchMailbox("the mailbox does not exist any more")
            uidvalidity, uidnext, highest, messages = row
            table = FlagTable()
            for number, names in read_every(
                self._reader,
                "SELECT number, names FROM flagset WHERE mailbox=? ORDER BY number",
                (mailbox,),
            ):
                table.define(number, names.split())
            changed, gone = self._changes(mailbox, since)
        if changed or gone:
            columns = _merge(columns, changed, gone)
        if len(columns.uids) != messages or max(columns.flags, default=0) >= len(table):
            return None
        picture = _Picture(
            mailbox, uidvalidity, Uid(uidnext), ModSeq(highest), table, columns, self._released
        )
        picture.idle = self.settle
        return _Loaded(picture, ModSeq(snapshot))

    def _changes(self, mailbox: MailboxId, since: int) -> tuple[list[tuple[int, ...]], list[int]]:
        changed = read_every(
            self._reader,
            f"SELECT {_ROW} FROM msg WHERE mailbox=? AND modseq>? ORDER BY modseq, uid",
            (mailbox, since),
        )
        gone = read_every(
            self._reader, "SELECT uid FROM gone WHERE mailbox=? AND modseq>?", (mailbox, since)
        )
        return changed, [uid for (uid,) in gone]

    # --- after trouble

    def catch_up(self) -> Counter[int]:
        """Compare every picture with the database, after the writer lost track of a COMMIT; gives bodies that views hold."""
        held: Counter[int] = Counter()
        for mailbox, loaded in self._loaded.items():
            picture = loaded.picture
            if picture.deleted:
                continue
            row = read_first(
                self._reader,
                "SELECT highest_modseq FROM mailbox WHERE id=? AND doomed=0",
                (mailbox,),
            )
            if row is None:
                held.update(picture.delete())
                continue
            if row[0] == picture.highest_modseq:
                continue
            for number, names in read_every(
                self._reader, "SELECT number, names FROM flagset WHERE mailbox=?", (mailbox,)
            ):
                picture.flagsets.define(number, names.split())
            changed, gone = self._changes(mailbox, picture.highest_modseq)
            for uid, flags, modseq, size, date, save_date, body in changed:
                if uid >= picture.uidnext:
                    picture.append([Row(uid, flags, size, date, save_date, body)], ModSeq(modseq))
                else:
                    picture.change_flags([(uid, flags)], ModSeq(modseq))
            held.update(picture.expunge(gone, ModSeq(row[0])))
        return held

    # --- letting go

    def settle(self, mailbox: MailboxId) -> None:
        """A view was closed: maybe pack the mailbox, maybe forget some."""
        loaded = self._loaded.get(mailbox)
        if loaded is None or loaded.picture.views or self._closed:
            return
        if loaded.picture.deleted:
            self.forget(mailbox)
            return
        if loaded.picture.highest_modseq - loaded.snapshot > SNAPSHOT_CHANGES:
            self._snapshot(loaded)
        self._evict()

    def forget(self, mailbox: MailboxId) -> None:
        """Drop a picture that no view shows."""
        loaded = self._loaded.pop(mailbox, None)
        if loaded is not None:
            self._messages -= len(loaded.picture.current)

    def close(self) -> None:
        """Snapshots of everything that changed; views may still be closed after this, nothing else."""
        self._closed = True
        for loaded in self._loaded.values():
            if not loaded.picture.deleted:
                self._snapshot(loaded)

    def _evict(self) -> None:
        self._messages = sum(len(loaded.picture.current) for loaded in self._loaded.values())
        if self._messages <= PICTURES_MESSAGES:
            return
        for mailbox, loaded in list(self._loaded.items()):
            if loaded.picture.views:
                continue
            if not loaded.picture.deleted:
                self._snapshot(loaded)
            self.forget(mailbox)
            if self._messages <= PICTURES_MESSAGES:
                return

    def _snapshot(self, loaded: _Loaded) -> None:
        """Queue the chunks that changed since the last one."""
        picture = loaded.picture
        since, now = loaded.snapshot, picture.highest_modseq
        if now == since or len(picture.current) < SNAPSHOT_FROM:
            return
        generation = picture.current
        if generation.dead:
            generation = generation.compacted()
        columns = generation.columns
        if since:
            dirty = {
                columns.uids[place] // CHUNK_UIDS
                for place, modseq in enumerate(columns.modseqs)
                if modseq > since
            }
            _, gone = self._changes(picture.mailbox, since)
            dirty.update(uid // CHUNK_UIDS for uid in gone)
        else:
            dirty = set(range(columns.uids[0] // CHUNK_UIDS, columns.uids[-1] // CHUNK_UIDS + 1))
        self._save(SaveSnapshot(picture.mailbox, now, pack(columns, sorted(dirty))))
        loaded.snapshot = now


def _merge(columns: Columns, changed: Sequence[tuple[int, ...]], gone: Sequence[int]) -> Columns:
    """Columns with changed or new messages put in and gone ones taken out."""
    generation = Generation(columns)
    fresh = []
    for row in changed:
        at = generation.position(Uid(row[0]))
        if at is None:
            fresh.append(row)
        else:
            columns.flags[at] = row[1]
            columns.modseqs[at] = row[2]
    fresh.sort()  # by uid; all above those that were there
    for row in fresh:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    lost = [at for uid in sorted(gone) if (at := generation.position(Uid(uid))) is not None]
    if not lost:
        return columns
    generation.kill(lost)
    return generation.compacted().columns
