"""The pytest plugin, by running pytest on small projects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

BOTH_WAYS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])

EVERY_OUTCOME = """
import os
import pytest

pytestmark = pytest.mark.rfc("1", "1")

@pytest.fixture
def broken():
    raise ValueError

@pytest.fixture
def broken_at_the_end():
    yield
    raise ValueError

@pytest.mark.rfc("2", "2.1", quote="a sentence")
def test_passed(): pass

def test_failed(): assert False

def test_error(broken): pass

def test_teardown(broken_at_the_end): pass

def test_failed_twice(broken_at_the_end): assert False

def test_subtests(subtests):
    with subtests.test("bad"): assert False
    with subtests.test("good"): pass

@pytest.mark.skip(reason="not here")
def test_skipped(): pass

@pytest.mark.xfail
def test_xfailed(): assert False

@pytest.mark.xfail
def test_xpassed(): pass

@pytest.mark.rfc("3", "3")
class TestClass:
    @pytest.mark.rfc("4", "A.4")
    @pytest.mark.parametrize(
        "n", [1, pytest.param(2, marks=pytest.mark.rfc(rfc="10050", section="5", quote="ü"))]
    )
    def test_parameters(self, n): pass
"""

# Plugins that these small projects don't need cost half a second for each process.
QUIET = tuple(
    f"-pno:{name}"
    for name in ("randomly", "asyncio", "anyio", "hypothesispytest", "timeout", "cacheprovider")
)
OPTIONS = (*QUIET, "--rfc-results", "out/results.jsonl")


def run(pytester: pytest.Pytester, *arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Runs pytest with results and gives the head and the rows."""
    pytester.runpytest_subprocess(*OPTIONS, *arguments)
    text = (pytester.path / "out/results.jsonl").read_text(encoding="utf-8")
    head, *rows = [json.loads(line) for line in text.splitlines()]
    return head, rows


def git(folder: Path, *arguments: str) -> str:
    """Runs git for a test, apart from the settings of whoever runs it."""
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@BOTH_WAYS
def test_every_outcome_and_mark(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """Each marker of a test, class, module and parameter set gets a row with the test's outcome."""
    pytester.makepyfile(test_all=EVERY_OUTCOME)
    head, rows = run(pytester, *workers)
    assert head == {"schema": 1, "commit": None, "dirty": None, "complete": True}
    found = {(r["test"], r["rfc"], r["section"], r["quote"], r["outcome"]) for r in rows}
    assert len(rows) == len(found)
    one, two = (
        "test_all.py::TestClass::test_parameters[1]",
        ("test_all.py::TestClass::test_parameters[2]"),
    )
    assert found == {
        ("test_all.py::test_passed", "1", "1", None, "passed"),
        ("test_all.py::test_passed", "2", "2.1", "a sentence", "passed"),
        ("test_all.py::test_failed", "1", "1", None, "failed"),
        ("test_all.py::test_error", "1", "1", None, "error"),
        ("test_all.py::test_teardown", "1", "1", None, "error"),
        ("test_all.py::test_failed_twice", "1", "1", None, "failed"),
        ("test_all.py::test_subtests", "1", "1", None, "failed"),
        ("test_all.py::test_skipped", "1", "1", None, "skipped"),
        ("test_all.py::test_xfailed", "1", "1", None, "xfailed"),
        ("test_all.py::test_xpassed", "1", "1", None, "xpassed"),
        (one, "1", "1", None, "passed"),
        (one, "3", "3", None, "passed"),
        (one, "4", "A.4", None, "passed"),
        (two, "1", "1", None, "passed"),
        (two, "3", "3", None, "passed"),
        (two, "4", "A.4", None, "passed"),
        (two, "10050", "5", "ü", "passed"),
    }
    for row in rows:
        assert list(row) == ["test", "rfc", "section", "quote", "outcome", "duration", "commit"]
        assert row["duration"] >= 0


@pytest.mark.parametrize("place", ["setup", "call"])
def test_crashed_worker(pytester: pytest.Pytester, place: str) -> None:
    """A test that kills its worker has the outcome crashed, and the run is complete all the same."""
    pytester.makepyfile(
        test_crash=f"""
        import os
        import pytest

        @pytest.fixture
        def setup():
            if {place!r} == "setup":
                os._exit(3)

        @pytest.mark.rfc("9", "1")
        def test_crash(setup): os._exit(3)

        @pytest.mark.rfc("9", "2")
        @pytest.mark.parametrize("n", range(6))
        def test_good(n): pass
        """
    )
    head, rows = run(pytester, "-n", "2")
    outcomes = [(row["section"], row["outcome"]) for row in rows]
    assert sorted(outcomes) == [("1", "crashed"), *[("2", "passed")] * 6]
    assert head["complete"] is True


@BOTH_WAYS
def test_stopped_run_is_not_complete(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    """After -x the file says that it is not complete, and holds only tests that ran."""
    pytester.makepyfile(
        test_stop="""
        import pytest

        @pytest.mark.rfc("9", "1")
        def test_bad(): assert False

        @pytest.mark.rfc("9", "2")
        @pytest.mark.parametrize("n", range(30))
        def test_good(n): pass
        """
    )
    head, rows = run(pytester, "-x", *workers)
    assert head["complete"] is False
    assert ("1", "failed") in [(row["section"], row["outcome"]) for row in rows]
    if not workers:
        assert len(rows) == 1


def test_stop_at_the_last_test(pytester: pytest.Pytester) -> None:
    """After -x stopped the run it is not complete, even when nothing was left to run."""
    pytester.makepyfile("def test_bad(): assert False")
    head, _ = run(pytester, "-x")
    assert head["complete"] is False


def test_workers_that_stay_dead(pytester: pytest.Pytester) -> None:
    """When a dead worker may not be replaced, tests without result make the run incomplete."""
    pytester.makepyfile(
        """
        import os
        import pytest

        @pytest.mark.rfc("9", "1")
        @pytest.mark.parametrize("n", range(20))
        def test_crash(n): os._exit(3)
        """
    )
    head, rows = run(pytester, "-n", "1", "--max-worker-restart", "0")
    assert head["complete"] is False
    assert {row["outcome"] for row in rows} == {"crashed"}


@BOTH_WAYS
@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_interrupted_run_is_not_complete(
    pytester: pytest.Pytester, workers: tuple[str, ...], how: str
) -> None:
    """An interrupt leaves a file that says so, without a row for the test that was cut off."""
    pytester.makepyfile(
        test_interrupt=f"""
        import pytest

        @pytest.mark.rfc("9", "1")
        def test_interrupt(): {how}
        """
    )
    head, rows = run(pytester, *workers)
    assert head["complete"] is False
    # xdist takes the interrupt of a worker for a crash.
    assert [row["outcome"] for row in rows] in ([], ["crashed"] if workers else [])


def test_unimportable_module_is_not_complete(pytester: pytest.Pytester) -> None:
    """A module that fails to import hides its tests, so the run is not complete."""
    pytester.makepyfile(test_a="raise ValueError", test_b="def test_it(): pass")
    head, _ = run(pytester, "--continue-on-collection-errors")
    assert head["complete"] is False


def test_selection_can_be_complete(pytester: pytest.Pytester) -> None:
    """Deselected tests do not make a run incomplete: all that was asked for ran."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.rfc("9", "1")
        def test_this(): pass

        @pytest.mark.rfc("9", "2")
        def test_that(): pass
        """
    )
    head, rows = run(pytester, "-k", "this")
    assert head["complete"] is True
    assert [row["section"] for row in rows] == ["1"]


MALFORMED = [
    ('"9051", "6.3.12", "words", "more"', "at most three arguments, not 4"),
    ('9051, "6.3.12"', "a number in quotation marks, not 9051"),
    ('"RFC 9051", "6.3.12"', "a number in quotation marks, not 'RFC 9051'"),
    ('"0822", "1"', "a number in quotation marks, not '0822'"),
    ('"9051"', "the section is text like '6.3.12', not None"),
    ('"9051", 6.3', "the section is text like '6.3.12', not 6.3"),
    ('"9051", "§6.3"', "without § or blanks, not '§6.3'"),
    ('"9051", "6.3.12", ""', "the quote is the words of the sentence, not ''"),
    ('"9051", "6.3.12", 5', "the quote is the words of the sentence, not 5"),
    ('"9051", "6.3.12", words="w"', "has no argument 'words'"),
    ('"9051", "6.3.12", rfc="1"', "was given 'rfc' twice"),
    ("", "a number in quotation marks, not None"),
]


def test_malformed_markers(pytester: pytest.Pytester) -> None:
    """Markers written wrongly are one usage error that names each test, before any test ran."""
    tests = [
        f"@pytest.mark.rfc({mark})\ndef test_{n}(): open('ran', 'w')\n"
        for n, (mark, _) in enumerate(MALFORMED)
    ]
    pytester.makepyfile(test_wrong="import pytest\n" + "".join(tests))
    result = pytester.runpytest_subprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = {
        line.partition("::")[2].partition(": ")[0]: line
        for line in result.stderr.lines
        if line.startswith("ERROR")
    }
    for n, (_, complaint) in enumerate(MALFORMED):
        assert complaint in lines[f"test_{n}"]
        assert 'write @pytest.mark.rfc("9051", "6.3.12", ' in lines[f"test_{n}"]
    assert not (pytester.path / "ran").exists()


def test_tree_state(pytester: pytest.Pytester) -> None:
    """Commit and dirty name the tree: null when clean, else a hash of contents, not of times."""
    pytester.makepyfile(test_it="import pytest\n@pytest.mark.rfc('9', '1')\ndef test_it(): pass")
    (pytester.path / ".gitignore").write_text("/*\n!/untracked.txt\n")
    git(pytester.path, "init", "-q")
    git(pytester.path, "add", "--force", "test_it.py", ".gitignore")
    git(pytester.path, "commit", "-q", "-m", "first")
    commit = git(pytester.path, "rev-parse", "HEAD")
    clean, rows = run(pytester)
    assert (clean["commit"], clean["dirty"]) == (commit, None)
    assert rows[0]["commit"] == commit
    hashes = []
    for change in ("new", "new", "other"):
        (pytester.path / "untracked.txt").write_text(change)
        hashes.append(run(pytester)[0]["dirty"])
    assert hashes[0] == hashes[1] != hashes[2]
    (pytester.path / "untracked.txt").unlink()
    (pytester.path / ".gitignore").write_text("/*\n# changed\n")
    tracked = run(pytester)[0]["dirty"]
    assert tracked not in (None, *hashes)


def test_unused_plugin_writes_nothing(pytester: pytest.Pytester) -> None:
    """Without the option, or with --collect-only, there is no recorder and no file."""
    pytester.makepyfile("import pytest\n@pytest.mark.rfc('9', '1')\ndef test_it(): pass")
    pytester.makeconftest(
        """
        def pytest_collection_finish(session):
            assert not session.config.pluginmanager.has_plugin("postil-rfc-recorder")
        """
    )
    result = pytester.runpytest_subprocess(*QUIET, "--strict-markers")
    result.assert_outcomes(passed=1)
    pytester.runpytest_subprocess(*OPTIONS, "--collect-only")
    assert not (pytester.path / "out").exists()


def test_imports_stay_small(pytester: pytest.Pytester) -> None:
    """Loading the plugin pulls in no third-party package but pytest's own."""
    code = (
        "import pytest, sys; before = set(sys.modules); import postil_site.pytest_plugin;"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names;"
        "print(sorted(new))"
    )
    result = pytester.runpython_c(code)
    result.stdout.fnmatch_lines(["['postil_site']"])


def test_conftests_of_several_folders(pytester: pytest.Pytester) -> None:
    """Folders with a conftest of their own, of which pytest leaves some out for others, get their rows."""
    test = 'import pytest\n\n@pytest.mark.rfc("1", "1")\ndef test_one(): pass\n'
    for folder in ("one", "two"):
        (pytester.path / folder).mkdir()
        (pytester.path / folder / "conftest.py").write_text("")
        (pytester.path / folder / f"test_{folder}.py").write_text(test)
    head, rows = run(pytester, "one", "two")
    assert head["complete"] is True
    assert [row["outcome"] for row in rows] == ["passed", "passed"]
