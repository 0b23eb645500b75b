"""Percentages over requirements (rule 9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from postil_site.model import Level, Status
from postil_site.status.verdicts import DONE, Verdict


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requirements have which status."""

    by_status: dict[Status, int]
    aliases: int
    n: int  # without aliases and not applicable
    covered: int
    passing: int
    must: int  # MUST and MUST NOT among n
    must_passing: int

    def of(self, status: Status) -> int:
        """How many have that status."""
        return self.by_status.get(status, 0)

    @property
    def passing_percent(self) -> int | None:
        """Floored; None (shown –) when there is nothing to pass."""
        return 100 * self.passing // self.n if self.n else None

    @property
    def covered_percent(self) -> int | None:
        """Likewise of those with any evidence."""
        return 100 * self.covered // self.n if self.n else None

    @property
    def must_percent(self) -> int | None:
        """The headline: passing MUSTs."""
        return 100 * self.must_passing // self.must if self.must else None

    def record(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "n": self.n,
            "covered": self.covered,
            "passing": self.passing,
            "must": self.must,
            "must_passing": self.must_passing,
            "aliases": self.aliases,
            "passing_percent": self.passing_percent,
            "covered_percent": self.covered_percent,
            "must_percent": self.must_percent,
            "status": {status.value: self.of(status) for status in Status},
        }


def shown(percent: int | None) -> str:
    """A percentage, or – for none."""
    return "–" if percent is None else f"{percent} %"


def count(verdicts: Iterable[Verdict]) -> Counts:
    """Count them."""
    by_status: Counter[Status] = Counter()
    aliases = must = must_passing = 0
    for verdict in verdicts:
        if verdict.alias_of is not None:
            aliases += 1
            continue
        by_status[verdict.status] += 1
        if verdict.counted and verdict.requirement.level in (Level.MUST, Level.MUST_NOT):
            must += 1
            must_passing += verdict.status is Status.PASSING
    n = sum(by_status.values()) - by_status[Status.NOT_APPLICABLE]
    covered = sum(number for status, number in by_status.items() if status in DONE)
    return Counts(
        dict(by_status), aliases, n, covered, by_status[Status.PASSING], must, must_passing
    )
