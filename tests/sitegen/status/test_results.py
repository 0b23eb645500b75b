"""Results of tests: fresh only for this very tree; what is broken is counted and proves nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from postil_site.model import Problems
from postil_site.status import junit, results
from postil_site.worktree import TreeState

TREE = TreeState("c0ffee", None)
ROW = {
    "test": "tests/test_a.py::test_a[1]",
    "rfc": "9051",
    "section": "6.3.12",
    "quote": "a  server\n MUST",
    "outcome": "passed",
    "duration": 0.5,
    "commit": "c0ffee",
}


def write(path: Path, *rows: object, **header: object) -> Path:
    first = {"schema": 1, "commit": "c0ffee", "dirty": None, "complete": True, **header}
    path.write_text("".join(json.dumps(row) + "\n" for row in (first, *rows)))
    return path


def test_a_fresh_row(tmp_path: Path) -> None:
    """A row of this commit and tree is fresh; its quote is one line."""
    problems = Problems()
    found = results.read([write(tmp_path / "r.jsonl", ROW)], TREE, problems)
    (row,) = found.rows
    assert (row.rfc, row.section, row.quote, row.outcome, row.fresh) == (
        9051,
        "6.3.12",
        "a server MUST",
        "passed",
        True,
    )
    assert found.complete and problems.rows == []


@pytest.mark.parametrize(
    ("header", "tree"),
    [
        ({"commit": "0ther"}, TREE),
        ({"dirty": "abc"}, TREE),
        ({}, TreeState("c0ffee", "abc")),
        ({"commit": None}, TreeState(None, None)),
    ],
)
def test_rows_of_another_tree_are_stale(
    tmp_path: Path, header: dict[str, object], tree: TreeState
) -> None:
    """Another commit, a change in the tree, or no commit at all: the rows stay, but prove nothing."""
    found = results.read([write(tmp_path / "r.jsonl", ROW, **header)], tree, Problems())
    assert [row.fresh for row in found.rows] == [False]
    assert found.stale_files == 1


def test_broken_results_are_counted(tmp_path: Path) -> None:
    """A missing file is nothing; a file of another schema and broken rows are problems, and the good rows hold."""
    problems = Problems()
    good = write(tmp_path / "good.jsonl", ROW, {"test": 1}, {**ROW, "outcome": "fine"}, 7)
    strange = write(tmp_path / "strange.jsonl", ROW, schema=99)
    (tmp_path / "text.jsonl").write_text("hello\n")
    (tmp_path / "empty.jsonl").write_text("")
    paths = [
        tmp_path / "none.jsonl",
        good,
        strange,
        tmp_path / "text.jsonl",
        tmp_path / "empty.jsonl",
    ]
    found = results.read(paths, TREE, problems)
    assert len(found.rows) == 1
    assert len(problems.rows) == 6


def test_an_incomplete_run_is_said(tmp_path: Path) -> None:
    """One run that was cut short makes the whole incomplete."""
    whole = write(tmp_path / "a.jsonl", ROW)
    cut = write(tmp_path / "b.jsonl", ROW, complete=False)
    assert not results.read([whole, cut], TREE, Problems()).complete
    assert not results.read([], TREE, Problems()).complete


JUNIT = """\
<?xml version="1.0"?>
<testsuites><testsuite>
<testcase classname="pkg.TestA" name="testWait" time="0.25">
 <properties><property name="rfc" value='9051 §6.3.12 "a server MUST"'/><property name="rfc" value="5321 4.1.1"/></properties>
</testcase>
<testcase classname="pkg.TestA" name="testBad"><failure message="no"/>
 <properties><property name="rfc" value="RFC 9051 §7"/></properties></testcase>
<testcase classname="pkg.TestA" name="testSkip"><skipped/>
 <properties><property name="rfc" value="nonsense"/></properties></testcase>
<testcase classname="pkg.TestB" name="TestSame/sub"/><testcase classname="pkg.TestC" name="sub"/>
</testsuite></testsuites>
"""


def test_junit(tmp_path: Path) -> None:
    """Properties become rows with the case's outcome; a value that is none is a problem."""
    file = tmp_path / "junit.xml"
    file.write_text(JUNIT)
    problems = Problems()
    report = junit.read([file, tmp_path / "none.xml"], True, problems)
    assert [(row.rfc, row.section, row.quote, row.outcome) for row in report.rows] == [
        (9051, "6.3.12", "a server MUST", "passed"),
        (5321, "4.1.1", None, "passed"),
        (9051, "7", None, "failed"),
    ]
    assert len(problems.rows) == 1
    one = report.case_of("testWait")
    assert isinstance(one, junit.Case) and one.outcome == "passed"
    assert isinstance(report.case_of("sub"), list)
    assert report.case_of("nobody") is None


@pytest.mark.parametrize(
    "octets",
    [
        b"<testsuite>",
        b"not xml",
        b"",
        b'<!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>',
    ],
)
def test_broken_junit_is_counted(tmp_path: Path, octets: bytes) -> None:
    """What is no JUnit report, or holds a DTD that could blow up, is a problem and nothing else."""
    file = tmp_path / "junit.xml"
    file.write_bytes(octets)
    problems = Problems()
    assert junit.read([file], True, problems).rows == ()
    assert len(problems.rows) == 1
