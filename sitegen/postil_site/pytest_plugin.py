"""The pytest plugin: tests name the sentence of the RFC they prove, and a run writes what it found.

    @pytest.mark.rfc("9051", "6.3.12", "words of the sentence")

The marker takes the number of the RFC, the section and, to count for one sentence, a quote of it
(platform design, rules 1 to 3). A marker that is written wrongly stops the run before the first test
with the name of the test: silently dropped evidence would be worse.

`pytest --rfc-results FILE` writes the results file (rule 5), a JSON object a line. Line 1 is {schema, commit,
dirty, complete}; then comes a row per marker and test id. Without the option the plugin only checks
markers at collection: no git, no file, no hook per test.

How it works under pytest-xdist. Workers run the tests and the controller writes the file, so what
a worker knows must travel. The marks ride on each test report as the extra attribute `rfc_marks` (xdist
carries plain attributes along). A worker that dies sends no report of the test it died in, only
xdist's own one without our attribute; then the marks come from that test's setup report, or, had it not
got so far, from the table that each worker which ends in order leaves in `workeroutput`.

`complete` says that every test selected has a result: false after -x, an interrupt, an error in
collection, or when workers died for good. It does not say that every test there is was selected.

What it does not do: it never looks into RFC texts. Whether section and quote exist is the business of
`rfclinks check`, which can say more about it. It imports the standard library and pytest only.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from postil_site.worktree import TreeState, tree_state

SCHEMA: Final = 1
"""The version of the results file: readers refuse a number they do not know."""

_USAGE: Final = '@pytest.mark.rfc("9051", "6.3.12", "words of the sentence")'
_RECORDER: Final = "postil-rfc-recorder"
_TABLE: Final = "postil_rfc_marks"

Mark = tuple[str, str, str | None]
"""RFC, section, quote."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the one option."""
    parser.getgroup("rfc", "evidence for RFC requirements").addoption(
        "--rfc-results",
        metavar="FILE",
        default=None,
        help="write the outcome of each test marked with @pytest.mark.rfc to FILE (JSON lines)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and the recorder where results are asked for."""
    config.addinivalue_line(
        "markers",
        "rfc(rfc, section, quote=None): the test proves that section of that RFC, "
        "or, with a quote, that sentence",
    )
    target = config.getoption("rfc_results")
    if target is None or config.option.collectonly:
        return
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerSide(config), _RECORDER)
    else:
        # Relative to where pytest was called, like --junitxml; the tree is the one being tested.
        path = config.invocation_params.dir / str(target)
        config.pluginmanager.register(Recorder(path, tree_state(config.rootpath)), _RECORDER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses malformed markers before any test runs, all of them in one message."""
    wrong = []
    for item in items:
        for mark in item.iter_markers("rfc"):
            problem = _problem(mark)
            if problem:
                wrong.append(f"{item.nodeid}: {problem}; write {_USAGE}")
    if wrong:
        raise pytest.UsageError(*dict.fromkeys(wrong))


def _problem(mark: pytest.Mark) -> str | None:
    """What is wrong with a marker, in words, or None."""
    arguments = dict(zip(("rfc", "section", "quote"), mark.args, strict=False))
    if len(mark.args) > 3:
        return f"the rfc marker takes at most three arguments, not {len(mark.args)}"
    for name, value in mark.kwargs.items():
        if name not in ("rfc", "section", "quote"):
            return f"the rfc marker has no argument {name!r}"
        if name in arguments:
            return f"the rfc marker was given {name!r} twice"
        arguments[name] = value
    number, section = arguments.get("rfc"), arguments.get("section")
    quote = arguments.get("quote")
    if not _is_number(number):
        return f"the RFC is a number in quotation marks, not {number!r}"
    if not isinstance(section, str) or not section.strip():
        return f"the section is text like '6.3.12', not {section!r}"
    if section != section.strip() or section.startswith("§"):
        return f"the section stands alone, without § or blanks, not {section!r}"
    if quote is not None and (not isinstance(quote, str) or not quote.strip()):
        return f"the quote is the words of the sentence, not {quote!r}"
    return None


def _is_number(value: object) -> bool:
    return (
        isinstance(value, str) and value.isascii() and value.isdigit() and not value.startswith("0")
    )


def marks_of(item: pytest.Item) -> list[Mark]:
    """The marks of a test, of its class and of its module, the outermost first, each once."""
    found: dict[Mark, None] = {}
    for mark in reversed(list(item.iter_markers("rfc"))):
        values = dict(zip(("rfc", "section", "quote"), mark.args, strict=False)) | {**mark.kwargs}
        found[values["rfc"], values["section"], values.get("quote")] = None
    return list(found)


class Reporter:
    """Puts the marks of a test on its reports; runs wherever tests run."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Lets the marks ride on the report."""
        report = yield
        marks = marks_of(item)
        if marks:
            report.__dict__["rfc_marks"] = marks
        return report


class WorkerSide(Reporter):
    """The part that runs in an xdist worker."""

    def __init__(self, config: pytest.Config) -> None:
        self._output: dict[str, Any] = config.workeroutput  # type: ignore[attr-defined]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Leaves the table of all marks, for tests whose worker died before their first report."""
        table = {item.nodeid: marks_of(item) for item in session.items}
        self._output[_TABLE] = {name: marks for name, marks in table.items() if marks}


@dataclass(slots=True)
class _Result:
    """What is known of one test so far."""

    marks: list[Mark] | None = None
    outcome: str = "passed"
    duration: float = 0.0

    def take(self, report: pytest.TestReport) -> None:
        """Adds one phase: setup, call, teardown, or xdist's "???" for a dead worker."""
        marks = getattr(report, "rfc_marks", None)
        if marks is not None:
            self.marks = [(mark[0], mark[1], mark[2]) for mark in marks]
        if report.when == "setup":  # also the start of a rerun: forget the run before
            self.outcome, self.duration = "passed", 0.0
        self.duration += getattr(report, "duration", 0.0)
        if self.outcome in ("failed", "error", "crashed"):
            return  # the first failure is the one to tell; a subtest's too
        self.outcome = _outcome(report) or self.outcome


def _outcome(report: pytest.TestReport) -> str | None:
    """The outcome that one phase decides, or None where it decides nothing."""
    expected = hasattr(report, "wasxfail")
    match report.outcome, report.when:
        case "failed", "call":
            return "failed"
        case "failed", "setup" | "teardown":
            return "error"
        case "failed", _:
            return "crashed"
        case "skipped", _:
            return "xfailed" if expected else "skipped"
        case "passed", "call" if expected:
            return "xpassed"
        case "passed", "call":
            return "passed"
    return None


@dataclass(slots=True, eq=False)  # pytest keeps plugins in sets
class Recorder(Reporter):
    """Gathers the reports of a run and writes the file at its end."""

    path: Path
    tree: TreeState
    results: dict[str, _Result] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    table: dict[str, list[Mark]] = field(default_factory=dict)
    broken_collection: bool = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported hides tests: the run is not complete."""
        self.broken_collection |= report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test."""
        self.results.setdefault(report.nodeid, _Result()).take(report)
        if report.when not in ("setup", "call"):
            self.finished.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """An xdist worker ended; one that died leaves no table."""
        for nodeid, marks in getattr(node, "workeroutput", {}).get(_TABLE, {}).items():
            self.table[nodeid] = [(mark[0], mark[1], mark[2]) for mark in marks]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Writes the file: whole or not at all."""
        complete = (
            exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            and not session.shouldstop
            and not session.shouldfail
            and not self.broken_collection
            and len(self.finished) == session.testscollected
        )
        head: dict[str, object] = {
            "schema": SCHEMA,
            "commit": self.tree.commit,
            "dirty": self.tree.dirty,
            "complete": complete,
        }
        _write_lines(self.path, [head, *self.rows()])

    def rows(self) -> Iterable[dict[str, object]]:
        """A row per test id and marker; tests in the order of their names, so files compare."""
        for nodeid, result in sorted(self.results.items()):
            if nodeid not in self.finished:
                continue  # cut off in the middle: it has no outcome
            marks = self.table.get(nodeid, []) if result.marks is None else result.marks
            for rfc, section, quote in marks:
                yield {
                    "test": nodeid,
                    "rfc": rfc,
                    "section": section,
                    "quote": quote,
                    "outcome": result.outcome,
                    "duration": round(result.duration, 6),
                    "commit": self.tree.commit,
                }


def _write_lines(path: Path, lines: Iterable[dict[str, object]]) -> None:
    """Writes beside the target and renames, so that a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        Path(name).chmod(0o644)  # mkstemp's 0600 would hide it from the next user
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
