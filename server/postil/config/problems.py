"""What is wrong in a configuration, and where: `postil.toml:12: listener[0].port: 70000 is no port (1 to 65535)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postil.config.locate import Path


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault or a doubt about the field at a path, before anybody knows which file and line that is."""

    path: Path
    what: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The same with its place."""

    file: str
    line: int  # 0: the file as a whole
    field: str  # as people write it; "": the file as a whole
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field + ': ' if self.field else ''}{self.what}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` are all that were found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        assert problems
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.file = problems[0].file
        self.line = problems[0].line
        self.field = problems[0].field
        self.what = problems[0].what
