"""The results file of `pytest --rfc-results` (rule 5): a header line, then a row per marker and test.

Fresh means: commit and dirty hash equal the working tree's. A file of another tree is still read; its rows are stale and prove nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Problems, Result
from postil_site.worktree import TreeState

SCHEMA = 1
OUTCOMES = frozenset(("passed", "failed", "error", "skipped", "xfailed", "xpassed", "crashed"))


@dataclass(frozen=True, slots=True)
class Results:
    """All rows of all files; `complete` when every file says so and there is one."""

    rows: tuple[Result, ...] = ()
    complete: bool = False
    files: int = 0
    stale_files: int = 0


def read(paths: Iterable[Path], tree: TreeState, problems: Problems) -> Results:
    """Read what is there; a missing file is no problem, a broken one is counted and left out."""
    rows: list[Result] = []
    complete = True
    files = stale = 0
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            problems.add(str(path), f"results cannot be read: {error}")
            continue
        lines = text.splitlines()
        header = _object(lines[0]) if lines else None
        if header is None or header.get("schema") not in (SCHEMA, str(SCHEMA)):
            problems.add(str(path), "is not a results file of a schema that is known here")
            continue
        fresh = _fresh(header, tree)
        files += 1
        stale += not fresh
        complete = complete and header.get("complete") is True
        for number, line in enumerate(lines[1:], 2):
            row = _object(line)
            result = _result(row, fresh, tree) if row is not None else None
            if result is None:
                problems.add(f"{path}:{number}", "is not a row of results")
            else:
                rows.append(result)
    return Results(tuple(rows), complete and files > 0, files, stale)


def _fresh(header: dict[str, object], tree: TreeState) -> bool:
    return (
        tree.commit is not None
        and header.get("commit") == tree.commit
        and header.get("dirty") == tree.dirty
    )


def _object(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _result(row: dict[str, object], fresh: bool, tree: TreeState) -> Result | None:
    test, rfc, section = row.get("test"), row.get("rfc"), row.get("section")
    quote, outcome = row.get("quote"), row.get("outcome")
    duration = row.get("duration")
    if not isinstance(test, str) or not isinstance(section, str) or outcome not in OUTCOMES:
        return None
    if not isinstance(rfc, int | str) or not str(rfc).isdigit():
        return None
    own = row.get("commit")
    return Result(
        test=test,
        rfc=int(rfc),
        section=section,
        quote=" ".join(quote.split()) if isinstance(quote, str) and quote else None,
        outcome=str(outcome),
        duration=float(duration) if isinstance(duration, int | float) else 0.0,
        fresh=fresh and (own is None or own == tree.commit),
    )


def by_test_name(rows: Sequence[Result]) -> dict[str, list[Result]]:
    """Rows by their test without parameters: `tests/a.py::test_b[1]` under `tests/a.py::test_b`."""
    out: dict[str, list[Result]] = {}
    for row in rows:
        out.setdefault(row.test.partition("[")[0], []).append(row)
    return out
