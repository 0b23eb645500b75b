"""The contract of `ports.store`, run against each implementation."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from postil.base.clock import FixedClock
from postil.store.memory import MemoryStore

from .bench import ALICE, BOB, Bench

KINDS = ["memory"]
if importlib.util.find_spec("postil.store.sqlite") is not None:
    KINDS.append("sqlite")


@pytest_asyncio.fixture(params=KINDS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A store with two accounts, and shorthands."""
    clock = FixedClock()
    if request.param == "memory":
        store = MemoryStore(clock)
        made = Bench(store, clock)
    else:
        from postil.store.sqlite import SqliteStore

        made = Bench(
            await SqliteStore.at(tmp_path / "shard", clock=clock, free_space_floor=0), clock
        )
    try:
        await made.store.provision(ALICE, None)
        await made.store.provision(BOB, None)
        yield made
    finally:
        await made.close()
