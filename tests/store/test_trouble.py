"""Disks that are full, broken or slow to tell: temporary errors, nothing half done, and recovery."""

from __future__ import annotations

import asyncio
import errno
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from postil.ports.store import FlagChange, StoreUnavailable
from postil.store.limits import OWN_FILE_FROM

from .disk import FaultyFiles, Trial, message


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
