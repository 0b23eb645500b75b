"""Every target with its seeds, with what fuzzing ever found, and with what hypothesis makes of words of its grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .targets import SEEDS, TARGETS

REGRESSIONS = Path(__file__).parent / "regressions"
FOUND = sorted(file for file in REGRESSIONS.iterdir() if file.name != ".gitkeep")
_WORD = re.compile(rb"[A-Za-z0-9]+|[^A-Za-z0-9]", re.DOTALL)


@pytest.mark.parametrize("name", list(TARGETS))
def test_seeds(name: str) -> None:
    """What is usual goes through."""
    target, _ = TARGETS[name]
    assert SEEDS[name]
    for seed in [b"", *SEEDS[name]]:
        target(seed)


def test_regressions() -> None:
    """What once was a finding is none any more."""
    for file in FOUND:
        TARGETS[file.name.partition("-")[0]][0](file.read_bytes())


@pytest.mark.parametrize("name", list(TARGETS))
def test_words_of_the_grammar(name: str) -> None:
    """Its own words in any order, with any octets between them."""
    target, _ = TARGETS[name]
    own = sorted({word for seed in SEEDS[name] for word in _WORD.findall(seed)})
    pieces = st.one_of(st.sampled_from([*own, *SEEDS[name]]), st.binary(max_size=4))

    @given(st.lists(pieces, max_size=30).map(b"".join))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def run(octets: bytes) -> None:
        target(octets)

    run()
