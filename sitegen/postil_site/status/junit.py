"""JUnit XML of any test runner (rule 5): testcase properties `rfc` with the value `9051 §6.3.12 "words"`, and outcomes by test name.

JUnit knows no commit, so a file is fresh only when it is newer than every file of the tree that git calls changed; the caller decides and
says so in `fresh`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Problems, Result

_VALUE = re.compile(
    r"^\s*(?:RFC\s*)?(?P<rfc>\d{1,6})(?:\s*(?:§|section|#)?\s*(?P<section>[0-9A-Z][\w.]*))?(?:\s*:?\s*\"(?P<quote>.+)\")?\s*$",
    re.IGNORECASE | re.DOTALL,
)
MAX_BYTES = 64 * 1024 * 1024  # a larger file is not a report of tests


@dataclass(frozen=True, slots=True)
class Case:
    """One testcase: its names and how it went."""

    name: str
    classname: str
    outcome: str
    duration: float

    @property
    def test(self) -> str:
        """The name as results show it."""
        return f"{self.classname}::{self.name}" if self.classname else self.name


@dataclass(frozen=True, slots=True)
class Report:
    """Rows with an `rfc` property, and all cases for `tests` references inside functions."""

    rows: tuple[Result, ...] = ()
    cases: tuple[Case, ...] = ()

    def case_of(self, function: str) -> Case | list[Case] | None:
        """The one case whose name ends in a function's name; a list when several do, None when none does."""
        found = [
            case
            for case in self.cases
            if case.name.partition("[")[0].partition("(")[0].rsplit(".", 1)[-1].rsplit("/", 1)[-1]
            == function
        ]
        if len(found) == 1:
            return found[0]
        return found or None


def read(paths: Iterable[Path], fresh: bool, problems: Problems) -> Report:
    """Read the reports that are there."""
    rows: list[Result] = []
    cases: list[Case] = []
    for path in paths:
        try:
            octets = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.add(str(path), f"results cannot be read: {error.strerror}")
            continue
        # Entities are how a small XML file becomes a large one; no runner writes a DTD.
        if len(octets) > MAX_BYTES or b"<!DOCTYPE" in octets[:4096] or b"<!ENTITY" in octets:
            problems.add(str(path), "is too large, or holds a DTD, for a JUnit report")
            continue
        try:
            root = ET.fromstring(octets)
        except ET.ParseError as error:
            problems.add(str(path), f"is not XML: {error}")
            continue
        for case, values in _cases(root):
            cases.append(case)
            for value in values:
                row = _row(case, value, fresh)
                if row is None:
                    problems.add(
                        str(path),
                        f'{case.test}: property rfc is {value!r}, not `9051 §6.3.12 "words"`',
                    )
                else:
                    rows.append(row)
    return Report(tuple(rows), tuple(cases))


def _cases(root: ET.Element) -> Iterator[tuple[Case, list[str]]]:
    for element in root.iter("testcase"):
        outcome = "passed"
        for child in element:
            match child.tag:
                case "failure":
                    outcome = "failed"
                case "error":
                    outcome = "error"
                case "skipped" if outcome == "passed":
                    outcome = "xfailed" if "xfail" in (child.get("type") or "") else "skipped"
                case _:
                    pass
        try:
            duration = float(element.get("time") or 0)
        except ValueError:
            duration = 0.0
        case_ = Case(element.get("name") or "", element.get("classname") or "", outcome, duration)
        values = [
            one.get("value") or (one.text or "")
            for one in element.iter("property")
            if (one.get("name") or "").lower() == "rfc"
        ]
        yield case_, values


def _row(case: Case, value: str, fresh: bool) -> Result | None:
    match = _VALUE.match(value)
    if match is None:
        return None
    quote = match["quote"]
    return Result(
        test=case.test,
        rfc=int(match["rfc"]),
        section=match["section"] or "",
        quote=" ".join(quote.split()) if quote else None,
        outcome=case.outcome,
        duration=case.duration,
        fresh=fresh,
    )
