"""An issuer and an authority in one time of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.acme.world import Told, issuer, plan, provider
from tests.support.challenges import Responders
from tests.support.fakeca import FakeCa, serving
from tests.support.pebble import Root

from postil.acme.files import Kept
from postil.acme.issue import Issuer
from postil.base.clock import FixedClock

NAME = "mail.example.org"


@pytest.fixture
async def ca(root: Root) -> AsyncIterator[FakeCa]:
    """An authority that lives in a time of its own."""
    async with serving(FakeCa(FixedClock(1_790_000_000.0)), root) as own:
        yield own


class Desk:
    """An issuer in the same time; it never waits for long."""

    def __init__(self, ca: FakeCa, root: Root, folder: Path, *names: str, **more: Any) -> None:
        self.clock = ca.clock
        self.told = Told()
        self.ports = Responders()
        self.waited: list[float] = []
        settings = {key: more.pop(key) for key in list(more) if key in ("challenges", "profile", "eab_kid", "eab_key_env", "agree_terms", "dns_hook", "dns_wait", "contact")}  # fmt: skip
        one = provider(ca.directory, root.ca_file, **settings)
        self.it: Issuer = issuer(
            folder,
            plan(one, *(names or (NAME,)), **more),
            self.ports,
            self.told,
            clock=ca.clock,
            sleep=self.sleep,
            random=lambda: 0.5,
        )

    async def sleep(self, seconds: float) -> None:
        """Time passes without waiting."""
        self.waited.append(seconds)
        assert isinstance(self.clock, FixedClock)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    @property
    def kept(self) -> Kept:
        """The state, which is there."""
        kept = self.it.kept()
        assert kept is not None
        return kept


@pytest.fixture
def desk(ca: FakeCa, root: Root, tmp_path: Path) -> Desk:
    """For one name."""
    return Desk(ca, root, tmp_path)
