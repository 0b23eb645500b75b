"""A shard as a whole: what is on disk after the end, after kill -9, and while others read."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
import pytest_asyncio

from postil.ports.store import (
    Column,
    Corrupt,
    FlagChange,
    NewMessage,
    NoSuchMailbox,
    StoreUnavailable,
)
from postil.store.database import every, one
from postil.store.limits import OWN_FILE_FROM
from postil.store.segments import segment_path
from postil.store.verify import verify

from .contract.bench import all_gone
from .disk import ALICE, BOB, FaultyFiles, Trial, message


@pytest_asyncio.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Trial]:
    """An open shard on a disk that can be told to fail."""
    made = Trial(tmp_path / "data", FaultyFiles())
    await made.open()
    yield made
    await made.store.close()


async def test_everything_is_there_after_reopening(trial: Trial) -> None:
    """Messages, flags, modseqs, expunged uids, subscriptions and quota equal what was before the end."""
    for number in range(30):
        await trial.put(message(number))
    await trial.put(b"Subject: big\r\n\r\n" + b"x" * (OWN_FILE_FROM + 1000))
    store = trial.store
    await store.change_flags(trial.inbox, [3, 5], FlagChange.ADD, frozenset({"\\Seen", "Work"}))
    await store.copy(trial.inbox, [1, 2, 3], trial.boxes["Archive"])
    await store.expunge(trial.inbox, [7, 8], marked_only=False)
    await store.subscribe(ALICE, "Elsewhere", True)

    async def picture() -> object:
        now = trial.store
        view = await now.open(trial.inbox)
        generation = view.generation
        seen = (
            [list(column) for column in generation.columns],
            [view.flagsets.names(number) for number in generation.flags],
            view.uidnext,
            view.uidvalidity,
            view.highest_modseq,
            await now.details(view, range(len(generation.uids))),
        )
        view.close()
        return (
            seen,
            await now.status(trial.inbox),
            await all_gone(now, trial.inbox, 1),
            await now.usage(ALICE),
            await now.subscriptions(ALICE),
            await now.mailboxes(ALICE),
            await trial.read(),
            await trial.read(trial.boxes["Archive"]),
        )

    before = await picture()
    await store.close()
    await trial.open()
    assert await picture() == before


async def test_snapshot_equals_rows(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox loaded from packed chunks and the changes since is the one its rows describe."""
    monkeypatch.setattr("postil.store.pictures.SNAPSHOT_FROM", 1)
    monkeypatch.setattr("postil.store.snapshots.CHUNK_UIDS", 8)
    monkeypatch.setattr("postil.store.pictures.CHUNK_UIDS", 8)
    store, pictures = trial.store, trial.store.shard.pictures
    for number in range(40):
        await trial.put(message(number))

    async def columns(packed: bool) -> list[list[int]]:
        view = await store.open(trial.inbox)
        assert bool(pictures._loaded[trial.inbox].snapshot) is packed
        got = [list(column) for column in view.generation.columns]
        view.close()
        return got

    async def pack() -> None:
        loaded = pictures._loaded[trial.inbox]
        pictures._snapshot(loaded)
        await store.shard.writer.finish_chores()
        pictures.forget(trial.inbox)

    await columns(packed=False)
    await pack()
    await store.change_flags(trial.inbox, [2, 30], FlagChange.ADD, frozenset({"\\Seen"}))
    await store.expunge(trial.inbox, [9, 10, 11, 12, 13, 14, 15, 16, 17, 40], marked_only=False)
    await trial.put(message(99))
    pictures.forget(trial.inbox)
    from_snapshot = await columns(packed=True)
    await pack()
    again = await columns(packed=True)
    pictures.forget(trial.inbox)
    assert one(store.shard.reader, "SELECT count(*) > 3 FROM snapshot") == (1,)
    await store.shard.writer.submit(_DropSnapshots())
    assert await columns(packed=False) == from_snapshot == again


async def test_fifty_appends_share_their_syncs(trial: Trial) -> None:
    """Fifty concurrent appends need at most one sync of bodies per five messages."""
    counts = trial.store.shard.writer.counts
    before = counts.body_syncs, counts.commits
    await asyncio.gather(*(trial.put(message(number)) for number in range(50)))
    assert counts.body_syncs - before[0] <= 10
    assert counts.commits - before[1] <= 12
    assert (await trial.store.status(trial.inbox)).messages == 50


async def test_many_requests_one_bad(trial: Trial) -> None:
    """In a shared batch the one that is refused is refused alone."""
    good = [trial.put(message(number)) for number in range(10)]
    bad = trial.store.append(999, [])
    results = await asyncio.gather(*good, bad, return_exceptions=True)
    assert isinstance(results.pop(), NoSuchMailbox)
    assert sorted(appended.uids[0] for appended in results) == list(range(1, 11))


async def test_a_batch_that_fails_leaves_no_file_behind(trial: Trial) -> None:
    """The octets of a refused message may begin a log segment; nobody waits for the next start to be rid of it."""
    gone = trial.boxes["Archive"]
    await trial.store.delete(ALICE, "Archive")
    with pytest.raises(NoSuchMailbox):
        await trial.put(message(1), gone)
    await trial.store.close()
    assert verify(trial.folder) == []


async def test_second_owner_is_refused(trial: Trial) -> None:
    """Another server on the same folder is told in one sentence who has it."""
    with pytest.raises(
        StoreUnavailable, match=rf"in use by another Postil \(process {os.getpid()}\)"
    ):
        await Trial(trial.folder).open()


async def test_newer_database_is_refused(trial: Trial) -> None:
    """A database of a later Postil is left alone."""
    await trial.store.close()
    db = apsw.Connection(str(trial.folder / "index.db"))
    (version,) = db.execute("PRAGMA user_version").fetchone() or (0,)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(
        StoreUnavailable, match=rf"newer Postil \(schema 99, this one knows {version}\)"
    ):
        await trial.open()
    db = apsw.Connection(str(trial.folder / "index.db"))
    db.execute(f"PRAGMA user_version={version}")
    db.close()
    await trial.open()


async def test_read_only_folder(tmp_path: Path) -> None:
    """A folder that cannot be written is refused with the folder's name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="data folder"):
        await Trial(tmp_path / "file" / "below").open()


async def test_uidvalidity_is_never_reused(trial: Trial) -> None:
    """A name that comes back has a greater uidvalidity, also after a restart and with a clock that stands still."""
    seen = []
    for _ in range(3):
        box = await trial.store.create(ALICE, "again")
        seen.append(box.uidvalidity)
        await trial.store.delete(ALICE, "again")
        await trial.store.close()
        await trial.open()
    assert seen == sorted(set(seen))


async def test_bit_flip_harms_one_message(trial: Trial) -> None:
    """A body that fails its checksum is Corrupt; its neighbours are read."""
    for number in range(3):
        await trial.put(message(number))
    path = segment_path(trial.folder / "segments", 1)
    octets = bytearray(path.read_bytes())
    at = octets.index(b"Subject: number 1")
    octets[at + 3] ^= 1
    path.write_bytes(octets)
    view = await trial.store.open(trial.inbox)
    assert (await trial.store.body(view, 0)).buffer() == message(0)
    with pytest.raises(Corrupt):
        await trial.store.body(view, 1)
    assert (await trial.store.body(view, 2)).buffer() == message(2)
    heads = [page.header for page in await trial.store.details(view, [0, 1, 2])]
    assert [head is None for head in heads] == [False, True, False]
    view.close()


async def test_bit_flip_in_a_big_message(trial: Trial) -> None:
    """Of a message in its own file only the slices that touch the broken block fail."""
    octets = b"Subject: big\r\n\r\n" + os.urandom(400_000)
    await trial.put(octets)
    (path,) = (trial.folder / "segments").iterdir()
    raw = bytearray(path.read_bytes())
    raw[300_000] ^= 1
    path.write_bytes(raw)
    view = await trial.store.open(trial.inbox)
    body = await trial.store.body(view, 0)
    assert body.read(1000, 100_000) == octets[1000:101_000]
    with pytest.raises(Corrupt):
        body.read(290_000, 20_000)
    view.close()


async def test_big_message_is_one_file_for_all(trial: Trial) -> None:
    """A big message to two accounts is written once, each with its own fields in front."""
    await trial.store.provision(BOB, None)
    (inbox,) = [box.id for box in await trial.store.mailboxes(BOB) if box.name == "INBOX"]
    octets = b"Subject: big\r\n\r\n" + b"0123456789" * 60_000
    writer = trial.store.stage(None, None)
    for start in range(0, len(octets), 77_777):
        await writer.write(octets[start : start + 77_777])
    body = await writer.finish()
    await trial.store.deliver(
        [
            (trial.inbox, NewMessage(body, prefix=b"Delivered-To: alice\r\n")),
            (inbox, NewMessage(body, prefix=b"Delivered-To: bob\r\n")),
        ]
    )
    await trial.store.discard(body)
    assert await trial.read() == {1: b"Delivered-To: alice\r\n" + octets}
    assert await trial.read(inbox) == {1: b"Delivered-To: bob\r\n" + octets}
    assert len(list((trial.folder / "segments").iterdir())) == 1
    await trial.store.expunge(trial.inbox, [1], marked_only=False)
    await trial.settled()
    assert await trial.read(inbox) == {1: b"Delivered-To: bob\r\n" + octets}
    await trial.store.expunge(inbox, [1], marked_only=False)
    await trial.settled()
    assert list((trial.folder / "segments").iterdir()) == []


async def test_thrown_away_big_message_leaves_no_file(trial: Trial) -> None:
    """Neither an aborted nor a discarded message stays on disk."""
    for finish in (False, True):
        writer = trial.store.stage(ALICE, None)
        await writer.write(b"x" * (OWN_FILE_FROM * 2))
        if finish:
            await trial.store.discard(await writer.finish())
        await writer.abort()
    assert list((trial.folder / "segments").iterdir()) == []
    assert trial.store.shard.stage.file_numbers == set()


async def test_cancelled_append_happens_all_the_same(trial: Trial) -> None:
    """Whoever stops waiting and throws the staged message away does not take the append back."""
    octets = b"Subject: big\r\n\r\n" + b"x" * OWN_FILE_FROM
    writer = trial.store.stage(ALICE, None)
    await writer.write(octets)
    body = await writer.finish()
    submitted = asyncio.Event()
    submit = trial.store.shard.writer.submit

    def noted(intent: Any) -> Any:
        submitted.set()
        return submit(intent)

    trial.store.shard.writer.submit = noted  # type: ignore[method-assign]
    waiting = asyncio.ensure_future(  # noqa: TID251 - the test cancels it itself
        trial.store.append(trial.inbox, [NewMessage(body)])
    )
    await submitted.wait()
    waiting.cancel()
    await trial.store.discard(body)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await trial.read() == {1: octets}
    with pytest.raises(StoreUnavailable):
        await trial.store.append(trial.inbox, [NewMessage(body)])


async def test_details_without_headers(trial: Trial) -> None:
    """Who does not want the header does not get it."""
    await trial.put(message(1))
    view = await trial.store.open(trial.inbox)
    (full,), (lean,) = [
        await trial.store.details(view, [0], header=wanted) for wanted in (True, False)
    ]
    assert full.header == message(1)[: message(1).index(b"\r\n\r\n") + 4]
    assert lean == replace(full, header=None)
    view.close()


async def test_a_page_of_mail_is_one_statement(trial: Trial) -> None:
    """ENVELOPE and BODYSTRUCTURE of a page, once checked, are one question of one row; headers need none when asked again."""
    for number in range(200):
        await trial.put(message(number))
    view = await trial.store.open(trial.inbox)
    reader = trial.store.shard.reader
    asked: list[str] = []
    rows = 0

    def row(cursor: apsw.Cursor, values: tuple[object, ...]) -> tuple[object, ...]:
        nonlocal rows
        rows += 1
        return values

    def statement(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        asked.append(sql)
        return True

    page, columns = range(200), [Column.ENVELOPE, Column.BODYSTRUCTURE]
    first = await trial.store.ready(view, page, columns)
    headers = await trial.store.headers(view, page)
    reader.exec_trace, reader.row_trace = statement, row
    try:
        assert await trial.store.ready(view, page, columns) == first
        assert (len(asked), rows) == (1, 1)
        assert await trial.store.headers(view, page) == headers
        assert len(asked) == 1
        await trial.store.ready(view, [5, 9, 7], columns)
        assert (len(asked), rows) == (2, 4)
    finally:
        reader.exec_trace = reader.row_trace = None
        view.close()


async def test_damaged_index_page_harms_whoever_needs_it(trial: Trial) -> None:
    """With a page of `shape` damaged its details are Corrupt; bodies, flags and new messages work."""
    for number in range(40):
        await trial.put(message(number))
    await trial.store.close()
    index = trial.folder / "index.db"
    db = apsw.Connection(str(index))
    (page,) = one(
        db, "SELECT pageno FROM dbstat WHERE name='shape' AND pagetype='leaf' ORDER BY path LIMIT 1"
    )
    db.close()
    octets = bytearray(index.read_bytes())
    octets[(page - 1) * 4096 : (page - 1) * 4096 + 16] = b"\xff" * 16
    index.write_bytes(octets)
    await trial.open(background=False)
    view = await trial.store.open(trial.inbox)
    with pytest.raises(Corrupt):
        await trial.store.details(view, [0])
    with pytest.raises(Corrupt):
        await trial.store.ready(view, range(40), [Column.ENVELOPE])
    assert len(await trial.store.details(view, [39])) == 1
    assert (await trial.store.body(view, 0)).buffer() == message(0)
    await trial.store.change_flags(trial.inbox, [1], FlagChange.ADD, frozenset({"\\Seen"}))
    await trial.put(message(41))
    view.close()


async def test_expunged_body_is_readable_while_a_view_shows_it(trial: Trial) -> None:
    """Only when the last view has let go is the body forgotten."""
    await trial.put(message(1))
    view = await trial.store.open(trial.inbox)
    await trial.store.expunge(trial.inbox, [1], marked_only=False)
    await trial.settled()
    assert (await trial.store.body(view, 0)).buffer() == message(1)
    assert len(await trial.store.details(view, [0])) == 1
    view.close()
    await trial.settled()
    assert every(trial.store.shard.reader, "SELECT id FROM body UNION SELECT body FROM shape") == []


async def test_deleted_mailbox_is_purged(trial: Trial) -> None:
    """Its rows go in the background; a view that is open keeps its messages."""
    box = await trial.store.create(ALICE, "doomed")
    for number in range(5):
        await trial.put(message(number), box.id)
    view = await trial.store.open(box.id)
    await trial.store.delete(ALICE, "doomed")
    await trial.settled()
    assert view.deleted
    assert (await trial.store.body(view, 4)).buffer() == message(4)
    view.close()
    await trial.settled()
    reader = trial.store.shard.reader
    assert one(reader, "SELECT (SELECT count(*) FROM msg), (SELECT count(*) FROM body)") == (0, 0)
    assert (await trial.store.usage(ALICE)).octets == 0


_VICTIM = """
import asyncio, sys
from pathlib import Path
from tests.store.disk import Trial, message

async def main():
    trial = Trial(Path(sys.argv[1]))
    await trial.open()
    async def sender(start):
        for number in range(start, 10**9, 20):
            appended = await trial.put(message(number))
            print(number, appended.uids[0], flush=True)
    await asyncio.gather(*(sender(start) for start in range(20)))

asyncio.run(main())
"""


async def test_kill_keeps_what_was_acknowledged(tmp_path: Path, repo_root: Path) -> None:
    """After kill -9 under load every acknowledged message is there under its uid, and uids go on above."""
    folder = tmp_path / "data"
    acknowledged: dict[int, int] = {}
    for _ in range(3):
        victim = subprocess.Popen(
            [sys.executable, "-c", _VICTIM, str(folder)],
            stdout=subprocess.PIPE,
            cwd=repo_root,
            text=True,
        )
        assert victim.stdout is not None
        told: dict[int, int] = {}
        for line in victim.stdout:
            number, uid = map(int, line.split())
            told[uid] = number
            if len(told) == 200:
                victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        assert not acknowledged.keys() & told.keys(), "a uid was given twice"
        acknowledged.update(told)
        trial = Trial(folder)
        await trial.open()
        stored = await trial.read()
        status = await trial.store.status(trial.inbox)
        assert status.messages == len(stored)
        assert status.size == sum(map(len, stored.values()))
        for uid, number in acknowledged.items():
            assert stored[uid] == message(number)
        await trial.settled()
        await trial.store.close()
        assert verify(folder) == []


class _DropSnapshots:
    """An intent of the test: no snapshot any more."""

    records = ()
    grows = False

    def prepare(self, tx: object) -> None:
        pass

    def execute(self, tx: object) -> None:
        tx.run("DELETE FROM snapshot")  # type: ignore[attr-defined]
        tx.run("UPDATE mailbox SET snapshot_modseq=0")  # type: ignore[attr-defined]
