"""The command line `rfclinks`: what each command prints, writes and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.sitegen import lamp
from tests.sitegen.commands import schema

import postil_site
from postil_site.commands.rfclinks import main

pytestmark = pytest.mark.usefixtures("own_cache")

GOOD = '# RFC 7777 §2: "A server MUST answer within a second."\nx = 1\n'


def run(root: Path, *arguments: str) -> Result:
    """One command, in the process."""
    name, *rest = arguments
    return CliRunner().invoke(main, [name, "--root", str(root), *rest], catch_exceptions=False)


def repository(root: Path, **files: str) -> Path:
    """A repository with these files beside a good one."""
    return lamp.make(root / "repo", {"good.py": GOOD, **files})


def shown(root: Path, *arguments: str) -> Any:
    """The JSON that a command prints."""
    return json.loads(run(root, *arguments, "--json").stdout)


EVERY = """\
# RFC 7777
# RFC 7777 §2.1
# RFC 7777 §9.9
# ../rfc/7777:22
# RFC 7777 page 1
# ../rfc/7777-eid501
# https://www.rfc-editor.org/rfc/rfc7777#section-2
# section 2 of RFC 7777
# RFC 7777 §2: "MUST answer"
# See section 3.
x = 1

# TODO(RFC 7777 §3): shut
# the door
y = 2

# RFC 7777 §3.1, not planned: no doors
z = 3

# RFC 7778 §1
z = 4
"""
RUST = """\
//= https://www.rfc-editor.org/rfc/rfc7777#section-2.1
//= type=todo
//# The lamp MUST give light
fn light() {
    on();
}
"""
MARK = 'import pytest\n\n@pytest.mark.rfc("7777", "2", "A server MUST answer")\ndef test_it():\n    pass\n'


def test_refs_prints_what_the_schema_promises(tmp_path: Path) -> None:
    """A bare array that the published schema allows, with every kind, style and role in it."""
    root = repository(tmp_path, **{"every.py": EVERY, "light.rs": RUST, "tests/test_it.py": MARK})
    rows = shown(root, "refs")
    file = Path(postil_site.__file__).parent / "schemas" / "refs.json"
    assert schema.errors(json.loads(file.read_text("utf-8")), rows) == []
    assert {row["target"]["kind"] for row in rows} == {
        "document",
        "section",
        "line",
        "page",
        "quote",
        "erratum",
    }
    assert {row["style"] for row in rows} >= {
        "url",
        "path",
        "prose",
        "reversed",
        "bare",
        "duvet",
        "marker",
        "todo",
    }
    assert {row["role"] for row in rows} == {"implements", "tests", "todo", "exception", "mention"}


def test_refs_says_where_what_and_which_code(tmp_path: Path) -> None:
    """Every field of one record of each sort."""
    root = repository(tmp_path, **{"every.py": EVERY, "light.rs": RUST})
    rows = shown(root, "refs")
    todo = next(row for row in rows if row["style"] == "todo")
    assert todo == {
        "path": "every.py", "line": 13, "column": 8, "end_line": 13, "rfc": 7777,
        "target": {"kind": "section", "value": "3", "section": "3"},
        "resolved": {"section": "3", "line": 26},
        "role": "todo", "style": "todo", "weak": False, "text": "RFC 7777 §3",
        "todo": "TODO(RFC 7777 §3): shut the door", "code": {"line": 15, "end_line": 15},
    }  # fmt: skip
    duvet = next(row for row in rows if row["style"] == "duvet")
    assert duvet["role"] == "todo"
    assert duvet["target"] == {
        "kind": "quote",
        "value": "The lamp MUST give light",
        "section": "2.1",
    }
    assert duvet["code"] == {"line": 4, "end_line": 6}
    weak = next(row for row in rows if row["weak"])
    assert (weak["text"], weak["role"], weak["resolved"]) == (
        "section 3",
        "mention",
        {"section": "3", "line": 26},
    )
    assert next(row for row in rows if row["target"]["value"] == "9.9")["resolved"] is None
    assert next(row for row in rows if row["rfc"] == 7778)["resolved"] is None


def test_refs_without_json_is_for_people(tmp_path: Path) -> None:
    """A line each, and how many."""
    out = run(repository(tmp_path), "refs").stdout
    assert (
        out
        == "good.py:1:3: implements: RFC 7777 quote A server MUST answer within a second. -> line 17\n1 references in 1 files\n"
    )


ERRORS = {
    0: {},
    10: {"bad.py": "# RFC 7777 §9\n"},
    11: {"bad.py": '# RFC 7777 §2: "words that are not there"\n'},
    13: {"bad.py": '# RFC 7777 §2: "A server MUST answer", not planned: ever\n'},
    1: {"bad.py": '# RFC 7777 §2: "words that are not there"\n# RFC 7777 §9\n'},
}


@pytest.mark.parametrize("code", ERRORS)
def test_check_exits_by_class(tmp_path: Path, code: int) -> None:
    """Clean, broken, stale, contradictory, several."""
    done = run(repository(tmp_path, **ERRORS[code]), "check")
    assert done.exit_code == code, done.stdout


def test_check_of_a_broken_configuration_is_usage(tmp_path: Path) -> None:
    """Exit code 2, and the place."""
    done = run(repository(tmp_path, **{"rfclinks.toml": "x = 1\n"}), "check")
    assert (done.exit_code, done.stderr.partition(": ")[0]) == (2, "rfclinks")
    assert "rfclinks.toml:1: x is no setting" in done.stderr


def test_yes_needs_its_evidence(tmp_path: Path) -> None:
    """Without fresh results: not checked, and exit 0, unless they are required; with them: 14 until every MUST has something."""
    files = {"rfc/index.txt": "7777\tYes\tStandard\tLamps\n", "tests/test_it.py": MARK}
    root = repository(tmp_path, **files)
    done = run(root, "check")
    assert done.exit_code == 0
    assert "not checked: 1 index rows" in done.stdout
    assert run(root, "check", "--require-results").exit_code == 14
    lamp.results(root, [("tests/test_it.py::test_it", "2", "A server MUST answer", "passed")])
    done = run(root, "check", "--require-results")
    assert done.exit_code == 14
    assert "RFC 7777 is marked Yes, with 8 MUSTs untriaged" in done.stdout
    rest = "".join(
        f'[[decision]]\nsection = "{section}"\nall = true\nstatus = "not planned"\nreason = "r"\n'
        for section in ("2", "3", "4")
    )
    lamp.write(root, {"rfc/requirements/7777.toml": rest})
    lamp.commit(root)
    lamp.results(root, [("tests/test_it.py::test_it", "2", "A server MUST answer", "passed")])
    assert run(root, "check", "--require-results").exit_code == 0


def test_texts_can_be_required(tmp_path: Path) -> None:
    """A cited RFC without its text: counted, or an error."""
    root = repository(tmp_path, **{"a.py": "# RFC 7778 §2\n"})
    done = run(root, "check")
    assert (done.exit_code, "not checked: 1 texts" in done.stdout) == (0, True)
    assert run(root, "check", "--require-texts").exit_code == 11
    # with a list of its own the project answers for that list only
    lamp.write(root, {"rfc/index.txt": "7777\tPartial\tStandard\tLamps\n"})
    assert run(root, "check", "--require-texts").exit_code == 0
    lamp.write(root, {"rfc/index.txt": "7778\tPartial\tStandard\tLamps\n"})
    assert run(root, "check", "--require-texts").exit_code == 11


def test_a_baseline_makes_the_first_hour_green(tmp_path: Path) -> None:
    """What is there today is known, by class, path and reference, wherever it moves; what is new fails."""
    root = repository(tmp_path, **{"bad.py": "# RFC 7777 §9\n"})
    assert run(root, "check", "--write-baseline").exit_code == 0
    entries = json.loads((root / "rfc/baseline.json").read_text())["entries"]
    assert "unknown-section\tbad.py\tRFC 7777 §9" in entries
    lamp.write(root, {"bad.py": "\n\n\n# words\n\n# RFC 7777 §9\n"})
    assert run(root, "check").exit_code == 0
    lamp.write(root, {"bad.py": "# RFC 7777 §9\n# RFC 7777 §8\n"})
    assert run(root, "check").exit_code == 10


def test_an_uncovered_must_is_new_only_beyond_the_baseline(tmp_path: Path) -> None:
    """A MUST that loses its code is 12."""
    root = repository(tmp_path)
    run(root, "check", "--write-baseline")
    assert run(root, "check").exit_code == 0
    lamp.write(root, {"good.py": "# RFC 7777 §2\nx = 1\n"})
    done = run(root, "check")
    assert done.exit_code == 12
    assert "nobody cites this MUST: A server MUST answer within a second." in done.stdout


def test_a_bad_baseline_is_usage(tmp_path: Path) -> None:
    """Exit code 2, not a crash."""
    root = repository(tmp_path, **{"b.json": "[]"})
    assert run(root, "check", "--baseline", str(root / "b.json")).exit_code == 2


def test_check_for_other_programs(tmp_path: Path) -> None:
    """JSON on standard output, SARIF, JUnit and LCOV in files, all about the same finding."""
    root = repository(tmp_path, **{"bad.py": "x = 1\n# RFC 7777 §9\n"})
    out = tmp_path / "out"
    out.mkdir()
    done = run(
        root,
        "check",
        "--json",
        "--sarif",
        str(out / "s"),
        "--junit",
        str(out / "j"),
        "--lcov",
        str(out / "l"),
    )
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["class"], finding["path"], finding["line"]) == ("unknown-section", "bad.py", 2)
    (sarif,) = json.loads((out / "s").read_text())["runs"]
    (result,) = sarif["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert result["ruleId"] in {rule["id"] for rule in sarif["tool"]["driver"]["rules"]}
    suite = ElementTree.fromstring((out / "j").read_text())
    assert [case.get("name") for case in suite if case.find("failure") is not None] == [
        "unknown-section"
    ]
    lcov = (out / "l").read_text().split("\n")
    assert "SF:rfc/txt/rfc7777.txt" in lcov
    assert {"DA:17,1", "DA:28,0"} <= set(lcov)


def test_severities_are_configured(tmp_path: Path) -> None:
    """A class may be off, or milder."""
    files = {
        "bad.py": "# RFC 7777 §9\n",
        "rfclinks.toml": '[severity]\nunknown-section = "warning"\n',
    }
    done = run(repository(tmp_path, **files), "check")
    assert (done.exit_code, "warning: unknown-section" in done.stdout) == (0, True)


STALE = """\
def f():
    # RFC 7777 §3: "Lamps that are broken MUST be
    # replaced within one day by somebody who knows how." they say
    return 1
"""


def test_fix_shows_then_applies(tmp_path: Path) -> None:
    """Without --apply nothing changes; with it the comment has the RFC's words, the rest of the file its own octets."""
    root = repository(tmp_path, **{"stale.py": STALE})
    shown_ = run(root, "fix").stdout
    assert "1 files to change" in shown_
    assert (root / "stale.py").read_text() == STALE
    run(root, "fix", "--apply")
    after = (root / "stale.py").read_text()
    assert after.startswith("def f():\n    # RFC 7777 §3: ")
    assert after.endswith(" they say\n    return 1\n")
    assert run(root, "check").exit_code == 0


def test_suggest_offers_the_sentence_that_fits(tmp_path: Path) -> None:
    """A section reference above code that answers is offered the sentence about answering."""
    root = repository(
        tmp_path, **{"loose.py": "# RFC 7777 §2.1: the lamp must not give smoke\nlight = 1\n"}
    )
    assert 'loose.py:1: RFC 7777 §2.1: "' in run(root, "suggest").stdout


def test_todo_lists_with_age_and_place(tmp_path: Path) -> None:
    """Text, kind, place and time of each; a line that is not committed has no time."""
    root = repository(tmp_path, **{"every.py": EVERY, "light.rs": RUST})
    lamp.write(root, {"new.py": "# FIXME RFC 7777 §4: quicker\n"})
    rows = shown(root, "todo")
    assert [(row["path"], row["section"], row["rfc_line"], row["kind"]) for row in rows] == [
        ("light.rs", "2.1", 22, "todo"),
        ("every.py", "3", 26, "todo"),
        ("new.py", "4", 44, "fixme"),
    ]
    assert [row["time"] is None for row in rows] == [False, False, True]
    for by in ("rfc", "folder", "age"):
        assert "3 to do" in run(root, "todo", "--by", by).stdout


def test_coverage_counts(tmp_path: Path) -> None:
    """By RFC, section, level and folder."""
    root = repository(tmp_path, **{"src/a.py": '# RFC 7777 §2.1: "MUST give light"\n'})
    document = shown(root, "coverage")
    assert document["groups"]["RFC 7777"]["n"] == document["total"]["n"] == 12
    assert document["total"]["covered"] == 2
    assert shown(root, "coverage", "--by", "level")["groups"]["MUST"]["covered"] == 2
    sections = shown(root, "coverage", "--by", "section")["groups"]
    assert (sections["RFC 7777 §2"]["covered"], sections["RFC 7777 §2.1"]["covered"]) == (2, 1)
    assert shown(root, "coverage", "--by", "folder")["groups"]["src"]["covered"] == 1
    assert "pytest --rfc-results" in run(root, "coverage").stdout


def test_matrix_as_csv_and_json(tmp_path: Path) -> None:
    """A row per requirement, the same in both."""
    root = repository(tmp_path)
    rows = json.loads(run(root, "matrix", "--json").stdout)
    lines = run(root, "matrix", "--csv").stdout.splitlines()
    assert len(rows) == len(lines) - 1 == 12
    assert rows[0]["code"] == ["good.py:1"]
    assert "good.py:1" in lines[1]


def test_annotate_leaves_the_text_and_adds_links(tmp_path: Path) -> None:
    """Lines begin as they did; cited ones end in file:line, with the words of a TODO."""
    root = repository(tmp_path, **{"every.py": EVERY})
    run(root, "annotate", "--out", str(tmp_path / "out"))
    lines = (tmp_path / "out" / "rfc7777.txt").read_text().split("\n")
    for ours, theirs in zip(lines, lamp.TEXT.split("\n"), strict=True):
        assert ours.startswith(theirs)
    assert "good.py:1" in lines[16]
    assert "every.py:13 TODO(RFC 7777 §3): shut the door" in lines[25]


def test_init_writes_a_configuration_that_loads(tmp_path: Path) -> None:
    """Once; then only with --force; and check runs with it."""
    root = repository(tmp_path)
    before = shown(root, "refs")
    assert run(root, "init").exit_code == 0
    # The examples in it are no references of this repository.
    assert shown(root, "refs") == before
    assert run(root, "init").exit_code == 2
    assert run(root, "init", "--force").exit_code == 0
    assert run(root, "check").exit_code == 0


def test_diff_tells_gained_and_lost(tmp_path: Path) -> None:
    """Between two commits: the sentence that got code, the one that lost it, TODOs opened and closed."""
    root = repository(tmp_path, **{"t.py": "# TODO RFC 7777 §3: old\n"})
    changed = '# RFC 7777 §2.1: "MUST give light"\n# a\n'
    lamp.write(root, {"good.py": changed, "t.py": "# TODO RFC 7777 §3: new\n"})
    lamp.commit(root)
    document = shown(root, "diff", "HEAD~1", "HEAD")
    assert [row.partition(": ")[2] for row in document["gained"]] == ["The lamp MUST give light,"]
    assert [row.partition(": ")[2] for row in document["lost"]] == [
        "A server MUST answer within a second."
    ]
    assert document["todo opened"] == ["t.py:1: TODO RFC 7777 §3: new"]
    assert document["todo closed"] == ["t.py:1: TODO RFC 7777 §3: old"]
    assert run(root, "diff", "HEAD", "nowhere").exit_code == 2


def test_diff_takes_results_of_both_sides(tmp_path: Path) -> None:
    """A test that passed and now fails is a change, not a loss of code."""
    root = repository(tmp_path, **{"tests/test_it.py": MARK})
    row = ("tests/test_it.py::test_it", "2", "A server MUST answer")
    old = lamp.results(root, [(*row, "passed")]).rename(root / "build" / "old")
    lamp.write(root, {"x.py": "x = 1\n"})
    lamp.commit(root)
    new = lamp.results(root, [(*row, "failed")])
    document = shown(
        root, "diff", "HEAD~1", "HEAD", "--results-old", str(old), "--results-new", str(new)
    )
    assert [text.partition(": ")[0] for text in document["changed"]] == [
        "RFC 7777 §2 passing -> failing"
    ]


def test_fetch_takes_what_the_code_cites(tmp_path: Path) -> None:
    """From a folder, into an empty repository; what the folder lacks is counted."""
    root = tmp_path / "repo"
    lamp.write(root, {"a.py": "# RFC 7777 §2, RFC 7778\nx = 1\n"})
    lamp.write(tmp_path / "mirror", {"rfc7777.txt": lamp.TEXT, "rfc-index.txt": lamp.INDEX})
    done = run(root, "fetch", "--mirror", str(tmp_path / "mirror"))
    assert (root / "rfc/txt/rfc7777.txt").read_text() == lamp.TEXT
    assert (done.exit_code, "missing" in done.stdout) == (0, True)
    assert run(root, "fetch", "--mirror", str(tmp_path / "mirror"), "--require").exit_code == 1
    assert run(root, "fetch", "--only", "x").exit_code == 2


def test_help_imports_no_command() -> None:
    """`rfclinks --help` loads click and nothing of the scanner."""
    code = (
        "import sys\nfrom postil_site.commands.rfclinks import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not [m for m in sys.modules if m.startswith(('pygments', 'postil_site.refs', 'postil_site.project'))]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "check" in done.stdout


def test_the_door_in_tools_runs(tmp_path: Path) -> None:
    """`python tools/rfclinks.py` is the same command line."""
    tool = Path(__file__).resolve().parents[3] / "tools" / "rfclinks.py"
    root = repository(tmp_path)
    done = subprocess.run(
        [sys.executable, str(tool), "check", "--root", str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
