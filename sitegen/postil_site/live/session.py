"""What happens after a save: the page of the file at once, the whole behind it, and the news for whoever looks.

Two threads. One takes batches of changes and writes quick pages; the other runs `sitegen build` in a process of its own, one at
a time, so that a save meanwhile is still answered at once. A build that began before a save may write the older page: the quick
page is then written once more before anybody is told, and another build follows.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from postil_site.live.quick import Quick
from postil_site.live.watch import MANY, Batches
from postil_site.live.written import Written
from postil_site.pages.output import Output

ERRORS = 50  # told at most; index.html lists them all
KEPT = 500  # changes remembered for a browser that comes back; before them everything counts as changed
PAUSE = 0.4  # seconds between a quick page and the build behind it
PAGES = 300  # a change of more is one of all


@dataclass(frozen=True, slots=True)
class News:
    """What browsers are told: the number of the change, the pages that are other ones now (None: all), and what is wrong, by page ("" for all)."""

    number: int
    pages: frozenset[str] | None
    errors: dict[str, str]


@dataclass(slots=True)
class Board:
    """The news so far, and who listens."""

    _log: list[News] = field(default_factory=list)
    _listeners: list[queue.SimpleQueue[News | None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Of the last change."""
        return self._log[-1].number if self._log else 0

    def tell(self, pages: frozenset[str] | None, errors: dict[str, str]) -> None:
        """One change, unless nothing changed."""
        with self._lock:
            if pages == frozenset() and errors == self.errors:
                return
            self.errors = dict(errors)
            every = pages if pages is None or len(pages) <= PAGES else None
            news = News(self.number + 1, every, dict(list(errors.items())[:ERRORS]))
            self._log = [*self._log[-KEPT:], news]
            for listener in self._listeners:
                listener.put(news)

    def listen(self, since: int) -> tuple[News, queue.SimpleQueue[News | None]]:
        """What changed since a number, as one; and a queue of what follows."""
        listener: queue.SimpleQueue[News | None] = queue.SimpleQueue()
        with self._lock:
            self._listeners.append(listener)
            later = [news for news in self._log if news.number > since]
            known = since == self.number or (later and later[0].number == since + 1)
            pages: frozenset[str] | None = frozenset()
            for news in later:
                pages = None if pages is None or news.pages is None else pages | news.pages
            return News(self.number, pages if known else None, dict(self.errors)), listener

    def leave(self, listener: queue.SimpleQueue[News | None]) -> None:
        """No more for this one."""
        with self._lock:
            self._listeners.remove(listener)


class Session:
    """Pages of `root` in `out`, renewed while `batches` has changes."""

    def __init__(
        self,
        root: Path,
        out: Path,
        batches: Batches,
        board: Board,
        say: Callable[[str], None],
        written: Written | None = None,
    ) -> None:
        self._written = written
        self._root, self._out, self._batches, self._board, self._say = (
            root,
            out,
            batches,
            board,
            say,
        )
        self._quick = Quick(root, out)
        self._of_saves: dict[str, str] = {}  # errors, by page
        self._of_builds: dict[str, str] = {}
        self._of_whole = ""
        self._writing = threading.Lock()
        self._wanted = threading.Condition()
        self._waiting: set[str] = set()  # paths that no build has seen
        self._ended = False
        self._build: subprocess.Popen[str] | None = None
        self._threads = [
            threading.Thread(target=each, daemon=True) for each in (self._saves, self._builds)
        ]

    def start(self) -> None:
        """Begin."""
        self._of_builds = self._problems()
        self._board.tell(frozenset(), self._errors())
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop; a build that runs is ended."""
        self._batches.end()
        with self._wanted:
            self._ended = True
            self._wanted.notify_all()
            if self._build is not None:
                self._build.terminate()
        for thread in self._threads:
            thread.join()

    # --- saves --------------------------------------------------------------------------------------------------

    def _saves(self) -> None:
        with contextlib.suppress(Exception):
            self._quick.warm()
        while paths := self._batches.take():
            begun = time.monotonic()
            fresh = [path for path in sorted(paths) if self._quick.fresh(path)]
            if not fresh:
                continue
            if self._written is not None and any(map(self._written.concerns, fresh)):
                with self._writing:
                    renewed = self._written.build()
                self._board.tell(renewed, self._errors())
            # Stragglers of a switch of branches: what is about to be built has their pages, and would reload them again.
            with self._wanted:
                alone = len(fresh) < MANY and len(self._waiting) < MANY
            if alone:
                with self._writing:
                    pages = self._pages(fresh)
                if pages:
                    self._board.tell(frozenset(pages), self._errors())
                    milliseconds = (time.monotonic() - begun) * 1000
                    self._say(f"{', '.join(fresh)}: page in {milliseconds:.0f} ms")
            with self._wanted:
                self._waiting.update(fresh)
                self._wanted.notify_all()

    def _pages(self, paths: Sequence[str]) -> list[str]:
        """Quick pages; whatever a file does to the code that shows it is told in its page."""
        out = []
        for path in paths:
            name = f"code/{path}.html"
            try:
                page, error = self._quick.page(path)
            except Exception as fault:  # noqa: BLE001 — one file must not end the server
                page, error = None, f"{type(fault).__name__}: {fault}"
            changed = self._of_saves.pop(name, "") != error
            if error:
                self._of_saves[name] = error
            if page or changed:
                out.append(name)
        return out

    # --- builds -------------------------------------------------------------------------------------------------

    def _builds(self) -> None:
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._waiting or self._ended)
                # The browser that loads the quick page needs the processor first; saves in a row are one build.
                if self._wanted.wait_for(lambda: self._ended, PAUSE):
                    return
                paths, self._waiting = self._waiting, set()
            try:
                self._whole(paths)
            except Exception as fault:  # noqa: BLE001 — shown in every page; the next save tries again
                self._of_whole = f"the pages could not be built: {type(fault).__name__}: {fault}"
                self._board.tell(frozenset(), self._errors())

    def _whole(self, paths: set[str]) -> None:
        begun = time.monotonic()
        before = Output.open(self._out)
        quick = {f"code/{path}.html" for path in paths} & before.old.keys()
        if quick:
            before.forget(quick)
        digests = {name: self._digest(name) for name in quick}
        command = [sys.executable, "-m", "postil_site.commands.sitegen", "build", "--quiet"]
        build = subprocess.Popen(
            [*command, "--root", str(self._root), "--out", str(self._out)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with contextlib.suppress(OSError, AttributeError):  # a system without priorities
            os.setpriority(os.PRIO_PROCESS, build.pid, 10)
        with self._wanted:
            self._build = build
            if self._ended:
                build.terminate()
        _, said = build.communicate()
        if self._over():
            return
        if build.returncode:
            last = (said.strip().splitlines() or ["the build ended without a word"])[-1]
            self._of_whole = last.removeprefix("Error: ")
            self._board.tell(frozenset(), self._errors())
            self._say(f"error: {self._of_whole}")
            return
        after = Output.open(self._out)
        changed = {
            name for name in before.old.keys() | after.old.keys()
            if before.old.get(name) != after.old.get(name)
        }  # fmt: skip
        with self._wanted:
            meanwhile = sorted(self._waiting) if len(self._waiting) < MANY else []
        with self._writing:
            self._of_whole, self._of_builds = "", self._problems()
            self._pages(meanwhile)
            if self._written is not None:  # there may be pages now that its links wait for
                changed |= self._written.build()
        # A quick page that was right is reloaded once, not twice.
        changed -= {name for name in quick if self._digest(name) == digests[name]}
        if len(paths) >= MANY:
            self._quick = Quick(self._root, self._out)
        self._board.tell(frozenset(changed), self._errors())
        self._say(f"{len(paths)} changed: {len(changed)} files in {time.monotonic() - begun:.1f} s")

    def _over(self) -> bool:
        with self._wanted:
            return self._ended

    def _digest(self, name: str) -> bytes:
        try:
            return hashlib.sha256((self._out / name).read_bytes()).digest()
        except OSError:
            return b""

    def _problems(self) -> dict[str, str]:
        rows = Output.open(self._out).facts.get("problems", [])
        return {f"code/{path}.html": str(reason) for path, reason in rows}

    def _errors(self) -> dict[str, str]:
        whole = {"": self._of_whole} if self._of_whole else {}
        website = self._written.errors if self._written is not None else {}
        return {**website, **whole, **self._of_builds, **self._of_saves}
