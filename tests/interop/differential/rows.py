"""The list of differences that are explained, and which of them were met.

`differences.toml`: `[[difference]]` with patterns (`command`, `key`, `ours`, `dovecot`, `where` for file and line, and
`without`, which takes away the only thing that may differ), who `deviates`, the `rfc`
with `section` and the `quote` that decides, and a `reason`. `[[left-out]]` names commands (`where`, `command`) that are not sent, because what they lead to
is different by such a row. Every row must have been met in a whole run, so that the list stays true.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("differences.toml")
DEVIATES: Final = ("dovecot", "both allowed")


@dataclass(frozen=True)
class Difference:
    """One fact in which the two servers are not of one mind."""

    place: str
    command: str
    key: str
    ours: str
    dovecot: str

    def __str__(self) -> str:
        return (
            f"{self.place}: {self.command[:160]}\n    {self.key}\n"
            f"      ours    {self.ours[:600]}\n      dovecot {self.dovecot[:600]}"
        )


@dataclass(frozen=True)
class Row:
    """An explained difference."""

    id: str
    deviates: str
    rfc: str
    section: str
    quote: str
    reason: str
    where: str = ".*"
    command: str = ".*"
    key: str = ".*"
    ours: str = ".*"
    dovecot: str = ".*"
    without: str = ""  # what the two differ in: without it they must be equal

    def explains(self, difference: Difference) -> bool:
        if self.without:
            ours, theirs = difference.ours, difference.dovecot
            if re.sub(self.without, "", ours) != re.sub(self.without, "", theirs):
                return False
        return all(
            re.fullmatch(getattr(self, name), text, re.DOTALL)
            for name, text in (
                ("where", difference.place),
                ("command", difference.command),
                ("key", difference.key),
                ("ours", difference.ours),
                ("dovecot", difference.dovecot),
            )
        )


@dataclass(frozen=True)
class LeftOut:
    """Commands that are not sent to either."""

    where: str
    reason: str
    command: str = ".*"


@dataclass
class Rows:
    """The list, and what it was used for."""

    rows: Sequence[Row]
    left_out: Sequence[LeftOut]
    met: Counter[str] = field(default_factory=Counter)
    unexplained: list[Difference] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path = LIST) -> Rows:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = [Row(**row) for row in data.get("difference", ())]
        for row in rows:
            assert row.deviates in DEVIATES, row
        assert len({row.id for row in rows}) == len(rows), "two rows of one name"
        return cls(rows, [LeftOut(**row) for row in data.get("left-out", ())])

    def take(self, differences: Iterable[Difference]) -> list[Difference]:
        """Count what is explained; gives what is not."""
        left = []
        for difference in differences:
            for row in self.rows:
                if row.explains(difference):
                    self.met[row.id] += 1
                    break
            else:
                left.append(difference)
        self.unexplained += left
        return left

    def leaves_out(self, place: str, command: str) -> bool:
        """Is this command not to be sent?"""
        for row in self.left_out:
            if re.fullmatch(row.where, place) and re.fullmatch(row.command, command, re.DOTALL):
                self.met[f"left out: {row.where} {row.command}"] += 1
                return True
        return False

    def unused(self) -> list[str]:
        """Rows that nothing needed."""
        names = [row.id for row in self.rows]
        names += [f"left out: {row.where} {row.command}" for row in self.left_out]
        return [name for name in names if not self.met[name]]

    def table(self) -> str:
        """Counts of every row, for the end of a run."""
        lines = [f"{'count':>6}  {'deviates':<12}  {'decides':<18}  difference"]
        for row in self.rows:
            decides = f"RFC {row.rfc} §{row.section}"
            lines.append(f"{self.met[row.id]:>6}  {row.deviates:<12}  {decides:<18}  {row.id}")
        for one in self.left_out:
            name = f"left out: {one.where} {one.command}"
            lines.append(f"{self.met[name]:>6}  {'':<12}  {'':<18}  {name}")
        return "\n".join(lines)
