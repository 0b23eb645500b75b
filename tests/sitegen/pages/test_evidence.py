"""What tests did, as the pages show it: at the heading, in amber, and how long something is to do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from postil_site.model import Problems
from postil_site.pages import build
from postil_site.project import Project
from postil_site.worktree import tree_state

SECTION = """import pytest


@pytest.mark.rfc("99999", "2.1")
def test_dims(): ...


@pytest.mark.rfc("99999", "1.1", "A server MUST answer within a second")
def test_answers(): ...
"""


def _results(root: Path, rows: Sequence[tuple[str, str, str | None, str]]) -> None:
    """A fresh results file: test, section, quote, outcome."""
    (root / "tests" / "test_section.py").write_text(SECTION)
    (root / ".gitignore").write_text("build/\n")
    state = tree_state(root)
    lines: list[dict[str, object]] = [
        {"schema": 1, "commit": state.commit, "dirty": state.dirty, "complete": True}
    ]
    for test, section, quote, outcome in rows:
        lines.append(
            {
                "test": f"tests/test_section.py::{test}", "rfc": 99999, "section": section, "quote": quote,
                "outcome": outcome, "duration": 0.1, "commit": state.commit,
            }
        )  # fmt: skip
    file = root / "build" / "rfc-results.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def committed(root: Path) -> Path:
    """The repository, under git."""
    (root / "tests" / "test_section.py").write_text(SECTION)
    (root / ".gitignore").write_text("build/\n")
    git = ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run(
        [*git, "commit", "-q", "-m", "all"],
        check=True,
        env={"GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "PATH": "/usr/bin:/bin"},
    )
    return root


def _line(root: Path, out: Path, words: str) -> str:
    build.build(root, out)
    (line,) = [
        line for line in (out / "rfc" / "rfc99999.html").read_text().split("\n") if words in line
    ]
    return line


def _kinds(page: str) -> list[str]:
    """The classes of the clauses."""
    return re.findall(r'<span id=r\S+ class="q ([^"]+)"', page)


@pytest.mark.parametrize(
    ("outcomes", "shown"),
    [
        (["passed", "passed"], "<span class=ts>tests of this section: 2 passed</span>"),
        (
            ["passed", "failed"],
            '<span class="ts bad">tests of this section: 1 failed, 1 passed</span>',
        ),
    ],
)
def test_tests_of_a_section(
    committed: Path, tmp_path: Path, outcomes: list[str], shown: str
) -> None:
    """They stand at the heading and colour no sentence (rule 3)."""
    _results(
        committed, [(f"test_dims[{n}]", "2.1", None, outcome) for n, outcome in enumerate(outcomes)]
    )
    line = _line(committed, tmp_path / "out", 'id="section-2.1"')
    assert shown in line
    page = (tmp_path / "out" / "rfc" / "rfc99999.html").read_text()
    assert page.count("tests of this section") == 1
    assert not {"passing", "failing"} & set(_kinds(page))


def test_results_of_another_commit_are_stale(committed: Path, tmp_path: Path) -> None:
    """They are counted as such."""
    _results(committed, [("test_dims", "2.1", None, "passed")])
    (committed / "lamp.py").write_text((committed / "lamp.py").read_text() + "# more\n")
    line = _line(committed, tmp_path / "out", 'id="section-2.1"')
    assert "tests of this section: 1 stale" in line


def _measured(root: Path, contexts: dict[str, list[str]]) -> None:
    (root / "rfclinks.toml").write_text('coverage = ["build/coverage.json"]\n')
    (root / "build").mkdir(exist_ok=True)
    (root / "build" / "coverage.json").write_text(
        json.dumps({"files": {"lamp.py": {"contexts": contexts}}})
    )


QUOTE = "A server MUST answer within a second"


@pytest.mark.parametrize(
    ("contexts", "amber"),
    [
        ({"10": ["tests/test_section.py::test_answers|run"]}, False),
        ({"11": ["tests.test_section.test_answers"]}, False),
        ({"10": ["tests/test_section.py::test_dims|run", ""]}, True),
        ({"13": ["tests/test_section.py::test_answers|run"]}, True),
        ({}, True),
    ],
)
def test_passing_without_the_code_is_amber(
    committed: Path, tmp_path: Path, contexts: dict[str, list[str]], amber: bool
) -> None:
    """A passing test that never ran the cited lines (10 and 11 of lamp.py) is shown otherwise, on every page (rule 4)."""
    _measured(committed, contexts)
    _results(committed, [("test_answers", "1.1", QUOTE, "passed")])
    out = tmp_path / "out"
    _line(committed, out, 'id="section-1.1"')
    page = (out / "rfc" / "rfc99999.html").read_text()
    assert ("passing amber" in _kinds(page)) == amber
    assert ("passing" in _kinds(page)) != amber
    assert ("passing, code not run" in page) == amber
    assert ('"amber":true' in (out / "data" / "matrix.js").read_text()) == amber
    rows = json.loads((out / "matrix.json").read_text())
    assert [row["ran"] for row in rows if row["status"] == "passing"] == [not amber]


def test_not_measured_is_not_amber(committed: Path, tmp_path: Path) -> None:
    """Without measurements, or for files that were not measured, nothing is said."""
    _results(committed, [("test_answers", "1.1", QUOTE, "passed")])
    out = tmp_path / "out"
    _line(committed, out, 'id="section-1.1"')
    assert "passing" in _kinds((out / "rfc" / "rfc99999.html").read_text())
    assert {one.ran for one in Project.open(committed, Problems()).verdicts(99999)} == {None}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"files": 1}', b'{"files": {"lamp.py": []}}', b"\xff"]
)
def test_bad_measurements_are_counted(committed: Path, tmp_path: Path, content: bytes) -> None:
    """The build goes on, and says which file is wrong."""
    _measured(committed, {})
    (committed / "build" / "coverage.json").write_bytes(content)
    report = build.build(committed, tmp_path / "out")
    assert [where for where, reason in report.problems if "coverage json" in reason] == [
        "coverage.json"
    ]


def test_ages(committed: Path, tmp_path: Path) -> None:
    """The day of each TODO's last change stands with the commit, in no page."""
    out = tmp_path / "out"
    build.build(committed, out)
    version = (out / "version.js").read_text().removeprefix("window.postilVersion=").rstrip(";\n")
    line = (
        (committed / "lamp.py")
        .read_text()
        .split("\n")
        .index("    # TODO(RFC 99999 §2.1): dimming is missing, a client sees full light")
    )
    assert json.loads(version)["todos"] == {f"lamp.py:{line + 1}": "2026-01-02"}
    assert "2026" not in (out / "todo.html").read_text()


def test_no_ages_outside_git(root: Path, tmp_path: Path) -> None:
    """Nothing is known, and nothing is said."""
    out = tmp_path / "out"
    build.build(root, out)
    assert "todos" not in (out / "version.js").read_text()
