"""Space comes back from segments that are mostly dead, under the eyes of sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from postil.store.database import every
from postil.store.verify import verify

from .disk import Trial, message


@pytest_asyncio.fixture
async def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trial]:
    """An open shard with tiny segments."""
    monkeypatch.setattr("postil.store.segments.SEGMENT_OCTETS", 20_000)
    made = Trial(tmp_path / "data")
    await made.open()
    for number in range(100):
        await made.put(message(number, 1000))
    yield made
    await made.store.close()


def _disk(trial: Trial) -> int:
    return sum(path.stat().st_size for path in (trial.folder / "segments").iterdir())


async def test_space_comes_back(trial: Trial) -> None:
    """Nine tenths expunged: the files shrink, the rest reads as before."""
    before = _disk(trial)
    left = {uid: octets for uid, octets in (await trial.read()).items() if uid % 10 == 0}
    await trial.store.expunge(
        trial.inbox, [uid for uid in range(1, 101) if uid % 10], marked_only=False
    )
    await trial.settled()
    assert _disk(trial) < before / 2
    assert await trial.read() == left
    files = {int(path.name) for path in (trial.folder / "segments").iterdir()}
    assert files == {n for (n,) in every(trial.store.shard.reader, "SELECT number FROM segment")}
    await trial.store.close()
    assert verify(trial.folder) == []
    await trial.open()
    assert await trial.read() == left


async def test_nothing_a_view_shows_is_lost(trial: Trial) -> None:
    """Dead messages of an open view move with the others; an open body is read from the file that is gone."""
    view = await trial.store.open(trial.inbox)
    early = await trial.store.body(view, 50)
    await trial.store.expunge(trial.inbox, range(2, 101), marked_only=False)
    await trial.settled()
    other = await trial.store.open(trial.inbox)
    assert list(other.generation.uids) == [1]
    other.close()
    for place in range(100):
        assert (await trial.store.body(view, place)).buffer() == message(place, 1000)
    view.close()
    await trial.settled()
    assert early.buffer() == message(50, 1000)
    assert list(await trial.read()) == [1]


async def test_headers_are_found_where_they_moved(trial: Trial) -> None:
    """Where a header was is remembered; after its file has gone it is looked up again."""
    view = await trial.store.open(trial.inbox)
    before = await trial.store.headers(view, range(9, 100, 10))
    assert None not in before
    view.close()
    await trial.store.expunge(
        trial.inbox, [uid for uid in range(1, 101) if uid % 10], marked_only=False
    )
    await trial.settled()
    view = await trial.store.open(trial.inbox)
    assert await trial.store.headers(view, range(10)) == before
    assert [one.header for one in await trial.store.details(view, range(10))] == before
    view.close()


async def test_live_counts_equal_the_bodies(trial: Trial) -> None:
    """After any work a segment's live octets are those of the records that bodies use."""
    await trial.store.expunge(
        trial.inbox, [uid for uid in range(1, 101) if uid % 10], marked_only=False
    )
    await trial.settled()
    assert (
        every(
            trial.store.shard.reader,
            "SELECT number, live FROM segment WHERE live <>"
            " (SELECT coalesce(sum(length + 32), 0) FROM body WHERE segment=number)",
        )
        == []
    )
    assert every(trial.store.shard.reader, "SELECT id FROM body WHERE refs=0") == []


async def test_a_broken_record_is_not_moved(trial: Trial) -> None:
    """A segment with a record that fails its checksum stays, and its other messages are readable."""
    path = min((trial.folder / "segments").iterdir())
    octets = bytearray(path.read_bytes())
    octets[octets.index(b"Subject: number 0")] ^= 1
    path.write_bytes(octets)
    await trial.store.expunge(trial.inbox, range(4, 101), marked_only=False)
    await trial.settled()
    assert path.exists()
    view = await trial.store.open(trial.inbox)
    assert (await trial.store.body(view, 1)).buffer() == message(1, 1000)
    view.close()
