"""Bodies are forgotten when nobody uses them and nobody looks at them; a chore that waited for its turn takes nothing from a reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from postil.base.clock import FixedClock
from postil.ports.ids import Uid
from postil.store.database import read_every
from postil.store.sqlite import SqliteStore
from postil.store.verify import verify

from .contract.bench import ALICE, MESSAGE, Bench


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = FixedClock()
    made = Bench(await SqliteStore.at(tmp_path / "shard", clock=clock, free_space_floor=0), clock)
    await made.port.provision(ALICE, None)
    yield made
    await made.close()
    assert verify(tmp_path / "shard") == []


class Held:
    """Chores wait here instead of in the writer's queue, as they do while others write."""

    def __init__(self, bench: Bench) -> None:
        self._shard = bench.store.shard
        self._writer = self._shard.writer
        self._chore = self._writer.chore
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._writer.chore = self._hold

    def _hold(self, intent: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((intent, future))
        return future

    async def let_go(self) -> None:
        """They run now, with those that follow from them."""
        self._writer.chore = self._chore
        for intent, future in self._waiting:
            future.set_result(await self._chore(intent))
        self._waiting.clear()
        while (working := self._shard.working) is not None:
            await asyncio.wait([working])
            await asyncio.sleep(0)


def _bodies(bench: Bench) -> int:
    ((count,),) = read_every(bench.store.shard.reader, "SELECT count(*) FROM body", ())
    return int(count)


async def test_chore_that_waited(bench: Bench) -> None:
    """A body shared by two mailboxes leaves the one unseen and the other under somebody's eyes, while the chore waits."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox)
    await bench.port.copy(inbox, [Uid(1)], archive)
    held = Held(bench)
    await bench.port.expunge(inbox, [Uid(1)], False)
    view = await bench.view(archive)
    await bench.port.expunge(archive, [Uid(1)], False)
    await held.let_go()
    assert await bench.octets(view, 0) == MESSAGE
    (details,) = await bench.port.details(view, [0])
    assert details.envelope
    assert _bodies(bench) == 1
    view.advance()
    await held.let_go()
    assert _bodies(bench) == 0


async def test_reader_left_before_the_last_use(bench: Bench) -> None:
    """The other way round: who looked at it goes while another mailbox still has it, then that one loses it under other eyes."""
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox)
    await bench.port.copy(inbox, [Uid(1)], archive)
    first = await bench.view(inbox)
    await bench.port.expunge(inbox, [Uid(1)], False)
    held = Held(bench)
    first.advance()
    second = await bench.view(archive)
    await bench.port.expunge(archive, [Uid(1)], False)
    await held.let_go()
    assert await bench.octets(second, 0) == MESSAGE
    second.close()
    await held.let_go()
    assert _bodies(bench) == 0


async def test_deleted_mailbox(bench: Bench) -> None:
    """A mailbox that is deleted gives back what no other mailbox has, when nobody looks any more."""
    inbox = await bench.id()
    await bench.put(inbox)
    made = await bench.port.create(ALICE, "made")
    await bench.put(made.id, times=2)
    await bench.port.copy(inbox, [Uid(1)], made.id)
    view = await bench.view(made.id)
    held = Held(bench)
    await bench.port.delete(ALICE, "made")
    await held.let_go()
    assert [await bench.octets(view, place) for place in range(3)] == [MESSAGE] * 3
    view.close()
    await held.let_go()
    assert _bodies(bench) == 1
