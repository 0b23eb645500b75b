"""The control database of a test: one connection that changes it, as commands do, and one that asks, as the server does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postil.accounts import AccountsDatabase, Administration
from postil.base.clock import FixedClock


@pytest.fixture
def now() -> FixedClock:
    """The time of both."""
    return FixedClock()


@pytest.fixture
async def people(tmp_path: Path, now: FixedClock) -> AsyncIterator[Administration]:
    """The machine's owner at work."""
    administration = await Administration.open(tmp_path / "postil.db", clock=now)
    yield administration
    await administration.close()


@pytest.fixture
async def directory(
    people: Administration, tmp_path: Path, now: FixedClock
) -> AsyncIterator[AccountsDatabase]:
    """What the protocols ask; example.org and other.example are local."""
    database = await AccountsDatabase.open(
        tmp_path / "postil.db", clock=now, domains={"example.org": "", "other.example": ""}
    )
    yield database
    await database.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def admin(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Administration]:
    administration = await Administration.open(tmp_path / "postil.db", clock=clock)
    yield administration
    await administration.close()


@pytest.fixture
async def accounts(tmp_path: Path, clock: FixedClock) -> AsyncIterator[AccountsDatabase]:
    database = await AccountsDatabase.open(tmp_path / "postil.db", clock=clock, domains={})
    yield database
    await database.close()
