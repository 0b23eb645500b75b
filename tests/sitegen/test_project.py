"""A small repository from references to verdicts: what each kind of reference leads to, pins and makes of a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sitegen import lamp

from postil_site.config import ConfigError, load
from postil_site.model import FindingClass, Problems, Role, Status
from postil_site.project import Project
from postil_site.refs.resolve import Resolved
from postil_site.status.counts import count

pytestmark = pytest.mark.usefixtures("own_cache")


def project(root: Path) -> Project:
    """The repository as a command sees it."""
    return Project.open(root, Problems())


def one(root: Path, comment: str, path: str = "lamp.py") -> Resolved:
    """The one reference of a comment."""
    made = lamp.make(root / "repo", {path: f"# {comment}\nx = 1\n"})
    (found,) = project(made).resolved
    return found


@pytest.mark.parametrize(
    ("written", "section", "line", "pinned"),
    [
        ("RFC 7777", None, 1, 0),
        ("RFC 7777 §2.1", "2.1", 20, 0),
        ("RFC 7777 section 2", "2", 15, 0),
        ('RFC 7777 §2.1: "MUST give light"', "2.1", 22, 1),
        ('RFC 7777 §2.1: "MUST give light, and it MUST NOT smoke"', "2.1", 22, 2),
        ('RFC 7777 §2: "A client may wait" is what it says', "2", 15, 0),
        ('RFC 7777 §2: "A client MAY wait"', "2", 17, 1),
        ('RFC 7777 §3: "broken MUST … knows how"', "3", 28, 1),
        ('RFC 7777 §3: "within a day by somebody"', "3", 28, 1),
        ('RFC 7777 §3.1: "The window is open"', "3.1", 40, 0),
        ('RFC 7777 §2.1: "Light It" is its title', "2.1", 20, 0),
        ('RFC 7777 §2.1: "Lamps SHOULD be dusted every month"', "2.1", 24, 1),
        ('RFC 7777 §4: "A lamp MUST NOT be lit by: children"', "4", 48, 1),
        ('RFC 7777 §4: "A lamp MUST NOT be lit by: cats that have not"', "4", 52, 1),
        ("../rfc/7777:22", "2.1", 22, 0),
        ("../rfc/7777:24", "2.1", 24, 1),
        ("../rfc/7777:29", "3", 29, 1),
        ("RFC 7777 page 1", None, 1, 0),
        ("https://www.rfc-editor.org/rfc/rfc7777#name-light-it", "2.1", 20, 0),
        ("../rfc/7777-eid501", "2.1", 24, 0),
    ],
)
def test_a_reference_leads_to_its_place(
    tmp_path: Path, written: str, section: str | None, line: int, pinned: int
) -> None:
    """Sections, quotes, lines, pages, fragments and errata lead to raw lines; only quotes and lines pin."""
    found = one(tmp_path, written)
    if "may wait" in written:
        # keywords keep their capitals in the normal form: in small letters these are other words
        assert [finding.kind for finding in found.findings] == [FindingClass.STALE_QUOTE]
        return
    assert (found.section, found.line, len(found.requirements)) == (section, line, pinned)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("RFC 7776", FindingClass.UNKNOWN_RFC),
        ("RFC 7777 §2.9", FindingClass.UNKNOWN_SECTION),
        ("RFC 7777 page 9", FindingClass.UNKNOWN_SECTION),
        ("../rfc/7777:9999", FindingClass.UNKNOWN_SECTION),
        ("RFC 7000 §2.1", FindingClass.OBSOLETED),
        ('RFC 7777 §2.1: "MUST give no light"', FindingClass.STALE_QUOTE),
        ('RFC 7777 §2: "MUST give light"', FindingClass.STALE_QUOTE),
        ('RFC 7777 §3.1: "The door MUST be shut"', FindingClass.AMBIGUOUS_QUOTE),
        ('RFC 7777 §2.1: "Lamps SHOULD be dusted every year"', FindingClass.ERRATUM),
        ("../rfc/7777-eid999", FindingClass.ERRATUM),
    ],
)
def test_what_is_wrong_is_a_finding(tmp_path: Path, written: str, kind: FindingClass) -> None:
    """Each kind of broken reference is found, and named."""
    assert [finding.kind for finding in one(tmp_path, written).findings] == [kind]


def test_a_missing_section_names_the_nearest(tmp_path: Path) -> None:
    """A section that does not exist is answered with those that do."""
    (finding,) = one(tmp_path, "RFC 7777 §2.1.4").findings
    assert finding.suggestions[0].startswith("§2.1 Light It")


def test_an_obsolete_rfc_names_the_same_section_of_its_successor(tmp_path: Path) -> None:
    """The note leads to the section of the same title."""
    (finding,) = one(tmp_path, "RFC 7000 §2.1").findings
    assert finding.suggestions == ("RFC 7777 §2.1",)


def test_a_quote_that_moved_or_changed_a_little_comes_with_a_patch(tmp_path: Path) -> None:
    """Found in another section, or nine tenths alike: the patch is the reference as it should be."""
    (moved,) = one(tmp_path / "a", 'RFC 7777 §2: "The lamp MUST give light"').findings
    assert moved.patch == 'RFC 7777 §2.1: "The lamp MUST give light"'
    written = 'RFC 7777 §3: "Lamps that are broken MUST be replaced within one day by somebody who knows how."'
    (changed,) = one(tmp_path / "b", written).findings
    assert changed.patch is not None
    assert "within a day" in changed.patch


def test_a_missing_text_is_no_finding(tmp_path: Path) -> None:
    """Without the text nothing can be said, and nothing is."""
    found = one(tmp_path, 'RFC 7778 §1: "words of it"')
    assert (found.missing_text, found.findings, found.line) == (True, (), None)


MARKERS = """\
import pytest

@pytest.mark.rfc("7777", "2", "A server MUST answer within a second.")
def test_answer():
    pass

@pytest.mark.rfc("7777", "2.1", "The lamp MUST give light")
@pytest.mark.parametrize("n", [1, 2])
def test_light(n):
    pass

@pytest.mark.rfc("7777", "2.1", "The lamp MUST give light, and it MUST NOT smoke")
def test_wide():
    pass

@pytest.mark.rfc("7777", "3", "broken MUST be replaced")
class TestErrors:
    def test_one(self):
        pass
"""
CODE = """\
# RFC 7777 §2: "It SHOULD NOT blink"
steady = True
# TODO: RFC 7777 §2.1: "Lamps SHOULD be dusted" by whom?
dust = None
# RFC 7777 §3: we are careful
careful = True
# RFC 7777 §2: "A client MAY wait", not planned: it has no time
"""


def statuses(root: Path) -> dict[str, Status]:
    """The status of each requirement by the beginning of its clause."""
    return {v.requirement.clause[:24]: v.status for v in project(root).verdicts(7777)}


def repository(tmp_path: Path, **more: str) -> Path:
    """The repository with code and tests."""
    return lamp.make(tmp_path / "repo", {"lamp.py": CODE, "tests/test_lamp.py": MARKERS, **more})


def test_without_results_nothing_passes(tmp_path: Path) -> None:
    """Each source of a status, and that a section reference colours no sentence beyond `cited`."""
    found = statuses(repository(tmp_path))
    assert found == {
        "A server MUST answer wit": Status.TESTED,
        "It SHOULD NOT blink.": Status.IMPLEMENTED,
        "A client MAY wait for th": Status.NOT_PLANNED,
        "The lamp MUST give light": Status.TESTED,
        "and it MUST NOT smoke.": Status.CITED,  # by the marker that is too wide
        "Lamps SHOULD be dusted e": Status.TODO,
        "Lamps that are broken MU": Status.CITED,
        "The door MUST be shut.": Status.UNTRIAGED,
        "Servers MUST be quick wi": Status.UNTRIAGED,
        "A lamp MUST NOT be lit b": Status.UNTRIAGED,
    }


def test_only_fresh_results_make_green(tmp_path: Path) -> None:
    """A pass of this very tree is passing; of another it is tested; one bad parameter set fails the whole."""
    root = repository(tmp_path)
    answer = (
        "tests/test_lamp.py::test_answer",
        "2",
        "A server MUST answer within a second.",
        "passed",
    )
    light = [
        (f"tests/test_lamp.py::test_light[{n}]", "2.1", "The lamp MUST give light", outcome)
        for n, outcome in ((1, "passed"), (2, "failed"))
    ]
    lamp.results(root, [answer, *light])
    found = statuses(root)
    assert found["A server MUST answer wit"] is Status.PASSING
    assert found["The lamp MUST give light"] is Status.FAILING
    lamp.results(root, [answer, *light], fresh=False)
    assert statuses(root)["A server MUST answer wit"] is Status.TESTED
    lamp.results(root, [answer])
    lamp.write(root, {"lamp.py": CODE + "# changed\n"})
    assert statuses(root)["A server MUST answer wit"] is Status.TESTED


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("passed", Status.PASSING), ("failed", Status.FAILING), ("error", Status.FAILING),
        ("crashed", Status.FAILING), ("xfailed", Status.TODO), ("skipped", Status.TESTED),
        ("xpassed", Status.TESTED),
    ],
)  # fmt: skip
def test_every_outcome_has_its_status(tmp_path: Path, outcome: str, status: Status) -> None:
    """Rule 4, outcome by outcome."""
    root = repository(tmp_path)
    quote = "A server MUST answer within a second."
    lamp.results(root, [("tests/test_lamp.py::test_answer", "2", quote, outcome)])
    assert statuses(root)["A server MUST answer wit"] is status


def test_a_class_marker_is_section_level(tmp_path: Path) -> None:
    """Its tests pass and the sentence stays as it was."""
    root = repository(tmp_path)
    row = ("tests/test_lamp.py::TestErrors::test_one", "3", "broken MUST be replaced", "passed")
    lamp.results(root, [row])
    assert statuses(root)["Lamps that are broken MU"] is Status.CITED


DECISIONS = """\
[[decision]]
section = "3"
all = true
status = "not applicable"
reason = "we have no lamps"

[[decision]]
section = "2"
quote = "It SHOULD NOT blink"
status = "exception"
reason = "ours must"

[[alias]]
section = "4"
quote = "Servers MUST be quick"
of = { section = "2", quote = "A server MUST answer" }

[[requirement]]
section = "1"
quote = "A lamp is on or off."
level = "MUST"

[[decision]]
section = "9"
quote = "nothing"
status = "exception"
reason = "nowhere"

[[decision]]
section = "2"
quote = "A client MAY wait"
status = "perhaps"
reason = "x"
"""


def test_decisions_and_aliases(tmp_path: Path) -> None:
    """Decisions with quotes, over a whole section, aliases and added requirements; what no longer resolves is a finding."""
    root = repository(tmp_path, **{"rfc/requirements/7777.toml": DECISIONS})
    seen = project(root)
    verdicts = {v.requirement.clause[:24]: v for v in seen.verdicts(7777)}
    assert verdicts["The door MUST be shut."].status is Status.NOT_APPLICABLE
    assert verdicts["It SHOULD NOT blink."].status is Status.EXCEPTION
    assert verdicts["It SHOULD NOT blink."].contradiction == "implemented, and exception"
    assert verdicts["A lamp is on or off."].status is Status.UNTRIAGED
    summary = verdicts["Servers MUST be quick wi"]
    assert (summary.status, summary.counted) == (Status.TESTED, False)
    decided = seen.decided(7777)
    assert decided is not None
    assert [(one.line, one.message.split()[-1]) for one in decided.findings] == [
        (23, "9"),
        (29, "exception"),
    ]


def test_percentages_leave_out_what_does_not_apply(tmp_path: Path) -> None:
    """N, covered and the MUSTs of rule 9, rounded down."""
    root = repository(tmp_path, **{"rfc/requirements/7777.toml": DECISIONS})
    quote = "A server MUST answer within a second."
    lamp.results(root, [("tests/test_lamp.py::test_answer", "2", quote, "passed")])
    counts = count(project(root).verdicts(7777))
    assert (counts.n, counts.aliases, counts.passing, counts.covered) == (9, 1, 1, 2)
    assert (counts.must, counts.must_passing, counts.must_percent) == (6, 1, 16)
    assert count([]).passing_percent is None


def test_junit_gives_evidence_too(tmp_path: Path) -> None:
    """By the property `rfc`, and by the name of the function that a quoted reference stands in."""
    go = 'package lamp\n\nfunc TestSteady(t *testing.T) {\n\t// RFC 7777 §2: "It SHOULD NOT blink"\n\tcheck(t)\n}\n'
    root = lamp.make(tmp_path / "repo", {"lamp_test.go": go})
    xml = (
        '<testsuite><testcase classname="lamp" name="TestSteady"/><testcase name="other"><properties>'
        "<property name='rfc' value='7777 §2.1 \"MUST give light\"'/></properties></testcase></testsuite>"
    )
    lamp.write(root, {"build/junit.xml": xml})
    seen = Project.open(root, Problems(), [root / "build/junit.xml"])
    found = {v.requirement.clause[:24]: v.status for v in seen.verdicts(7777)}
    assert found["It SHOULD NOT blink."] is Status.PASSING
    assert found["The lamp MUST give light"] is Status.PASSING


def test_a_second_look_comes_from_the_cache_and_is_the_same(tmp_path: Path) -> None:
    """Nothing changed: equal references and places; one file changed: only what it says changes."""
    root = repository(tmp_path)
    first = project(root).resolved
    assert project(root).resolved == first
    lamp.write(root, {"lamp.py": "# RFC 7777 §3\n"})
    again = project(root).resolved
    assert [r for r in again if r.reference.path != "lamp.py"] == [
        r for r in first if r.reference.path != "lamp.py"
    ]
    assert [r.section for r in again if r.reference.path == "lamp.py"] == ["3"]


def test_bad_input_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    """Binary, invalid UTF-8, one huge line, a loop of links, texts that are none, bad rows: each told, nothing stops."""
    files = {
        "good.py": "# RFC 7777 §2\nx = 1\n",
        "rfc/index.txt": "7777\tYes\tStandard\tLamps\nx\tYes\n7778\tMaybe\n",
    }
    root = lamp.make(tmp_path / "repo", files)
    (root / "bin.py").write_bytes(b"\0\1\2RFC 7777")
    (root / "latin.py").write_bytes(b"# RFC 7777 \xa72.1 \xe4\nx = 1\n")
    (root / "long.py").write_bytes(b"# RFC 7777 " + b"x" * 900_000)
    (root / "broken.py").write_text("def (:\n# RFC 7777 §3\n")
    (root / "loop").symlink_to(root)
    (root / "ring.py").symlink_to(root / "ring.py")
    (root / "huge.py").write_bytes(b"x" * 20_000_000)
    (root / "dangling.py").symlink_to(root / "nowhere")
    (root / "rfc/txt/rfc7000.txt").write_text("<!DOCTYPE html><html></html>")
    (root / "lamp.go").write_text("// RFC 7000 §2\n")
    problems = Problems()
    seen = Project.open(root, problems)
    found = {(r.reference.path, r.section) for r in seen.resolved}
    assert {("good.py", "2"), ("latin.py", "2.1"), ("broken.py", "3"), ("lamp.go", None)} <= found
    told = dict(problems.rows)
    assert told.keys() == {
        "bin.py",
        "rfc/index.txt:2",
        "rfc/index.txt:3",
        "rfc7000.txt",
        "loop",
        "dangling.py",
        "huge.py",
        "ring.py",
    }


def test_a_bad_configuration_names_file_line_and_field(tmp_path: Path) -> None:
    """The one thing that stops a command says where it is wrong."""
    lamp.write(tmp_path, {"rfclinks.toml": 'texts = "x"\n[severity]\nobsoleted = "loud"\n'})
    with pytest.raises(ConfigError, match=r"rfclinks\.toml:3: obsoleted must be one of"):
        load(tmp_path)
    lamp.write(tmp_path, {"rfclinks.toml": "excludes = []\n"})
    with pytest.raises(ConfigError, match=r"rfclinks\.toml:1: excludes is no setting"):
        load(tmp_path)
    lamp.write(tmp_path, {"rfclinks.toml": "x = \n"})
    with pytest.raises(ConfigError, match=r"rfclinks\.toml: Invalid value \(at line 1"):
        load(tmp_path)
    (tmp_path / "rfclinks.toml").unlink()
    lamp.write(tmp_path, {"pyproject.toml": "[tool.rfclinks]\ninclude = 'x'\n"})
    with pytest.raises(
        ConfigError, match=r"pyproject\.toml:2: tool\.rfclinks\.include must be a list"
    ):
        load(tmp_path)


def test_roles_by_place(tmp_path: Path) -> None:
    """Tests by folder or name, prose by suffix, the rest implements; a TODO and an exception are written out."""
    text = "# RFC 7777 §2\nx = 1\n"
    files = {
        "a.py": text,
        "tests/a.py": text,
        "src/test_a.py": text,
        "a_test.rb": text,
        "a.md": "RFC 7777 §2\n",
        "t.py": "# TODO(RFC 7777 §2): x\n",
        "e.py": "# RFC 7777 §2, not applicable: x\n",
    }
    seen = project(lamp.make(tmp_path / "repo", files))
    assert {r.path: r.role for r in seen.references} == {
        "a.py": Role.IMPLEMENTS, "tests/a.py": Role.TESTS, "src/test_a.py": Role.TESTS, "a_test.rb": Role.TESTS,
        "a.md": Role.MENTION, "t.py": Role.TODO, "e.py": Role.EXCEPTION,
    }  # fmt: skip
