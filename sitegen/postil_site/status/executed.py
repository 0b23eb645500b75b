"""Which lines a test ran, as coverage.py has measured with contexts: a passing test that never ran the cited lines is shown amber (rule 4).

Input is what `coverage json --show-contexts` writes after `pytest --cov --cov-context=test` or with `dynamic_context = test_function`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from postil_site.model import Problems, Role
from postil_site.status.verdicts import Verdict


@dataclass(slots=True)
class Executed:
    """By file and line: the contexts in which it ran."""

    lines: dict[str, dict[int, frozenset[str]]] = field(default_factory=dict)

    def ran(self, verdict: Verdict) -> bool | None:
        """Did a passing test of a requirement run lines that implement it? None where nothing can be said."""
        tests = [one.test for one in verdict.tests if one.fresh and one.outcome == "passed"]
        measured = False
        for resolved in verdict.references:
            ref = resolved.reference
            lines = self.lines.get(ref.path)
            if ref.role is not Role.IMPLEMENTS or ref.weak or lines is None or not ref.code_line:
                continue
            measured = True
            for line in range(ref.code_line, (ref.code_end_line or ref.code_line) + 1):
                if any(_is(context, test) for context in lines.get(line, ()) for test in tests):
                    return True
        return False if measured and tests else None


def _is(context: str, test: str) -> bool:
    """Does a context name a test? `tests/x.py::test_a[1]|run` as pytest-cov has it, `tests.x.test_a` as coverage.py has it."""
    name = context.partition("|")[0]
    if "::" in name:
        return name == test
    return bool(name) and test.partition("[")[0].rpartition("::")[2] == name.rpartition(".")[2]


def read(files: Iterable[Path], root: Path, problems: Problems) -> Executed:
    """The measurements of all files; one that is none is counted, and the rest is used."""
    out = Executed()
    for file in files:
        try:
            content = json.loads(file.read_bytes())
            measured = content["files"]
            for name, facts in measured.items():
                contexts: Mapping[str, list[str]] = facts.get("contexts", {})
                path = Path(name)
                inside = path.is_absolute() and path.is_relative_to(root)
                key = (path.relative_to(root) if inside else path).as_posix()
                lines = out.lines.setdefault(key, {})
                for line, names in contexts.items():
                    lines[int(line)] = lines.get(int(line), frozenset()) | frozenset(names)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.add(file.name, f"is not what `coverage json --show-contexts` writes: {error}")
    return out
