"""When to order: properties that hold whatever an authority says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.acme import schedule

DAY = 86400.0
START = 1_790_000_000.0
shares = st.floats(0, 1)


@given(st.floats(3600, 400 * DAY), shares)
def test_turn(life: float, share: float) -> None:
    """Between 7/24 + 1/3 and a third of the life is left: early enough for failures, not on one day for all machines."""
    at = schedule.turn(START, START + life, share)
    left = (START + life - at) / life
    assert 1 / 3 - 1e-6 <= left <= 1 / 3 + 1 / 24 + 1e-6
    if life == 90 * DAY and share == 0:
        assert at == START + 60 * DAY


def due(**more: float | str | None) -> schedule.Due:
    plain: dict[str, float | str | None] = {
        "issued": START,
        "not_before": START,
        "not_after": START + 90 * DAY,
        "turn_at": START + 60 * DAY,
        "ari_at": None,
        "failed": 0,
        "again": 0.0,
    }
    return schedule.due(**{**plain, **more})  # type: ignore[arg-type]


def test_due() -> None:
    """None there: at once. Not fit: at once. Otherwise in its turn, or in the authority's window."""
    assert due(issued=None).at == 0 and due(wrong="revoked") == schedule.Due(0, "revoked")
    assert due().at == START + 60 * DAY
    assert due(ari_at=START + 30 * DAY).at == START + 30 * DAY
    assert due(ari_at=START + 70 * DAY).at == START + 70 * DAY
    # A window that leaves no time for failures is not waited for.
    assert due(ari_at=START + 1000 * DAY).at == START + 81 * DAY
    # A window in the past again and again must not become an order every five seconds.
    assert due(ari_at=START - 9 * DAY).at == START + DAY
    assert due(ari_at=0.0, not_after=START + 6 * 3600, turn_at=START + 3600).at == START + 3600


@pytest.mark.rfc(
    "9773",
    "4.2",
    "In all cases, renewal attempts are subject to the client's existing error backoff and retry intervals.",
)
def test_due_after_failures() -> None:
    """The time of the next try comes first, whatever else is due."""
    again = START + 61 * DAY
    assert due(failed=3, again=again) == schedule.Due(
        again, "a third of its life is left; the last 3 tries failed"
    )
    assert due(issued=None, failed=1, again=again).at == again
    assert due(ari_at=0.0, failed=1, again=again).at == again
    assert due(failed=1, again=START).at == START + 60 * DAY


@given(st.integers(1, 10_000), shares, st.none() | st.floats(0, 1e9))
def test_after_failure(failed: int, share: float, asked: float | None) -> None:
    """At least ten minutes, at most a day and a bit, longer only where the authority asks, and never for more than eight days."""
    wait = schedule.after_failure(failed, share, asked)
    assert wait >= 600
    assert wait >= min(asked or 0, 8 * DAY)
    assert wait <= max(1.2 * DAY, min(asked or 0, 8 * DAY))
    assert schedule.after_failure(failed, share, None, 3600) <= 3600 * 1.2
