"""The one thread that writes a shard: everything that waits becomes one batch with one sync.

Theory of operation. Requests arrive in a queue, each an intent and a future. The thread takes all that wait and
1. writes their bodies into the current log segment and syncs it (and the folder, when the file is new);
2. runs one transaction, a savepoint per request, and COMMITs it (WAL, synchronous=FULL);
3. hands the outcomes to the event loop in commit order, which updates the pictures and resolves the futures.
There is no delay timer: what queued up during a sync is the next batch, so a lone request waits for nobody and fifty share two syncs.

The GIL rule: this thread calls SQL and file writes, which let go of the GIL; it never loops over messages in Python where SQL can.

When the disk fails. A request that finds no space gets `StoreUnavailable` and the next one tries again. After an error of reading, writing or syncing nobody knows what
is on disk, and a failed sync is never repeated: the segment is abandoned, the database is closed without a checkpoint, opened again and checked,
and the loop compares its pictures with it, because a COMMIT that failed may yet be found done.

Background work (reclaiming, purging, compaction) comes as chores: one at a time, when nothing else waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import apsw

from postil.base.clock import Clock
from postil.ports.store import Corrupt, StoreError, StoreUnavailable
from postil.store.connection import TROUBLE, WriterCounts, WritingConnection
from postil.store.database import DISK_TROUBLE
from postil.store.limits import CHORE_EVERY, NUMBERS_RESERVED
from postil.store.requests import Inbox, Intent, Outcome, Request
from postil.store.segments import Log, Numbers, Record
from postil.store.transaction import Transaction

T = TypeVar("T")

_FULL = "the disk is nearly full, try again later"


@dataclass(slots=True)
class WriterHooks:
    """What the writer needs of the shard around it."""

    connect: Callable[[], apsw.Connection]
    free_space_is_low: Callable[[], bool]
    publish: Callable[[Sequence[Outcome]], None]  # in the loop
    recovered: Callable[[], None]  # in the loop
    on_error: Callable[[str, BaseException], None]  # in the writer thread; for the log


class Writer:
    """Owns the writing connection from `start` to `stop`."""

    def __init__(
        self,
        hooks: WriterHooks,
        log: Log,
        numbers: Numbers,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._hooks = hooks
        self._log = log
        self._numbers = numbers
        self._clock = clock
        self._loop = loop
        self._inbox = Inbox()
        self.counts = WriterCounts()
        self._connection = WritingConnection(hooks.connect, hooks.on_error, self.counts)
        self._thread = threading.Thread(target=self._main, name="postil-writer", daemon=True)
        # Synced log segments whose row is not committed yet: their ends.
        self._unnamed: dict[int, int] = {}
        self._named = 0  # the log segment that has its row
        self._stopping = False

    # --- from the loop

    def start(self, db: apsw.Connection) -> None:
        """Take over the connection."""
        self._connection.adopt(db)
        self._thread.start()

    def submit(self, intent: Intent[T]) -> asyncio.Future[T]:
        """Queue a request; the future is done when it is on disk and published."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._stopping:
            future.set_exception(StoreUnavailable("the mail store is shutting down"))
        else:
            self._inbox.put(Request(intent, future))
        return future

    def chore(self, intent: Intent[T]) -> asyncio.Future[T]:
        """Queue background work: it runs when nothing else waits. Cancelled when the writer stops first."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._stopping:
            future.cancel()
        else:
            self._inbox.put_chore(Request(intent, future))
        return future

    async def finish_chores(self) -> None:
        """Let the chores end that are queued; before `stop`."""
        waiting = [request.future for request in tuple(self._inbox.chores)]
        if waiting:
            await asyncio.wait(waiting)

    async def stop(self) -> None:
        """Finish what is queued, checkpoint and close."""
        if not self._stopping:
            self._stopping = True
            self._inbox.end()
        await asyncio.to_thread(self._thread.join)
        for request in self._inbox.chores:
            request.future.cancel()
        self._inbox.chores.clear()

    # --- the thread

    def _main(self) -> None:
        since_chore = 0
        while True:
            busy_chores = bool(self._inbox.chores)
            batch, ending = self._inbox.take(wait=not busy_chores, ending=self._stopping)
            if batch:
                self._run(batch)
                since_chore += 1
            if busy_chores and (not batch or since_chore >= CHORE_EVERY):
                since_chore = 0
                self._run([self._inbox.chores.popleft()])
            idle = self._inbox.requests.empty()
            try:
                if not self._connection.checkpoint(idle):
                    self._abandon()
            except Exception as error:  # noqa: BLE001 - a thread that died would leave everybody waiting for ever
                self._hooks.on_error("checkpoint", error)
                self._abandon()
            if ending and idle and self._inbox.held is None:
                self._log.abandon()
                self._connection.close()
                return

    def _run(self, batch: list[Request]) -> None:
        self.counts.batches += 1
        self.counts.intents += len(batch)
        outcomes: list[Outcome] = []
        try:
            tx = self._ready()
            runnable = self._write_bodies(tx, batch, outcomes)
            outcomes.extend(self._commit(tx, runnable))
        except StoreError as error:
            self._fail(batch, outcomes, error)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a bug; whoever asked hears of it
            self._hooks.on_error("writer", error)
            self._abandon()
            self._fail(batch, outcomes, StoreUnavailable(TROUBLE))
        self._loop.call_soon_threadsafe(self._hooks.publish, outcomes)

    @staticmethod
    def _fail(batch: Sequence[Request], outcomes: list[Outcome], error: StoreError) -> None:
        """Everyone of the batch who has no outcome yet gets the error."""
        done = {id(outcome.future) for outcome in outcomes}
        outcomes.extend(
            Outcome(request.future, error=error)
            for request in batch
            if id(request.future) not in done
        )

    def _write_bodies(
        self, tx: Transaction, batch: Sequence[Request], outcomes: list[Outcome]
    ) -> list[Request]:
        """Put the bodies on disk; gives the requests that can go on."""
        low: bool | None = None
        runnable: list[Request] = []
        records: list[Record] = []
        for request in batch:
            if request.intent.grows:
                if low is None:
                    low = self._hooks.free_space_is_low()
                if low:
                    outcomes.append(Outcome(request.future, error=StoreUnavailable(_FULL)))
                    continue
            try:
                request.intent.prepare(tx)
            except StoreError as error:
                outcomes.append(Outcome(request.future, error=error))
                continue
            for record in request.intent.records:
                if not record.body:
                    record.body = self._connection.next_body()
                records.append(record)
            runnable.append(request)
        if not records:
            return runnable
        try:
            self._log.write(records)
        except OSError as error:
            # Nothing of it counts, and the tail may be torn.
            self._log.abandon()
            self._hooks.on_error("writing bodies", error)
            return self._without_bodies(runnable, outcomes)
        try:
            self._log.sync()
            self.counts.body_syncs += 1
            if self._log.number != self._named:
                # Even if every request of the batch fails: a file without a row would lie there till the next start.
                self._unnamed[self._log.number] = self._log.end
        except OSError as error:
            self._hooks.on_error("syncing bodies", error)
            self._abandon()
            raise StoreUnavailable(TROUBLE) from error
        return runnable

    @staticmethod
    def _without_bodies(requests: Sequence[Request], outcomes: list[Outcome]) -> list[Request]:
        kept = []
        for request in requests:
            if request.intent.records:
                outcomes.append(Outcome(request.future, error=StoreUnavailable(TROUBLE)))
            else:
                kept.append(request)
        return kept

    def _commit(self, tx: Transaction, batch: Sequence[Request]) -> list[Outcome]:
        """One transaction for all. StoreUnavailable when the disk refuses it: then nothing happened."""
        db = tx.db
        tx.now = int(self._clock.now())
        outcomes: list[Outcome] = []
        try:
            db.execute("BEGIN IMMEDIATE")
            for request in batch:
                outcomes.append(self._one(tx, request))
            self._segment_rows(tx)
            end = self._reserve(tx)
            db.execute("COMMIT")
        except DISK_TROUBLE as error:
            self._hooks.on_error("commit", error)
            tx.drop_all()
            if isinstance(error, (apsw.IOError, apsw.CorruptError, apsw.NotADBError)):
                self._abandon()
            elif db.in_transaction:
                db.execute("ROLLBACK")
            text = _FULL if isinstance(error, apsw.FullError) else TROUBLE
            raise StoreUnavailable(text) from error
        self.counts.commits += 1
        self._numbers.reserved(0, end)
        if self._unnamed:
            self._unnamed.clear()
            self._named = self._log.number
        return outcomes

    def _one(self, tx: Transaction, request: Request) -> Outcome:
        db = tx.db
        tx.begin_intent()
        db.execute("SAVEPOINT intent")
        try:
            value = request.intent.execute(tx)
        except apsw.CorruptError as error:
            # A damaged page harms whoever needs it; the others of the batch go on.
            db.execute("ROLLBACK TO intent")
            db.execute("RELEASE intent")
            tx.drop_intent()
            self._hooks.on_error(type(request.intent).__name__, error)
            text = "a page of the mail index is damaged; run postil verify"
            return Outcome(request.future, error=Corrupt(text))
        except DISK_TROUBLE:
            raise
        except Exception as error:  # noqa: BLE001 - a bug of one intent must not fail its neighbours
            db.execute("ROLLBACK TO intent")
            db.execute("RELEASE intent")
            tx.drop_intent()
            if not isinstance(error, StoreError):
                self._hooks.on_error(type(request.intent).__name__, error)
            return Outcome(request.future, error=error)
        db.execute("RELEASE intent")
        return Outcome(request.future, value=value, events=tx.keep_intent())

    def _segment_rows(self, tx: Transaction) -> None:
        ends = {**dict.fromkeys(tx.added_live, 0), **self._unnamed}
        for number, end in ends.items():
            tx.run(
                "INSERT INTO segment (number, kind, size, live) VALUES (?1,0,?2,?3)"
                " ON CONFLICT (number) DO UPDATE SET size=?2, live=live+?3",
                (
                    number,
                    self._log.end if number == self._log.number else end,
                    tx.added_live[number],
                ),
            )
        tx.added_live.clear()

    def _reserve(self, tx: Transaction) -> int:
        """Keep a stock of segment numbers: up to the answer they are ours once this is committed."""
        end = self._numbers.end
        if self._numbers.left < NUMBERS_RESERVED // 2:
            end += NUMBERS_RESERVED
            tx.run("UPDATE meta SET value=? WHERE key='segment_numbers'", (end,))
        return end

    # --- after trouble

    def _ready(self) -> Transaction:
        """The open connection, opened again after trouble. StoreUnavailable while that fails."""
        if self._connection.tx is not None:
            return self._connection.tx
        tx = self._connection.reopen()
        self._loop.call_soon_threadsafe(self._hooks.recovered)
        return tx

    def _abandon(self) -> None:
        """Trust neither the segment nor the connection any more."""
        self._log.abandon()
        self._connection.drop()
