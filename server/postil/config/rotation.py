"""The life of DKIM keys, as a machine of states: which step is due, and when.

    make      a new key, state `next`; its record is published
    switch    `next` becomes `signing`, what signed before becomes `retiring`; due `publish_wait` after `make`, when every DNS
              server that had kept the answer "no such record" has forgotten it
    remove    a `retiring` key goes, and its record can; due `retire_wait` after `switch`, when no mail signed by it is under way

RFC 6376 §3.1 describes it: both public keys are advertised for a transition period. Each algorithm has its own round: two keys sign,
one of each kind (RFC 8463 §6), under two selectors. Pure: the time comes in, steps come out.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from postil.config.domain import Algorithm, Dkim, Selector


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next for an algorithm."""

    what: Literal["make", "switch", "remove"]
    algorithm: Algorithm
    selector: Selector | None  # which key; None: a new one
    due: datetime.datetime

    def is_due(self, now: datetime.datetime) -> bool:
        """May it be done now?"""
        return self.due <= now


def steps(dkim: Dkim, algorithm: Algorithm, now: datetime.datetime) -> Iterator[Step]:
    """What is to be done, or waited for; a new key only when nothing of the last round is left."""
    mine = [one for one in dkim.selector if one.algorithm == algorithm]
    under_way = False
    for one in mine:
        if one.state == "next":
            under_way = True
            wait = datetime.timedelta(seconds=dkim.publish_wait)
            yield Step("switch", algorithm, one, one.since + wait)
        elif one.state == "retiring":
            under_way = True
            wait = datetime.timedelta(seconds=dkim.retire_wait)
            yield Step("remove", algorithm, one, one.since + wait)
    if not under_way:
        yield Step("make", algorithm, None, now)


def algorithms(dkim: Dkim) -> tuple[Algorithm, ...]:
    """Those of which there are keys."""
    return tuple(dict.fromkeys(one.algorithm for one in dkim.selector))


def new_name(algorithm: Algorithm, now: datetime.datetime, chance: bytes) -> str:
    """A selector that was never used: the day, the algorithm, and two octets of chance."""
    # RFC 6376 §3.1: "A better strategy is to assign new keys to new selectors."
    return f"{now:%Y%m%d}{algorithm[0]}-{chance[:2].hex()}"
