"""The project's list of RFCs, `rfc/index.txt`: which are implemented, which only in part, by topic.

    # Topic
    9051<TAB>Yes<TAB>Proposed Standard<TAB>Internet Message Access Protocol (IMAP) - Version 4rev2

Fields stand between tabs (two or more blanks do as well). A row that cannot be read is an error with line and reason; the rows around it count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A dash before the status: obsolete, kept for what refers to it.
STATUSES = ("Yes", "Partial", "Roadmap", "No", "?", "-Yes", "-Partial", "-No", "-?", "-")
_GAP = re.compile(r"\t+| {2,}")


@dataclass(frozen=True, slots=True)
class Row:
    """One RFC of the list."""

    rfc: int
    status: str  # one of STATUSES
    kind: str  # Proposed Standard …
    title: str
    topic: str
    line: int
    erratum: int | None = None  # of rows such as `5321-eid1683`: one erratum and not the RFC


@dataclass(frozen=True, slots=True)
class RowError:
    """A line that cannot be read, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectIndex:
    """All rows in order of the file."""

    rows: tuple[Row, ...] = ()
    errata: tuple[Row, ...] = ()
    errors: tuple[RowError, ...] = ()

    def row(self, rfc: int) -> Row | None:
        """The row of an RFC."""
        return next((row for row in self.rows if row.rfc == rfc), None)


def parse(text: str) -> ProjectIndex:
    """Read the file."""
    rows: dict[int, Row] = {}
    errors: list[RowError] = []
    errata: list[Row] = []
    topic = ""
    for number, raw in enumerate(text.lstrip("\ufeff").split("\n"), 1):
        line = raw.rstrip("\r").strip(" ")
        if not line.strip():
            continue
        if line.startswith("#"):
            topic = line.lstrip("#").strip()
            continue
        row = _row(line, topic, number)
        if isinstance(row, RowError):
            errors.append(row)
        elif row.erratum is not None:
            errata.append(row)
        elif row.rfc in rows:
            errors.append(
                RowError(number, f"RFC {row.rfc} stands already on line {rows[row.rfc].line}")
            )
        else:
            rows[row.rfc] = row
    return ProjectIndex(tuple(rows.values()), tuple(errata), tuple(errors))


def _row(line: str, topic: str, number: int) -> Row | RowError:
    fields = [field.strip() for field in _GAP.split(line)]
    if len(fields) < 2:
        return RowError(number, "needs number, status, kind and title between tabs")
    name, _, erratum = fields[0].upper().removeprefix("RFC").strip().partition("-EID")
    if erratum and not erratum.isdecimal():
        return RowError(number, f"{fields[0]!r} is not the number of an erratum")
    if not (name.isascii() and name.isdigit()) or not 0 < int(name) < 1_000_000:
        return RowError(number, f"{fields[0]!r} is not the number of an RFC")
    if fields[1] not in STATUSES:
        return RowError(number, f"status {fields[1]!r} is none of {', '.join(STATUSES)}")
    kind = fields[2] if len(fields) > 2 else ""
    title = " ".join(fields[3:])
    return Row(int(name), fields[1], kind, title, topic, number, int(erratum) if erratum else None)
