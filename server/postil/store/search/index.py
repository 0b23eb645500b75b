"""The search index of a shard: follows the bodies in the background, answers with certainty.

RFC 9051 §6.4.4 (substring search). The answer is always that of a plain scan (`text.matches`): the index proposes, texts are compared, and
what it does not have yet is scanned.

Theory of operation. Bodies have ascending ids in commit order; everything up to `mark` is indexed. A task in the loop takes the bodies behind
it, makes their folded texts in slices, and hands batches to a thread of its own, which does nothing but SQL (the GIL rule). Questions go to a second
thread with its own connection, so none waits for a long insert; each is a few statements that answer in one row. When the
database fails it is thrown away and made again; until then everything is scanned.

It does not know mailboxes: who asks names the bodies he may see, all of one account.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from postil.base.tasks import Tasks
from postil.ports.ids import AccountId
from postil.ports.store import SearchField, StoreError, TextSearch
from postil.store.limits import (
    INDEX_BATCH_CHARACTERS,
    INDEX_BATCH_MESSAGES,
    INDEX_GATHER_ROUNDS,
    INDEX_GATHER_SECONDS,
    INDEX_RECONCILE_BODIES,
    INDEX_RETRY_SECONDS,
    SEARCH_DIRECT_KEYS,
    SEARCH_VERIFY_KEYS,
)
from postil.store.search import database, pending
from postil.store.search.fold import fold
from postil.store.search.scan import BodySource, scan
from postil.store.search.text import folded_texts

T = TypeVar("T")

_log = logging.getLogger("postil.store.search")


class SearchIndex:
    """Keeps `search.db` in step with the bodies and searches through both."""

    def __init__(self, path: Path, source: BodySource) -> None:
        self._path = path
        self._source = source
        self._writer = ThreadPoolExecutor(1, "search-index")
        self._reader = ThreadPoolExecutor(1, "search-ask")
        self._write_db: apsw.Connection | None = None
        self._read_db: apsw.Connection | None = None
        self._here_db: apsw.Connection | None = None  # for short questions, in the loop
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._hurry = asyncio.Event()
        self._reclaimed: list[int] = []
        self._unreadable: set[int] = set()
        self._pending = pending.Pending()
        self._tasks = Tasks(lambda name, error: _log.error("%s ended: %r", name, error))
        self._broken = False
        self.mark = 0

    # --- life

    @classmethod
    async def open(cls, folder: Path, source: BodySource) -> SearchIndex:
        """Open or make `search.db` in the shard's folder and begin to follow."""
        index = cls(folder / "search.db", source)
        await index._connect()
        index._tasks.start("search index", index._follow())
        return index

    async def stop_following(self) -> None:
        """Read no more bodies: they are about to close. What is not indexed will be after the next start."""
        await self._tasks.close()

    async def close(self) -> None:
        """Forget what was reclaimed last, and let go. Idempotent."""
        await self.stop_following()
        gone, self._reclaimed = self._reclaimed, []
        if gone and self._write_db is not None:
            try:
                await self._run(self._writer, database.drop, self._write_db, gone)
            except (apsw.Error, OSError) as error:
                _log.warning("search index: %s", error)  # the next start drops them
        await self._disconnect()
        self._writer.shutdown()
        self._reader.shutdown()

    def added(self, bodies: Sequence[int] = ()) -> None:
        """There are new bodies."""
        del bodies
        self._idle.clear()
        self._wake.set()

    def reclaimed(self, bodies: Sequence[int]) -> None:
        """These bodies are gone for good."""
        self._reclaimed.extend(bodies)
        self.added()

    async def caught_up(self) -> None:
        """Wait until everything known is indexed; for tests and tools."""
        self._hurry.set()
        try:
            await self._idle.wait()
        finally:
            self._hurry.clear()

    async def _connect(self) -> None:
        """On trouble there is no index for now, and everything is scanned."""
        try:
            self._write_db = await self._run(self._writer, database.connect, self._path)
            self.mark = await self._run(self._writer, database.mark, self._write_db)
            if self.mark > self._source.last_body():
                # It is ahead of the mail: the mail comes from elsewhere, such as a backup.
                _log.warning("search index does not belong to this mail; making it again")
                await self._start_again()
                return
            self._read_db = await self._run(self._reader, database.connect_reader, self._path)
            self._here_db = database.connect_reader(self._path)
        except (apsw.Error, OSError) as error:
            _log.warning("search index not usable for now: %s", error)
            await self._disconnect()

    async def _disconnect(self) -> None:
        if self._here_db is not None:
            self._here_db.close()
            self._here_db = None
        for pool, db in ((self._writer, self._write_db), (self._reader, self._read_db)):
            if db is not None:
                await self._run(pool, db.close)
        self._write_db = self._read_db = None

    async def _start_again(self) -> None:
        await self._disconnect()
        self.mark = 0
        self._unreadable.clear()
        await self._run(self._writer, database.remove, self._path)
        self._write_db = await self._run(self._writer, database.connect, self._path)
        self._read_db = await self._run(self._reader, database.connect_reader, self._path)
        self._here_db = database.connect_reader(self._path)

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call, *arguments)

    # --- following

    async def _follow(self) -> None:
        reconciled = False
        while True:
            try:
                if self._broken:
                    self._broken = False
                    await self._start_again()
                if self._write_db is None:
                    await self._connect()
                    if self._write_db is None:
                        raise OSError("no database")
                if not reconciled:
                    await self._reconcile()
                    reconciled = True
                self._wake.clear()
                await self._catch_up()
            except (apsw.Error, OSError) as error:
                _log.warning("search index falls behind: %s", error)
                if isinstance(error, apsw.CorruptError | apsw.NotADBError):
                    await self._repair()
                await asyncio.sleep(INDEX_RETRY_SECONDS)
                continue
            if not self._wake.is_set():
                self._idle.set()
            await self._wake.wait()
            await self._gather()

    async def _gather(self) -> None:
        """Let a burst of arrivals end first: who sends waits for delivery, nobody for the index."""
        for _ in range(INDEX_GATHER_ROUNDS):
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), INDEX_GATHER_SECONDS)
                return
            if not self._wake.is_set():
                return

    async def _repair(self) -> None:
        try:
            await self._start_again()
        except (apsw.Error, OSError) as error:
            _log.warning("search index cannot be made again for now: %s", error)
            await self._disconnect()

    async def _catch_up(self) -> None:
        while True:
            if self._reclaimed:
                gone, self._reclaimed = self._reclaimed, []
                await self._run(self._writer, database.drop, self._write_db, gone)
                self._unreadable.difference_update(gone)
                self._pending.drop(*gone)
            bodies = self._source.bodies_after(self.mark, INDEX_BATCH_MESSAGES)
            if not bodies:
                if self._reclaimed:
                    continue
                return
            texts: list[database.Texts] = []
            unreadable = []
            characters = 0
            upto = self.mark
            for body, account in bodies:
                found = self._pending.get(body) or await self._texts(body, account)
                if found is None:
                    unreadable.append(body)
                else:
                    texts.append(found)
                    characters += found.characters
                upto = body
                if characters >= INDEX_BATCH_CHARACTERS:
                    break
                await asyncio.sleep(0)
            await self._run(self._writer, database.add, self._write_db, texts, upto)
            self._unreadable.update(unreadable)
            self.mark = upto
            self._pending.indexed(upto)

    async def _texts(self, body: int, account: AccountId) -> database.Texts | None:
        """The folded texts of a message, made in slices; None when it cannot be read."""
        try:
            octets = await self._source.octets(body)
        except (StoreError, LookupError) as error:
            if self._source.ids_between(body, body):  # otherwise it was expunged meanwhile
                _log.warning("body %d is not indexed: %s", body, error)
            return None
        for found in folded_texts(octets, database.FIELDS):
            if found is not None:
                return database.Texts(body, account, *found)
            await asyncio.sleep(0)
        raise AssertionError("texts end with texts")

    async def _reconcile(self) -> None:
        """Drop what left while nobody followed, and note what was never readable."""
        for first in range(1, self.mark + 1, INDEX_RECONCILE_BODIES):
            last = min(first + INDEX_RECONCILE_BODIES - 1, self.mark)
            own = await self._run(self._writer, database.indexed, self._write_db, first, last)
            there = set(self._source.ids_between(first, last))
            self._unreadable.update(there.difference(own))
            stale = [body for body in own if body not in there]
            await self._run(self._writer, database.drop, self._write_db, stale)

    # --- asking

    async def search(self, account: AccountId, keys: Sequence[int], what: TextSearch) -> set[int]:
        """Those of the account's bodies that match; exactly what a scan would find."""
        wanted = set(keys)
        mark, db = self.mark, self._read_db
        if db is None or not self._known(what):
            return await scan(self._source, sorted(wanted), what)
        if not wanted:
            return wanted
        indexed = wanted
        if self._unreadable or max(wanted) > mark:
            indexed = {key for key in wanted if key <= mark} - self._unreadable
        try:
            found = await self._ask(db, account, indexed, what)
        except (apsw.Error, OSError) as error:
            _log.warning("search index failed, scanning instead: %s", error)
            self._broken = self._broken or isinstance(
                error, apsw.CorruptError | apsw.NotADBError | apsw.SQLError
            )
            self.added()
            return await scan(self._source, sorted(wanted), what)
        if self._read_db is not db:
            # Made again meanwhile: `mark` was that of the old one.
            return await scan(self._source, sorted(wanted), what)
        if indexed is not wanted:
            found |= await self._newest(account, sorted(wanted - indexed), what)
        return found

    async def _newest(self, account: AccountId, keys: Sequence[int], what: TextSearch) -> set[int]:
        """Those that match of bodies the index does not have yet."""
        found: set[int] = set()
        needle = fold(what.needle)
        unsure = []  # those that only a scan can tell
        for key in keys:
            if key in self._unreadable:
                unsure.append(key)
                continue
            texts = self._pending.get(key)
            if texts is None:
                texts = await self._texts(key, account)
                if texts is None:
                    continue  # one that cannot be read matches nothing
                if key > self.mark:
                    self._pending.add(texts)
                await asyncio.sleep(0)
            holds = pending.holds(texts, what, needle)
            if holds:
                found.add(key)
            elif holds is None:
                unsure.append(key)
        return found | await scan(self._source, unsure, what) if unsure else found

    def _known(self, what: TextSearch) -> bool:
        """Whether the index helps: not for the mere presence of a field that has no column."""
        return (
            bool(what.needle)
            or what.where is not SearchField.HEADER
            or what.field in database.FIELDS
        )

    async def _ask(
        self, db: apsw.Connection, account: AccountId, keys: set[int], what: TextSearch
    ) -> set[int]:
        needle = fold(what.needle)
        if not needle and what.where is not SearchField.HEADER:
            return keys
        if not keys:
            return set()
        if len(needle) >= 3 and len(keys) > SEARCH_DIRECT_KEYS:
            near = await self._run(
                self._reader, database.candidates, db, account, needle, min(keys), max(keys)
            )
            keys = keys.intersection(await _numbers(near))
        near_by = self._here_db
        if (
            near_by is not None
            and what.where is SearchField.HEADER
            and what.field in database.FIELDS
            and 0 < len(keys) <= SEARCH_DIRECT_KEYS
        ):
            # A short column of a few rows: a third of what handing it to a thread and back costs.
            page = array("q", sorted(keys))
            return set(await _numbers(database.holding(near_by, page, (what.field,), needle)))
        match what.where:
            case SearchField.TEXT:
                return await self._holding(db, keys, ("header", "content"), needle)
            case SearchField.BODY:
                return await self._holding(db, keys, ("content",), needle)
            case SearchField.HEADER if what.field in database.FIELDS:
                return await self._holding(db, keys, (what.field,), needle)
            case SearchField.HEADER:
                # The value stands somewhere in the header; whose value it is the message tells.
                return await scan(
                    self._source, sorted(await self._holding(db, keys, ("header",), needle)), what
                )

    async def _holding(
        self, db: apsw.Connection, keys: set[int], columns: Sequence[str], needle: str
    ) -> set[int]:
        found: set[int] = set()
        ordered = array("q", sorted(keys))
        for start in range(0, len(ordered), SEARCH_VERIFY_KEYS):
            page = ordered[start : start + SEARCH_VERIFY_KEYS]
            text = await self._run(self._reader, database.holding, db, page, columns, needle)
            found.update(await _numbers(text))
        return found


async def _numbers(text: str) -> list[int]:
    """Numbers apart by commas, a few thousand between two turns of the loop."""
    numbers: list[int] = []
    start = 0
    while start < len(text):
        end = text.find(",", start + 50_000)
        if end < 0:
            end = len(text)
        numbers.extend(map(int, text[start:end].split(",")))
        start = end + 1
        await asyncio.sleep(0)
    return numbers
