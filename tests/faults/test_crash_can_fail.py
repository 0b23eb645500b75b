"""The crash recorder finds what it is there for: with any one of the syncs taken out, acknowledged mail is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from postil.store import database
from postil.store.segments import Log
from postil.store.staging import _FileInProgress

from .cases import crashes, record, shrink_limits
from .recorder import RecordingFiles

POINTS = 400


def _no_sync_of_the_log(patch: pytest.MonkeyPatch) -> None:
    sync = Log.sync

    def without(log: Log) -> None:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(log._files, "sync", lambda _fd: None)
            sync(log)

    patch.setattr(Log, "sync", without)


def _no_sync_of_big_messages(patch: pytest.MonkeyPatch) -> None:
    complete = _FileInProgress.complete

    def without(file: _FileInProgress) -> Any:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(file._files, "sync", lambda _fd: None)
            return complete(file)

    patch.setattr(_FileInProgress, "complete", without)


def _no_sync_of_folders(*names: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_out(patch: pytest.MonkeyPatch) -> None:
        sync_folder = RecordingFiles.sync_folder

        def without(files: RecordingFiles, folder: Path) -> None:
            if folder.name not in names:
                sync_folder(files, folder)

        patch.setattr(RecordingFiles, "sync_folder", without)

    return take_out


def _synchronous(level: str) -> Callable[[pytest.MonkeyPatch], None]:
    def take_out(patch: pytest.MonkeyPatch) -> None:
        def less(path: Path, vfs: str | None = None) -> apsw.Connection:
            db = database.open_writer(path, vfs)
            db.execute(f"PRAGMA synchronous={level}")
            return db

        patch.setattr("postil.store.shard.open_writer", less)

    return take_out


@pytest.mark.parametrize(
    "take_out",
    [
        pytest.param(_no_sync_of_the_log, id="fdatasync of the log segment"),
        pytest.param(_no_sync_of_big_messages, id="fdatasync of a big message"),
        pytest.param(_no_sync_of_folders("segments"), id="fsync of the segments' folder"),
        pytest.param(_no_sync_of_folders("data", "disk"), id="fsync of the folders above"),
        pytest.param(_synchronous("NORMAL"), id="synchronous=FULL"),
        pytest.param(_synchronous("OFF"), id="all syncs of the index"),
    ],
)
async def test_a_missing_sync_is_found(
    take_out: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this sync the suite fails."""
    shrink_limits(monkeypatch)
    take_out(monkeypatch)
    run = await record(tmp_path / "disk", 7, 80)
    await crashes(run, 7, POINTS, enough=1)
    assert run.failures, "the crash tests did not notice"
