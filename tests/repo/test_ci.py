"""What CI may not let pass: missing material, skipped tests, a run without tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NEEDY = """
def test_needs_tool(require_tool): require_tool('no-such-program', 'no-such-package')
def test_needs_material(shared_dir): pass
"""


@pytest.mark.parametrize("ci", [True, False])
def test_missing_things(
    pytester: pytest.Pytester, repo_root: Path, monkeypatch: pytest.MonkeyPatch, ci: bool
) -> None:
    """A missing tool or folder skips with the way to get it, and fails in CI."""
    pytester.makeconftest((repo_root / "tests/conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(NEEDY)
    monkeypatch.setenv("PYTHONPATH", str(repo_root))
    monkeypatch.setenv("POSTIL_SHARED", "/no/such/folder")
    monkeypatch.setenv("CI", "true") if ci else monkeypatch.delenv("CI", raising=False)
    result = pytester.runpytest_subprocess("-rs", "-pno:randomly", "-pno:asyncio")
    if ci:
        result.assert_outcomes(failed=1, errors=1)
    else:
        result.assert_outcomes(skipped=2)
    text = result.stdout.str()
    assert "no-such-program is not installed: apt-get install no-such-package" in text
    assert "set POSTIL_SHARED" in text


def case(inside: str) -> str:
    """A JUnit file with one test that passed and one with the given outcome."""
    return (
        '<testsuites><testsuite><testcase classname="tests.a" name="test_good"/>'
        f'<testcase classname="tests.a" name="test_it">{inside}</testcase></testsuite></testsuites>'
    )


@pytest.mark.parametrize(
    ("report", "code", "last"),
    [
        (case(""), 0, "2 passed, 0 failed, 0 skipped"),
        (case('<skipped type="pytest.xfail" message=""/>'), 0, "2 passed, 0 failed, 0 skipped"),
        (case('<skipped type="pytest.skip" message="m"/>'), 1, "1 passed, 0 failed, 1 skipped"),
        (case('<failure message="m"/>'), 0, "1 passed, 1 failed, 0 skipped"),
        ("<testsuites/>", 1, "0 passed, 0 failed, 0 skipped"),
    ],
    ids=["good", "xfail", "skip", "failure", "empty"],
)
def test_summary(tmp_path: Path, repo_root: Path, report: str, code: int, last: str) -> None:
    """A skip that nobody allowed fails the run, as does a run without tests; failures are make's."""
    (tmp_path / "junit.xml").write_text(report)
    done = subprocess.run(
        [sys.executable, repo_root / "tools/ci_summary.py", tmp_path / "junit.xml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.splitlines()[-1] == f"tests: {last}"
