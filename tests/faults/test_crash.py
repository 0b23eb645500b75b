"""A power cut at any moment: everything acknowledged is there, nothing is half done, and no number is given twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cases import crashes, record, shrink_limits

# `make crash` asks for 50,000.
POINTS = int(os.environ.get("POSTIL_CRASH_POINTS", "2000"))
PER_RUN = max(250, min(1000, POINTS // 8))


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(-(-POINTS // PER_RUN)))
async def test_power_cut(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that several clients work on is cut off anywhere; opened again it has what it acknowledged."""
    shrink_limits(monkeypatch)
    run = await record(tmp_path / "disk", seed, 200)
    await crashes(run, seed, PER_RUN)
    assert run.points == PER_RUN
    assert run.failures == []


async def test_power_cut_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same at some points of a short run, each time the tests run."""
    shrink_limits(monkeypatch)
    run = await record(tmp_path / "disk", 1000, 60)
    await crashes(run, 1000, 40)
    assert run.failures == []
