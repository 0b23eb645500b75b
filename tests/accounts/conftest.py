"""A control database, changed from one side and asked from the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postil.accounts import AccountsDatabase, Administration
from postil.base.clock import FixedClock


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
