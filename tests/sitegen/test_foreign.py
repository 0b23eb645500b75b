"""Other people's code: nothing crashes, and what is found in packages of known versions does not change unseen."""

from __future__ import annotations

import dataclasses
import json

import pytest
from tools import foreign

EXPECTED = json.loads(foreign.EXPECTED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_counts_of_installed_packages(name: str) -> None:
    """The references of a locked version are counted as they were; `tools/foreign.py --installed --write` renews the counts."""
    known = dict(EXPECTED[name])
    version = known.pop("version")
    folder, installed = foreign.installed()[name]
    counts, _ = foreign.refs(folder)
    if installed == version:
        assert dataclasses.asdict(counts) == known
    else:
        assert counts.references > 0
