"""One folder, one owner: the parts of a shard, how they start and end, and what happens after each commit.

Theory of operation. The writer thread hands over the outcomes of a batch; `_publish` runs in the loop and does, in commit order: define flag sets, change
the pictures, resolve the futures, tell the change feed. Nobody sees a change before it is on disk, and whoever awaited it
sees it everywhere.

Bodies are free when no row of `msg` uses them (`refs = 0`) and no view shows a dead message that did. `_pinned` counts the second; a body comes into
`_free` when the last row has gone, not before, since a chore that waits must not find that somebody has begun to look at it: once unused, always
unused. What a view still shows waits in `_unused`. Chores reclaim, empty deleted mailboxes and compact segments. A start reclaims what the last run left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from postil.base.clock import Clock
from postil.ports.ids import AccountId, MailboxId, ModSeq
from postil.ports.store import Change, StoreError, StoreUnavailable
from postil.store.compaction import Compact, candidates
from postil.store.database import (
    DISK_TROUBLE,
    NONSENSE,
    every,
    first,
    one,
    open_reader,
    open_writer,
    read_every,
)
from postil.store.events import (
    Annotated,
    BodiesAdded,
    BodiesReclaimed,
    Event,
    FlagsChanged,
    Learned,
    ListChanged,
    MailboxGone,
    MessagesAdded,
    MessagesGone,
    ModseqRaised,
    SetsDefined,
)
from postil.store.feed import Feed
from postil.store.files import DiskFiles, Files
from postil.store.intents.upkeep import Purge, Reclaim, SaveSnapshot
from postil.store.limits import FREE_SPACE_FLOOR, NUMBERS_RESERVED, RECLAIM_BODIES
from postil.store.lock import FolderLock
from postil.store.migrations import migrate
from postil.store.pictures import Pictures
from postil.store.readers import Segments
from postil.store.requests import Intent, Outcome
from postil.store.segments import Log, Numbers, segment_numbers, segment_path
from postil.store.staging import Stage
from postil.store.writer import Writer, WriterHooks

log = logging.getLogger("postil.store")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a shard is opened; the defaults are the product, the rest is for tests."""

    free_space_floor: int = FREE_SPACE_FLOOR
    files: Files = field(default_factory=DiskFiles)
    vfs: str | None = None
    background: bool = True  # False: no chores but when asked


class Shard:
    """The open parts of a shard; `SqliteStore` speaks the port on top of it."""

    def __init__(self, folder: Path, clock: Clock, settings: Settings) -> None:
        self.folder = folder
        self.clock = clock
        self.settings = settings
        self.files = settings.files
        self.segments_folder = folder / "segments"
        self.index_path = folder / "index.db"
        self.numbers = Numbers()
        self.segments = Segments(self.files, self.segments_folder)
        self.stage = Stage(
            self.files, self.segments_folder, self.numbers.take, self.free_space_is_low
        )
        self.feed = Feed()
        self.newest_body = 0  # published; the search index follows it
        self.on_bodies: Callable[[Sequence[int]], None] = lambda _bodies: None
        self.on_learned: Callable[[AccountId], object] = lambda _account: None
        self.on_reclaimed: Callable[[Sequence[int]], None] = lambda _bodies: None
        self._pinned: Counter[int] = Counter()
        self._free: list[int] = []  # unused, and shown by nobody when they came
        self._unused: set[int] = set()  # unused, and shown by a view
        self._doomed: list[MailboxId] = []
        self.working: asyncio.Future[Any] | None = None  # the chore that runs
        self.closed = False
        self.log: Log
        self.reader: apsw.Connection
        self.writer: Writer
        self.pictures: Pictures
        self._lock: FolderLock

    # --- start and end

    def start(self) -> None:
        """Take the folder, bring the schema up to date, clean up after a crash. StoreUnavailable."""
        self._make_folders()
        self._lock = FolderLock(self.folder)
        try:
            db = self._connect()
            try:
                self._prepare(db)
            except BaseException:
                db.close()
                raise
        except BaseException:
            self._lock.release()
            raise
        self.reader = open_reader(self.index_path, self.settings.vfs)
        self.log = Log(self.files, self.segments_folder, self.numbers)
        self.writer = Writer(
            WriterHooks(
                self._connect,
                self.free_space_is_low,
                self._publish,
                self._recovered,
                lambda what, error: log.error("store: %s: %r", what, error),
            ),
            self.log,
            self.numbers,
            self.clock,
            asyncio.get_running_loop(),
        )
        self.pictures = Pictures(self.reader, self._released, self._later)
        self.writer.start(db)
        self._leftovers()

    def _make_folders(self) -> None:
        try:
            folder = self.segments_folder
            missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
            for path in reversed(missing):
                self.files.make_folder(path)
                self.files.sync_folder(path.parent)
            # A file is as durable as the folders above it, and whoever made them may have died before he synced.
            self.files.sync_folder(self.folder)
            with contextlib.suppress(PermissionError):  # one we may not read we did not write to
                self.files.sync_folder(self.folder.parent)
        except OSError as error:
            raise StoreUnavailable(
                f"cannot make the data folder {self.folder}: {error.strerror}"
            ) from error

    def _connect(self) -> apsw.Connection:
        return open_writer(self.index_path, self.settings.vfs)

    def _prepare(self, db: apsw.Connection) -> None:
        try:
            migrate(db)
            now = int(self.clock.now())
            with db:
                db.execute(
                    "INSERT INTO meta VALUES ('uidvalidity', ?), ('segment_numbers', 1)"
                    " ON CONFLICT DO NOTHING",
                    (now,),
                )
                (start,) = one(db, "SELECT value FROM meta WHERE key='segment_numbers'")
                end = start + NUMBERS_RESERVED
                db.execute("UPDATE meta SET value=? WHERE key='segment_numbers'", (end,))
            self._remove_orphans(db)
        except (*DISK_TROUBLE, *NONSENSE) as error:
            raise StoreUnavailable(
                f"cannot write the mail index in {self.folder}: {error}"
            ) from error
        except OSError as error:
            raise StoreUnavailable(
                f"cannot write in the data folder {self.folder}: {error.strerror}"
            ) from error
        self.numbers.reserved(start, end)
        row = first(db, "SELECT seq FROM sqlite_sequence WHERE name='body'")
        self.newest_body = row[0] if row else 0

    def _remove_orphans(self, db: apsw.Connection) -> None:
        """Files that no row names: a crash came between the file and the commit."""
        db.execute("DELETE FROM segment WHERE kind=1 AND live=0")
        known = {number for (number,) in every(db, "SELECT number FROM segment")}
        for number in segment_numbers(self.files, self.segments_folder):
            if number not in known:
                self.files.remove(segment_path(self.segments_folder, number))

    def _leftovers(self) -> None:
        try:
            free = read_every(self.reader, "SELECT id FROM body WHERE refs=0")
            doomed = read_every(self.reader, "SELECT id FROM mailbox WHERE doomed=1")
        except StoreError as error:
            # A damaged page: whoever needs it hears of it, the others can have their mail.
            log.error("store: cannot clean up: %s", error)
            return
        self._free.extend(body for (body,) in free)
        self._doomed.extend(mailbox for (mailbox,) in doomed)
        self.work()

    async def close(self) -> None:
        """Finish what is queued and let go of the folder; idempotent."""
        if self.closed:
            return
        self.closed = True
        self.pictures.close()
        await self.writer.finish_chores()
        await self.writer.stop()
        self.reader.close()
        self.segments.close()
        self.stage.close()
        self._lock.release()

    def free_space_is_low(self) -> bool:
        """Below the floor no message is taken."""
        try:
            return self.files.free_space(self.segments_folder) < self.settings.free_space_floor
        except OSError:
            return True

    # --- after a commit

    def _publish(self, outcomes: Sequence[Outcome]) -> None:
        changes: dict[tuple[AccountId, MailboxId | None], ModSeq] = {}
        annotated: list[Change] = []
        for outcome in outcomes:
            try:
                for event in outcome.events:
                    if isinstance(event, Annotated):
                        annotated.append(
                            Change(event.account, event.mailbox, event.modseq, event.entries)
                        )
                    else:
                        self._apply(event, changes)
            except Exception as error:
                log.exception("store: a picture could not follow a commit")
                outcome.error = error
        for (account, mailbox), modseq in changes.items():
            self.feed.tell(Change(account, mailbox, modseq))
        for change in annotated:
            self.feed.tell(change)
        for outcome in outcomes:
            if outcome.future.done():
                continue  # whoever asked has gone; what he asked for is done all the same
            if outcome.error is not None:
                outcome.future.set_exception(outcome.error)
            else:
                outcome.future.set_result(outcome.value)
        if self._free or self._doomed:
            self.work()

    def _apply(
        self, event: Event, changes: dict[tuple[AccountId, MailboxId | None], ModSeq]
    ) -> None:
        match event:
            case BodiesAdded(bodies):
                self.newest_body = max(self.newest_body, *bodies)
                self.on_bodies(bodies)
                return
            case BodiesReclaimed(bodies, segments):
                for number in segments:
                    self.drop_segment(number)
                self.on_reclaimed(bodies)
                return
            case Learned(account):
                self.on_learned(account)
                return
            case ListChanged(account, modseq):
                changes[account, None] = modseq
                return
            case SetsDefined(mailbox, sets):
                picture = self.pictures.get(mailbox)
                if picture is not None:
                    for number, names in sets:
                        picture.flagsets.define(number, names)
                return
            case MailboxGone(_, mailbox):
                picture = self.pictures.get(mailbox)
                if picture is not None:
                    self._pinned.update(picture.delete())
                    self.pictures.settle(mailbox)
                self._doomed.append(mailbox)
                return
            case Annotated():
                return  # `_publish` tells it
        picture = self.pictures.get(event.mailbox)
        changes[event.account, event.mailbox] = event.modseq
        held: Sequence[int] = ()
        if picture is not None and event.modseq > picture.highest_modseq:
            match event:
                case MessagesAdded(_, _, modseq, rows):
                    picture.append(rows, modseq)
                case FlagsChanged(_, _, modseq, flag_changes):
                    picture.change_flags(flag_changes, modseq)
                case MessagesGone(_, _, modseq, uids, _):
                    held = picture.expunge(uids, modseq)
                case ModseqRaised(_, _, modseq):
                    picture.raise_modseq(modseq)
        self._pinned.update(held)
        if isinstance(event, MessagesGone):
            self._free.extend(event.bodies)

    def _later(self, chore: SaveSnapshot) -> None:
        """Background work whose failure costs nothing but time."""
        self.writer.chore(chore).add_done_callback(
            lambda done: None if done.cancelled() else done.exception() and None
        )

    def drop_segment(self, number: int) -> None:
        """A file nobody needs any more; who reads it keeps it open."""
        self.segments.forget(number)
        try:
            self.files.remove(segment_path(self.segments_folder, number))
        except OSError as error:
            # The next start finds it without a row and tries again.
            log.warning("store: cannot remove segment %d: %s", number, error)

    def _released(self, bodies: Sequence[int]) -> None:
        """Views have let go of dead messages."""
        for body in bodies:
            self._pinned[body] -= 1
            if self._pinned[body] <= 0:
                del self._pinned[body]
                if body in self._unused:
                    # Others are still used by some message: the one that uses them last brings them here.
                    self._unused.discard(body)
                    self._free.append(body)
        self.work()

    def _recovered(self) -> None:
        """The writer opened the database again: a COMMIT that failed may have happened after all."""
        self._pinned.update(self.pictures.catch_up())
        self._leftovers()

    # --- chores

    def work(self) -> None:
        """Begin with the chores that there are, unless they run already."""
        if self.working is None and not self.closed and self.settings.background:
            self._next_chore()

    def _next_chore(self) -> None:
        chore: Intent[Any] | None = None
        free = self._take_free()
        if free:
            chore = Reclaim(free, self.stage.file_numbers.__contains__)
        elif self._doomed:
            chore = Purge(self._doomed[-1])
        elif (segment := self._worst_segment()) is not None:
            chore = Compact(segment, self.log, self.files, self.segments_folder)
        if chore is None or self.closed:
            self.working = None
            return
        self.working = self.writer.chore(chore)
        self.working.add_done_callback(lambda done: self._chore_done(chore, done))

    def _worst_segment(self) -> int | None:
        try:
            return next(iter(candidates(self.reader, self.log.number)), None)
        except StoreError as error:
            log.error("store: no compaction: %s", error)
            return None

    def _take_free(self) -> array[int]:
        """Some bodies that no view holds; those held come back by `_released`."""
        some: list[int] = []
        while self._free and len(some) < RECLAIM_BODIES:
            body = self._free.pop()
            if body in self._pinned:
                self._unused.add(body)
            else:
                some.append(body)
        return array("q", sorted(set(some)))

    def _chore_done(self, chore: Intent[Any], done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None or self.closed:
            # Disk trouble: the next commit that works, or the next start, comes back to it.
            if isinstance(chore, Reclaim):
                self._free.extend(chore.bodies)
            self.working = None
            return
        if isinstance(chore, Purge):
            bodies = done.result()
            if bodies is None:
                self._doomed.remove(chore.mailbox)
            else:
                self._free.extend(bodies)
        self._next_chore()
