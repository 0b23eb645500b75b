"""The conformance matrix as rows: every requirement, its status, its code, its tests, its TODOs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from postil_site.model import Role
from postil_site.status.verdicts import Verdict

if TYPE_CHECKING:
    from postil_site.project import Project


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement; places are `path:line`."""

    rfc: int
    section: str
    id: str
    level: str
    keyword: str
    status: str
    clause: str
    line: int  # of the clause in the text
    code: tuple[str, ...]
    tests: tuple[str, ...]
    results: tuple[str, ...]  # `test: outcome`, with ` (stale)` when it is
    todos: tuple[str, ...]
    reason: str
    alias_of: str | None
    contradiction: str
    ran: bool | None  # did a passing test run the cited code? None: not measured


def rows(project: Project, rfc: int | None = None) -> list[Row]:
    """The rows of one RFC, or of all that matter to the project."""
    numbers = project.rfcs if rfc is None else [rfc]
    return [_row(verdict) for number in numbers for verdict in project.verdicts(number)]


def _row(verdict: Verdict) -> Row:
    one = verdict.requirement

    def places(*roles: Role) -> tuple[str, ...]:
        found = (each.reference for each in verdict.references if each.reference.role in roles)
        return tuple(dict.fromkeys(f"{ref.path}:{ref.line}" for ref in found))

    return Row(
        rfc=one.rfc,
        section=one.section,
        id=one.id,
        level=one.level.value,
        keyword=one.keyword,
        status=verdict.status.value,
        clause=one.clause,
        line=one.span.line,
        code=places(Role.IMPLEMENTS, Role.EXCEPTION),
        tests=places(Role.TESTS),
        results=_results(verdict),
        todos=tuple(
            dict.fromkeys(
                each.reference.todo or each.reference.text
                for each in verdict.references
                if each.reference.role is Role.TODO
            )
        ),
        reason=verdict.reason,
        alias_of=verdict.alias_of,
        contradiction=verdict.contradiction,
        ran=verdict.ran,
    )


def _results(verdict: Verdict) -> tuple[str, ...]:
    """`test: outcome` of each; a marker without a row was not collected (rule 5)."""
    out = [f"{one.test}: {one.outcome}{'' if one.fresh else ' (stale)'}" for one in verdict.tests]
    seen = {one.test.partition("[")[0] for one in verdict.tests}
    for each in verdict.references:
        ref = each.reference
        name = f"{ref.path}::{ref.test}"
        if ref.style == "marker" and name not in seen:
            out.append(f"{name}: not collected")
    return tuple(out)


COLUMNS = tuple(Row.__dataclass_fields__)


def csv_text(found: Iterable[Row]) -> str:
    """As CSV (RFC 4180 lines); several values of a cell stand on lines of their own in it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in found:
        values = asdict(row)
        writer.writerow([_cell(values[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: object) -> object:
    text = (
        "\n".join(map(str, value))
        if isinstance(value, tuple | list)
        else ""
        if value is None
        else value
    )
    # a spreadsheet would run what begins like a formula
    return f"'{text}" if isinstance(text, str) and text[:1] in "=+-@" and text else text


def json_text(found: Iterable[Row]) -> str:
    """As JSON, an array of objects."""
    return json.dumps([asdict(row) for row in found], ensure_ascii=False, indent=1) + "\n"
