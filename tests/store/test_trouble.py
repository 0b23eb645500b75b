"""Disks that are full, broken or slow to tell: temporary errors, nothing half done, and recovery."""

from __future__ import annotations

import asyncio
import errno
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from postil.ports.store import FlagChange, StoreUnavailable
from postil.store.limits import OWN_FILE_FROM
from postil.store.requests import Outcome

from .disk import ALICE, FaultyFiles, Trial, message
from .faulty_vfs import FaultyVFS


@pytest_asyncio.fixture
async def trial(tmp_path: Path) -> AsyncIterator[Trial]:
    """An open shard on a disk that can be told to fail."""
    made = Trial(tmp_path / "data", FaultyFiles())
    await made.open()
    yield made
    await made.store.close()


def _files(trial: Trial) -> FaultyFiles:
    assert isinstance(trial.files, FaultyFiles)
    return trial.files


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EIO),
        ("sync", errno.EIO),
        ("sync_folder", errno.EIO),
        ("create", errno.EROFS),
    ],
)
async def test_message_is_refused_and_the_next_taken(trial: Trial, call: str, number: int) -> None:
    """Whatever call fails: a temporary error, no trace of the message, and all is well when the disk is."""
    if call not in ("create", "sync_folder"):
        await trial.put(message(0))
    before = await trial.store.status(trial.inbox)
    _files(trial).fail[call] = number
    with pytest.raises(StoreUnavailable):
        await trial.put(message(1))
    assert await trial.store.status(trial.inbox) == before
    _files(trial).fail.clear()
    await trial.put(message(2))
    await trial.put(message(3))
    stored = await trial.read()
    assert list(stored.values())[-2:] == [message(2), message(3)]
    assert message(1) not in stored.values()


async def test_flags_change_while_messages_do_not_fit(trial: Trial) -> None:
    """Below the floor of free space flags and expunging still work: that is how space comes back."""
    await trial.put(message(0))
    _files(trial).space = 1000
    trial.store.shard.settings = type(trial.store.shard.settings)(
        free_space_floor=10_000, files=trial.files
    )
    with pytest.raises(StoreUnavailable, match="nearly full"):
        await trial.put(message(1))
    with pytest.raises(StoreUnavailable, match="nearly full"):
        await trial.store.copy(trial.inbox, [1], trial.inbox)
    await trial.store.change_flags(trial.inbox, [1], FlagChange.ADD, frozenset({"\\Deleted"}))
    assert await trial.store.expunge(trial.inbox, None) == (1,)
    _files(trial).space = 1 << 40
    assert (await trial.put(message(2))).uids == (2,)


async def test_big_message_on_a_full_disk(trial: Trial) -> None:
    """A message that has a file of its own is refused while it arrives, and its file removed."""
    _files(trial).fail["write"] = errno.ENOSPC
    with pytest.raises(StoreUnavailable):
        await trial.put(b"x" * (OWN_FILE_FROM * 3))
    assert list((trial.folder / "segments").iterdir()) == []


async def test_failed_sync_is_never_repeated(trial: Trial) -> None:
    """After a failed sync the segment is left for good and another begun."""
    await trial.put(message(0))
    _files(trial).fail["sync"] = errno.EIO
    with pytest.raises(StoreUnavailable):
        await trial.put(message(1))
    assert _files(trial).calls["sync"] == 2
    _files(trial).fail.clear()
    await trial.put(message(2))
    assert len(list((trial.folder / "segments").iterdir())) == 2
    assert trial.store.shard.writer.counts.recoveries == 1


async def test_views_survive_a_recovery(trial: Trial) -> None:
    """A session's picture still equals the database after the writer had to open it again."""
    await trial.put(message(0))
    view = await trial.store.open(trial.inbox)
    _files(trial).fail["sync"] = errno.EIO
    results = await asyncio.gather(
        *(trial.put(message(number)) for number in range(1, 6)), return_exceptions=True
    )
    assert all(isinstance(result, StoreUnavailable) for result in results)
    _files(trial).fail.clear()
    await trial.put(message(9))
    assert len(view.generation.uids) == (await trial.store.status(trial.inbox)).messages == 2
    view.close()


async def test_commit_whose_sync_failed(tmp_path: Path) -> None:
    """The change is refused; if the disk kept it all the same, every open picture shows it after the recovery."""
    vfs = FaultyVFS(f"faulty-{tmp_path.name}")
    trial = Trial(tmp_path / "data", FaultyFiles(), vfs.vfs_name)
    await trial.open()
    for number in range(3):
        await trial.put(message(number))
    store = trial.store
    view = await store.open(trial.inbox)
    vfs.broken = True
    with pytest.raises(StoreUnavailable):
        await store.change_flags(trial.inbox, [1, 2], FlagChange.ADD, frozenset({"Kept"}))
    with pytest.raises(StoreUnavailable):
        await trial.put(message(3))
    vfs.broken = False
    await trial.put(message(4))
    assert store.shard.writer.counts.recoveries >= 1
    other = await store.status(trial.inbox)
    generation = view.generation
    assert (len(generation.uids), view.highest_modseq) == (other.messages, other.highest_modseq)
    shown = [list(column) for column in generation.columns]
    names = [view.flagsets.names(number) for number in generation.flags]
    store.shard.pictures.forget(trial.inbox)
    fresh = await store.open(trial.inbox)
    assert [list(column) for column in fresh.generation.columns] == shown
    assert [fresh.flagsets.names(number) for number in fresh.generation.flags] == names
    fresh.close()
    view.close()
    await store.close()


async def test_full_tmpfs(tmp_path: Path) -> None:
    """On a disk that is really full messages are refused, read messages stay readable, and space that is freed is used."""
    mount = shutil.which("mount")
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True
        ).returncode
    ):
        pytest.skip("needs the right to mount a tmpfs: run the tests as root")
    try:
        trial = Trial(folder / "data")
        await trial.open()
        stored = {}
        with pytest.raises(StoreUnavailable):
            for number in range(1000):
                octets = message(number, 20_000)
                stored[(await trial.put(octets)).uids[0]] = octets
        assert stored
        with pytest.raises(StoreUnavailable):
            await trial.put(message(1, 200_000))
        assert await trial.read() == stored
        subprocess.run([mount, "-o", "remount,size=20m", str(folder)], check=True)
        octets = message(5000, 20_000)
        stored[(await trial.put(octets)).uids[0]] = octets
        assert await trial.read() == stored
        await trial.store.close()
        await trial.open()
        assert await trial.read() == stored
        await trial.store.close()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_nothing_is_written_behind_a_torn_tail(trial: Trial) -> None:
    """After a write that failed half way, and after every start, a new segment is begun."""
    folder = trial.folder / "segments"
    await trial.put(message(0))
    (first,) = folder.iterdir()
    whole = first.stat().st_size
    _files(trial).fail["write"] = errno.EIO
    with pytest.raises(StoreUnavailable):
        await trial.put(message(1))
    _files(trial).fail.clear()
    torn = first.stat().st_size
    assert torn > whole
    await trial.put(message(2))
    assert first.stat().st_size == torn
    await trial.store.close()
    await trial.open()
    await trial.put(message(3))
    assert len(list(folder.iterdir())) == 3
    assert list((await trial.read()).values()) == [message(0), message(2), message(3)]


async def test_files_without_a_row_are_removed_and_their_names_not_reused(trial: Trial) -> None:
    """What a crash left between the file and the commit goes at the next start."""
    await trial.put(message(0))
    await trial.store.close()
    folder = trial.folder / "segments"
    (folder / "0000000700").write_bytes(b"orphan")
    (folder / "note.txt").write_bytes(b"not ours")
    await trial.open()
    assert {path.name for path in folder.iterdir()} == {"0000000001", "note.txt"}
    await trial.put(message(1))
    assert max(path.name for path in folder.iterdir() if path.name != "note.txt") > "0000000700"
    assert len(await trial.read()) == 2


async def test_catching_up_with_a_commit_nobody_told(trial: Trial) -> None:
    """A commit the loop never heard of is in every picture after the recovery: new, changed, gone, deleted."""
    store = trial.store
    for number in range(6):
        await trial.put(message(number))
    other = await store.create(ALICE, "other")
    view, lost = await store.open(trial.inbox), await store.open(other.id)
    hooks = store.shard.writer._hooks
    publish = hooks.publish

    def untold(outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            outcome.events = ()
        publish(outcomes)

    hooks.publish = untold
    await trial.put(message(7), flags=frozenset({"New"}))
    await store.change_flags(trial.inbox, [2], FlagChange.ADD, frozenset({"Kept"}))
    await store.expunge(trial.inbox, [4, 5], marked_only=False)
    await store.delete(ALICE, "other")
    hooks.publish = publish
    assert len(view.generation.uids) == 6
    store.shard._recovered()
    await trial.settled()
    assert (await store.body(view, 3)).buffer() == message(3)
    assert lost.deleted
    view.advance()
    status = await store.status(trial.inbox)
    assert (view.uidnext, view.highest_modseq) == (status.uidnext, status.highest_modseq)
    assert list(view.generation.uids) == [1, 2, 3, 6, 7]
    shown = [view.flagsets.names(number) for number in view.generation.flags]
    assert shown == [set(), {"Kept"}, set(), set(), {"New"}]
    view.close()
    lost.close()
