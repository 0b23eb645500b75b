"""The life of keys: nothing before its time, and whatever is done when it is due, two kinds never disturb each other."""

from __future__ import annotations

import datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from postil.config import rotation
from postil.config.domain import Algorithm, Dkim, Selector

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
BOTH: tuple[Algorithm, ...] = ("ed25519", "rsa")


def after(dkim: Dkim, step: rotation.Step, now: datetime.datetime) -> Dkim:
    """The keys when a step is done, as the documentation says it."""
    rows = list(dkim.selector)
    if step.selector is None:
        name = rotation.new_name(step.algorithm, now, len(rows).to_bytes(2, "big"))
        rows.append(Selector(name=name, algorithm=step.algorithm, state="next", since=now))
    elif step.what == "remove":
        rows.remove(step.selector)
    else:
        for at, one in enumerate(rows):
            if one.algorithm == step.algorithm and one.state == "signing":
                rows[at] = msgspec.structs.replace(one, state="retiring", since=now)
            elif one == step.selector:
                rows[at] = msgspec.structs.replace(one, state="signing", since=now)
    return msgspec.structs.replace(dkim, selector=tuple(rows))


@given(st.lists(st.integers(0, 20), max_size=30))
def test_any_rhythm(days: list[int]) -> None:
    """However often somebody looks, a key waits its time before it signs and after, and one of each kind signs from the first switch on."""
    dkim, now = Dkim(), START
    published: dict[str, datetime.datetime] = {}
    signed: dict[str, datetime.datetime] = {}
    for wait in days:
        now += wait * DAY
        for algorithm in BOTH:
            before = [one for one in dkim.selector if one.state == "signing" and one.algorithm == algorithm]  # fmt: skip
            for step in rotation.steps(dkim, algorithm, now):
                if not step.is_due(now):
                    continue
                if step.what == "switch":
                    assert now - published[step.selector.name] >= 2 * DAY  # type: ignore[union-attr]
                    signed.update((one.name, now) for one in before)
                elif step.what == "remove":
                    assert now - signed[step.selector.name] >= 7 * DAY  # type: ignore[union-attr]
                dkim = after(dkim, step, now)
                if step.what == "make":
                    published[dkim.selector[-1].name] = now
            signing = [one for one in dkim.selector if one.state == "signing" and one.algorithm == algorithm]  # fmt: skip
            assert len(signing) == 1 if before else len(signing) <= 1
            assert sum(one.state == "next" for one in dkim.selector if one.algorithm == algorithm) <= 1  # fmt: skip


def test_names() -> None:
    """A selector says day and kind, and two of one day differ."""
    assert rotation.new_name("rsa", START, b"\x01\x02\x03") == "20260101r-0102"
    assert rotation.new_name("ed25519", START, b"\xff\x00") == "20260101e-ff00"
