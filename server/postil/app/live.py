"""The settings of a running server: what it was started with, and the live ones (domains, transports, routes), which change while it runs.

Theory of operation. Somebody asks for a reload: a command over the control socket, SIGHUP, or the watch, which looks at the two files
every second and waits until they have stayed the same for one look, so that a file is not read while an editor writes it. The
files are read and checked whole. With a mistake nothing changes, and the log, a metric and whoever asked are told file, line and field.
Without one the domains are swapped in one step of the event loop: a session asks for them at each RCPT, so no connection notices. Machine
settings that differ from what was started with are named; they wait for a restart.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from postil.base.clock import Clock
from postil.config import Config, ConfigError, Domain, Loaded, Problem, read
from postil.config.difference import between
from postil.config.doubts import doubts
from postil.config.model import LIVE
from postil.daemon.metrics import Metrics
from postil.daemon.notify import notify

LOOK_EVERY: Final = 1.0  # seconds; two calls of stat
TOLD: Final = 20  # mistakes in the log and the metric; a file of another kind would have thousands

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.app")

_Mark = tuple[tuple[int, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reload came to."""

    problems: tuple[Problem, ...] = ()  # not empty: nothing was changed
    changed: tuple[str, ...] = ()  # live fields that have other values now
    waiting: tuple[str, ...] = ()  # machine fields that wait for a restart

    def as_json(self) -> dict[str, Any]:
        """For the control socket."""
        return {
            "ok": not self.problems,
            "problems": [{**dataclasses.asdict(one), "text": str(one)} for one in self.problems],
            "changed": list(self.changed),
            "waiting": list(self.waiting),
        }


class Live:
    """Which settings count now, and how they change."""

    def __init__(
        self,
        started: Loaded,
        path: Path,
        take: Callable[[tuple[Domain, ...]], None],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """`take` is handed the domains when they have changed."""
        self._started = started.config
        self._now = started
        self._path = path
        self._take = take
        self._metrics = metrics
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._doubted: tuple[Problem, ...] = ()
        self._seen = self._marks()
        metrics.config.loaded.set(clock.now())

    @property
    def config(self) -> Config:
        """What counts: the machine as it was started, the live settings as they are now."""
        live = {field: getattr(self._now.config, field) for field in LIVE}
        return msgspec.structs.replace(self._started, **live)

    async def answer(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """What commands ask over the control socket; ValueError when it is something else."""
        match question.get("do"):
            case "reload":
                return {**(await self.reload("a command")).as_json(), "file": str(self._path)}
            case "diff":
                return await self._diff()
            case other:
                raise ValueError(f"this version knows no {other!r}")

    async def watch(self) -> None:
        """Reload when a file has changed and then stayed the same for one look."""
        before = self._seen
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = self._marks()
            if now == before and now != self._seen:
                await self.reload("a file changed")
            before = now

    async def reload(self, why: str) -> Outcome:
        """Read the files again; what is wrong changes nothing."""
        async with self._one_at_a_time:
            notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                return await self._reload(why)
            except ConfigError as error:
                return self._refused(why, error)
            except Exception as error:  # noqa: BLE001 (the server goes on with what it had)
                self._metrics.faults.labels("config").inc()
                _log.error("fault", exc_info=error)
                ours = Problem(str(self._path), 0, "", "an error of ours, written to the log")
                return Outcome((ours,))
            finally:
                notify("READY=1")

    async def _reload(self, why: str) -> Outcome:
        self._seen = self._marks()  # before reading: a later change is another one
        # In a thread, though it runs Python: it is rare, and a thousand domains take a tenth of a second.
        loaded, doubtful = await asyncio.to_thread(self._read_and_doubt)
        changed = tuple(
            change.field for change in between(self._now.config, loaded.config) if change.live
        )
        if loaded.config.domain != self._now.config.domain:
            self._take(loaded.config.domain)
        self._now = loaded
        waiting = tuple(
            change.field for change in between(self._started, loaded.config) if not change.live
        )
        self._metrics.config.reloads.labels("ok").inc()
        self._metrics.config.error.clear()
        self._metrics.config.waiting.set(len(waiting))
        self._metrics.config.loaded.set(self._clock.now())
        _log.info("reloaded", why=why, changed=", ".join(changed) or "nothing")
        self._doubt(doubtful)
        if waiting:
            _log.warning("settings wait for a restart", fields=", ".join(waiting))
        return Outcome(changed=changed, waiting=waiting)

    async def begin(self) -> None:
        """Say what is doubtful in the settings that the server was started with."""
        self._doubt(await asyncio.to_thread(doubts, self._now))

    def _doubt(self, found: Sequence[Problem]) -> None:
        """Each doubt once, as long as it lasts."""
        said = {(one.file, one.field, one.what) for one in self._doubted}
        for one in found:
            if (one.file, one.field, one.what) not in said:
                _log.warning(
                    "doubtful setting",
                    file=one.file,
                    line=one.line,
                    field=one.field,
                    reason=one.what,
                )
        self._doubted = tuple(found)

    def _read_and_doubt(self) -> tuple[Loaded, Sequence[Problem]]:
        loaded = self._read()
        return loaded, doubts(loaded)

    def _read(self) -> Loaded:
        """The files; a domains file that has gone is a mistake, however many domains are left."""
        second = Path(self._now.domains.file)
        gone = self._now.domains.there and not second.exists()
        lost = Problem(
            str(second), 0, "", "is not there any more: put it back, or leave an empty one there"
        )
        try:
            loaded = read(self._path)
        except ConfigError as error:
            raise ConfigError((*error.problems, lost)) if gone else error from None
        if gone and loaded.domains.file == self._now.domains.file:
            raise ConfigError((lost,))
        return loaded

    def _refused(self, why: str, error: ConfigError) -> Outcome:
        self._metrics.config.reloads.labels("refused").inc()
        self._metrics.config.error.clear()
        for one in error.problems[:TOLD]:
            self._metrics.config.error.labels(one.file, str(one.line), one.field).set(1)
            _log.error(
                "not reloaded, the old settings stay",
                why=why,
                file=one.file,
                line=one.line,
                field=one.field,
                reason=one.what,
            )
        return Outcome(error.problems)

    async def _diff(self) -> Mapping[str, Any]:
        """What the files say and the server does not do, yet."""
        try:
            loaded = await asyncio.to_thread(self._read)
        except ConfigError as error:
            return Outcome(error.problems).as_json()
        changes = between(self.config, loaded.config)
        return {"ok": True, "problems": [], "changes": [one.as_json() for one in changes]}

    def _marks(self) -> _Mark:
        return tuple(_mark(path) for path in (self._path, Path(self._now.domains.file)))


def _mark(path: Path) -> tuple[int, int, int, int] | None:
    """What changes when a file is written or replaced; None: it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
