"""Changes of files, gathered until they rest: a save is a batch of one, a branch switch is one batch of thousands."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from postil_site.config import Config
from postil_site.refs.sources import SKIPPED, VENDORED

REST = 0.01  # seconds without a change that end a save; an editor writes a file in several steps
MANY = 20  # from so many files on it is no save any more …
REST_MANY = 0.25  # … and git, a formatter or a generator is waited for
AFTER_GIT = 2.0  # seconds: git may be through with all its files before the first of them is told
LONGEST = 10.0  # seconds: something that never rests is looked at now and then
FOLDERS = 40  # watched one by one; each costs a thread
_KINDS = frozenset({"created", "modified", "deleted", "moved", "closed"})


class Batches(FileSystemEventHandler):
    """Paths relative to the root that have changed, by batches; `take` waits for the next one."""

    def __init__(self, root: Path, results: frozenset[str] = frozenset()) -> None:
        self._root = str(root)
        self._results = results
        self._lock = _lock_of_git(root)
        self.observer: BaseObserver | None = None
        self._paths: set[str] = set()
        self._first = self._last = 0.0
        self._ended = False
        self._news = threading.Condition()

    def dispatch(self, event: FileSystemEvent) -> None:
        """From the watching thread."""
        if event.event_type in _KINDS and not (
            event.is_directory and event.event_type == "modified"
        ):
            for path in (event.src_path, event.dest_path):
                self.add(os.fsdecode(path))
            if event.is_directory:
                self._look_into(os.fsdecode(event.dest_path or event.src_path))

    def _look_into(self, folder: str) -> None:
        """A folder that is new in the root is watched from now on; what it had before the build behind this change reads."""
        new = os.path.dirname(folder) == self._root and os.path.isdir(folder)
        if new and self.observer is not None and os.path.basename(folder) not in SKIPPED | VENDORED:
            with contextlib.suppress(OSError):
                self.observer.schedule(self, folder, recursive=True)

    def add(self, path: str) -> None:
        """One changed file, by its full path."""
        if not path.startswith(self._root + os.sep):
            return
        name = path[len(self._root) + 1 :].replace(os.sep, "/")
        parts = name.split("/")
        if name not in self._results and (SKIPPED | VENDORED).intersection(parts):
            return
        with self._news:
            now = time.monotonic()
            self._first = self._first if self._paths else now
            self._last = now
            self._paths.add(name)
            self._news.notify_all()

    def end(self) -> None:
        """Let `take` go."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def take(self) -> frozenset[str]:
        """The next batch; empty when it is over."""
        with self._news:
            while not self._ended:
                if not self._paths:
                    self._news.wait()
                    continue
                now = time.monotonic()
                rest = REST if len(self._paths) < MANY and not self._after_git() else REST_MANY
                left = min(self._last + rest, self._first + LONGEST) - now
                if left <= 0 and now < self._first + LONGEST and os.path.exists(self._lock):
                    left = REST  # git is at work: a switch of branches is one change, whatever it takes
                if left <= 0:
                    out = frozenset(self._paths)
                    self._paths.clear()
                    return out
                self._news.wait(left)
        return frozenset()

    def _after_git(self) -> bool:
        """Has git just written its index, as a switch of branches does at its end?"""
        try:
            age = time.time() - os.stat(self._lock.removesuffix(".lock")).st_mtime
        except OSError:
            return False
        return 0 <= age < AFTER_GIT


def _lock_of_git(root: Path) -> str:
    """The file that is there while git changes the working tree; "" outside git."""
    command = [
        "git",
        "-C",
        str(root),
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "index.lock",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def observe(config: Config, batches: Batches) -> BaseObserver:
    """Watch a repository, its vendored and built folders left out; OSError when the system allows no more watches."""
    observer = Observer()
    folders = sorted(
        entry.path
        for entry in os.scandir(config.root)
        if entry.is_dir(follow_symlinks=False) and entry.name not in SKIPPED | VENDORED
    )
    if len(folders) > FOLDERS:
        observer.schedule(batches, str(config.root), recursive=True)
    else:
        batches.observer = observer
        observer.schedule(batches, str(config.root))
        for folder in folders:
            observer.schedule(batches, folder, recursive=True)
        for folder in sorted({str((config.root / name).parent) for name in config.results}):
            if os.path.isdir(folder) and not folder.startswith(tuple(folders)):
                observer.schedule(batches, folder)
    observer.daemon = True
    observer.start()
    return observer
