"""A recorded run, and what a crash at any point of it must leave."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postil.base.clock import FixedClock
from postil.ports.ids import AccountId
from postil.ports.store import StoreError
from postil.store.shard import Settings
from postil.store.sqlite import SqliteStore
from postil.store.verify import verify

from .disk import Disk, Mode
from .judge import Expected, difference, expect, state_of, still_works
from .load import ACCOUNTS, Client, Request, perform
from .recorder import Acknowledged, Begun, Entry, recording

CLIENTS = 4


def shrink_limits(patch: pytest.MonkeyPatch) -> None:
    """Everything that happens once in a million messages happens in a short run."""
    for name, value in {
        "segments.SEGMENT_OCTETS": 12_000,
        "staging.OWN_FILE_FROM": 4000,
        "shard.NUMBERS_RESERVED": 16,
        "writer.NUMBERS_RESERVED": 16,
        "connection.WAL_PASSIVE_OCTETS": 150_000,
        "connection.WAL_TRUNCATE_OCTETS": 400_000,
        "writer.CHORE_EVERY": 3,
        "requests.BATCH_INTENTS": 3,
        "shard.RECLAIM_BODIES": 7,
        "compaction.COMPACT_RECORDS": 4,
        "intents.upkeep.PURGE_MESSAGES": 5,
        "pictures.SNAPSHOT_FROM": 10,
        "pictures.SNAPSHOT_CHANGES": 5,
    }.items():
        patch.setattr(f"postil.store.{name}", value)


@contextlib.contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for disks that are thrown away at once: in memory where there is such a place."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Run:
    """What was recorded, and which states it allows."""

    root: Path
    entries: list[Entry]
    expected: Expected
    clock: FixedClock
    failures: list[str] = field(default_factory=list)
    points: int = 0


Script = Callable[[Mapping[tuple[AccountId, str], int]], Sequence[Request]]
"""Requests one after the other, given the mailboxes that the accounts have."""


async def record(root: Path, seed: int, requests: int = 0, script: Script | None = None) -> Run:
    """Let clients work on a new store under `root`, or one follow a script, and write everything down."""
    clock = FixedClock()
    asked: dict[int, Request] = {}
    answers: list[tuple[int, Any]] = []
    boxes: dict[int, Any] = {}
    owners: dict[int, Any] = {}
    root.mkdir()
    with recording() as (recorder, files, vfs):
        store = await SqliteStore.at(
            root / "data", clock=clock, settings=Settings(0, files, vfs.vfs_name)
        )

        async def one(request: Request, client: Client | None = None) -> None:
            number = len(asked)
            asked[number] = request

            def answered(result: Any) -> None:
                recorder.note(Acknowledged(number))
                answers.append((number, result))
                if client is not None:
                    client.learn(request, result)

            recorder.note(Begun(number))
            await perform(store, request, lambda box: box, answered)  # type: ignore[arg-type, return-value]

        for account in ACCOUNTS:
            await one(Request("provision", (account, None)))
        provisioned = {}
        for account in ACCOUNTS:
            for mailbox in await store.mailboxes(account):
                provisioned[account, mailbox.name] = mailbox.id
                owners[mailbox.id] = account
                if mailbox.name in ("INBOX", "Archive", "Sent"):
                    boxes[mailbox.id] = []

        async def work(number: int) -> None:
            dice = random.Random(f"{seed} {number}")
            client = Client(dice, boxes, owners)
            for _ in range(requests // CLIENTS):
                await one(client.next(), client)
                for _ in range(dice.choice((0, 0, 0, 5, 50))):
                    await asyncio.sleep(0)

        if script is not None:
            for request in script(provisioned):
                await one(request)
        await asyncio.gather(*(work(number) for number in range(CLIENTS)))
        final = await state_of(store)
        await store.close()
    expected = await expect(asked, answers, provisioned, clock)
    assert final == expected.states[-1], difference(expected.states[-1], final)
    findings = verify(root / "data")
    assert findings == [], findings
    return Run(root, recorder.entries, expected, clock)


async def crashes(run: Run, seed: int, points: int, enough: int = 10) -> None:
    """Crash at `points` places of the run; what is wrong goes to `run.failures`, until there are enough."""
    dice = random.Random(seed)
    places = sorted(dice.choices(range(len(run.entries) + 1), k=points))
    await _crashes(run, dice, [(place, dice.choice(list(Mode))) for place in places], enough)


async def every_crash(
    run: Run, first: int, modes: Sequence[Mode] = tuple(Mode), enough: int = 10
) -> None:
    """Crash behind each entry of the run from its request number `first` on, in each way."""
    start = run.entries.index(Begun(first))
    cases = [(place, mode) for place in range(start, len(run.entries) + 1) for mode in modes]
    await _crashes(run, random.Random(first), cases, enough)


async def _crashes(
    run: Run, dice: random.Random, cases: Sequence[tuple[int, Mode]], enough: int
) -> None:
    disk = Disk(run.root)
    begun: set[int] = set()
    acknowledged = 0
    taken = 0
    with quick_folder() as quick:
        for number, (place, mode) in enumerate(cases):
            for entry in run.entries[taken:place]:
                match entry:
                    case Begun(request):
                        begun.add(request)
                    case Acknowledged():
                        acknowledged += 1
                    case _:
                        disk.take(entry)
            taken = place
            target = quick / str(number)
            target.mkdir()
            disk.crash(mode, dice, target)
            trial = _Trial(run, target, acknowledged, frozenset(begun), dice)
            run.points += 1
            if len(run.failures) == enough:
                return
            what = await trial.outcome(number)
            if what is not None:
                run.failures.append(
                    f"entry {place} of {len(run.entries)}, {mode.name}, {acknowledged} acknowledged: {what}"
                )
            shutil.rmtree(target)


@dataclass(slots=True)
class _Trial:
    """One disk after a crash."""

    run: Run
    target: Path
    acknowledged: int
    begun: frozenset[int]
    dice: random.Random

    async def outcome(self, number: int) -> str | None:
        """What is wrong with it, or None. Some crash again while they recover, some go on working."""
        try:
            if number % 8 == 0:
                return await self._crash_in_recovery()
            return await self._recover(self.target, go_on=number % 4 == 1)
        except StoreError as error:
            return f"{type(error).__name__}: {error}"

    def _wrong(self, found: dict[str, Any]) -> str | None:
        return self.run.expected.differences(found, self.acknowledged, self.begun)

    async def _recover(self, target: Path, go_on: bool) -> str | None:
        folder = target / "data"
        settings = Settings(0, background=go_on)
        store = await SqliteStore.at(folder, clock=self.run.clock, settings=settings)
        try:
            found = await state_of(store)
            if (wrong := self._wrong(found)) is not None:
                return wrong
            if go_on:
                known = self.run.expected.states[: self.acknowledged + 1]
                greatest = max(
                    (
                        v[0]
                        for state in known
                        for v in state.values()
                        if isinstance(v, tuple) and len(v) == 7
                    ),
                    default=0,
                )
                if (wrong := await still_works(store, found, greatest)) is not None:
                    return wrong
                while store.shard.working is not None:
                    await asyncio.wait([store.shard.working])
                found = await state_of(store)
        finally:
            await store.close()
        if findings := verify(folder):
            return f"verify: {findings[0]}"
        if go_on:
            store = await SqliteStore.at(folder, clock=self.run.clock, settings=settings)
            again = await state_of(store)
            await store.close()
            if again != found:
                return f"after another start {difference(found, again)}"
        return None

    async def _crash_in_recovery(self) -> str | None:
        with recording() as (recorder, files, vfs), quick_folder() as second:
            disk = Disk.found(self.target, recorder)
            store = await SqliteStore.at(
                self.target / "data",
                clock=self.run.clock,
                settings=Settings(0, files, vfs.vfs_name, background=False),
            )
            await store.close()
            for entry in recorder.entries[: self.dice.randrange(len(recorder.entries) + 1)]:
                disk.take(entry)
            disk.crash(self.dice.choice(list(Mode)), self.dice, second)
            wrong = await self._recover(second, go_on=False)
            return wrong and f"when it crashed again while it recovered: {wrong}"
