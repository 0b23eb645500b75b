"""From a file to references: which text is read, which role it has, which TODO it stands in, which code it speaks of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.sitegen.refs.test_forms import KNOWN, scan, shown, source

from postil_site.model import Problems, Role, Status
from postil_site.refs import sources
from postil_site.refs.scan import Scanner


def code(path: str, text: str) -> list[tuple[int | None, int | None]]:
    """The lines of code of each reference."""
    return [(ref.code_line, ref.code_end_line) for ref in scan(path, text)]


# --- comments and docstrings only


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "# RFC 9051\nx = 'RFC 5321'\n"),
        ("a.py", 'x = """\n# RFC 5321\n"""  # RFC 9051\n'),
        ("a.py", "x = 'it''s # RFC 5321' # RFC 9051\n"),
        ("a.py", 'x = "\\" # RFC 5321" # RFC 9051\n'),
        ("a.py", "#!/usr/bin/rfc5321\n# RFC 9051\n"),
        ("a.py", 'def f():\n    x = 1\n    "RFC 5321"\n    # RFC 9051\n'),
        ("a.c", "#define RFC5321 5321\n// RFC 9051\n"),
        ("a.c", 'char *x = "// RFC 5321"; /* RFC 9051 */\n'),
        ("a.go", "x := `// RFC 5321` // RFC 9051\n"),
        ("a.rs", '/// RFC 9051\nlet x = "RFC 5321";\n'),
        ("a.ts", "const x = '/* RFC 5321 */' /* RFC 9051 */\n"),
        ("a.java", '/** RFC 9051 */\nString x = "RFC 5321";\n'),
        ("a.html", "<p>RFC 5321</p><!-- RFC 9051 -->\n"),
        ("a.sh", "#!/bin/sh RFC 5321\n# RFC 9051\necho 'RFC 5321'\n"),
        ("a.sql", "select 'RFC 5321'; -- RFC 9051\n"),
        ("a.lua", "-- RFC 9051\nx = 'RFC 5321'\n"),
        ("a.hs", '{- RFC 9051 -}\nx = "RFC 5321"\n'),
        ("a.unknown", "x RFC 5321\n// RFC 9051\n"),
        ("a.unknown", "see http://RFC5321/ # RFC 9051\n"),
        ("a.json", '{"x": "RFC 5321"} // RFC 5322\n# RFC 9051'),
    ],
)
def test_only_comments_and_docstrings_are_read(path: str, text: str) -> None:
    """RFC 9051 stands in the comment, RFC 5321 in what the program says; JSON has no comments."""
    assert shown(scan(path, text)) == ("" if path.endswith(".json") else "9051 document")


def test_python_that_does_not_parse_is_read_by_its_lexer() -> None:
    """One error in a file does not hide its comments."""
    assert shown(scan("a.py", "def (:\n    # RFC 9051\n")) == "9051 document"


def test_lines_and_columns_are_those_of_the_file() -> None:
    """Of the reference's own text, over leaders, indentation and wrapped lines."""
    text = "int x; /* one\n        * and section\n        *   4.2 of\n        * RFC 9051 */\n"
    (found,) = scan("a.c", text)
    assert (found.line, found.column, found.end_line) == (2, 15, 4)
    (found,) = scan("a.py", "x = 1\n    # see RFC 9051\n    # section 4.2\n")
    assert (found.line, found.column, found.end_line, found.text) == (
        2,
        11,
        3,
        "RFC 9051 section 4.2",
    )


def test_an_empty_line_ends_a_reference() -> None:
    """A new paragraph does not go on with the old one's section."""
    assert (
        shown(scan("a.py", "# RFC 9051\n#\n# section 4.2\n")) == "9051 document, ~9051 section 4.2"
    )


# --- what is not ours


def test_a_licence_at_the_head_is_not_read() -> None:
    """The licence of a file names RFCs of its authors' choosing; the comment below it counts."""
    text = "# Redistribution and use in source and binary forms … RFC 5321\n\n# RFC 9051\n"
    assert shown(scan("a.py", text)) == "9051 document"


def test_numbers_above_the_newest_are_nothing() -> None:
    """What cannot exist yet is no reference."""
    assert shown(Scanner(KNOWN).scan(source("a.py", "# RFC 10000 section 4.2\n"))) == ""


@pytest.mark.parametrize("folder", ["node_modules", "vendor", "third_party", "site-packages"])
def test_vendored_folders_are_left_out(tmp_path: Path, folder: str) -> None:
    """Other people's code is not this repository's."""
    (tmp_path / folder / "x").mkdir(parents=True)
    (tmp_path / folder / "x" / "a.py").write_text("")
    (tmp_path / "b.py").write_text("")
    assert sources.list_files(tmp_path, (), ()) == ["b.py"]


def test_git_decides_what_belongs(tmp_path: Path) -> None:
    """Ignored, vendored and generated files are left out as git knows them; include and exclude narrow it."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    files = {
        ".gitignore": "out/\n",
        ".gitattributes": "gen.py linguist-generated\nlib/* linguist-vendored\n",
    }
    for name in ("a.py", "gen.py", "out/b.py", "lib/c.py", "src/d.py", "src/e.go"):
        files[name] = ""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert sources.list_files(tmp_path, (), (".git*",)) == ["a.py", "src/d.py", "src/e.go"]
    assert sources.list_files(tmp_path, ("src/**",), ("*.go",)) == ["src/d.py"]


def test_a_long_line_makes_a_file_plain(tmp_path: Path) -> None:
    """No lexer is let loose on it, and its line comments are still read."""
    (tmp_path / "a.js").write_text("x" * 3000 + "\n// RFC 9051\n")
    read = sources.read(tmp_path, "a.js", Problems())
    assert read is not None
    assert (read.plain, shown(Scanner(KNOWN).scan(read))) == (True, "9051 document")


# --- TODOs and roles


@pytest.mark.parametrize(
    "comment",
    [
        "TODO: RFC 9051 section 4.2 is missing",
        "todo RFC 9051 section 4.2 is missing",
        "TODO(RFC 9051 §4.2): is missing",
        "todo spec: RFC 9051 section 4.2",
        "@todo RFC 9051 section 4.2",
        "Todo: somebody, by RFC 9051 section 4.2",
        "FIXME RFC 9051 section 4.2",
        "XXX: RFC 9051 section 4.2",
    ],
)
@pytest.mark.parametrize(("path", "leader"), [("a.py", "# "), ("a.go", "// "), ("a.c", " * ")])
def test_a_todo_in_every_spelling(path: str, leader: str, comment: str) -> None:
    """Any case, with or without colon, brackets or @, in any language."""
    text = f"/*\n{leader}{comment}\n */\n" if path == "a.c" else f"{leader}{comment}\nx\n"
    (found,) = scan(path, text)
    assert (found.role, found.style, found.todo) == (Role.TODO, "todo", comment)
    assert found.target.value == "4.2"


def test_continuation_lines_belong_to_the_todo() -> None:
    """To an empty comment line, the next TODO or the end of the block."""
    text = "# RFC 9051 §4.1 before\n# TODO: one\n# of RFC 9051 §4.2\n# TODO two of RFC 9051 §4.3\n#\n# RFC 9051 §6 after\nx = 1\n"
    assert [(ref.target.value, ref.role, ref.todo) for ref in scan("a.py", text)] == [
        ("4.1", Role.IMPLEMENTS, None),
        ("4.2", Role.TODO, "TODO: one of RFC 9051 §4.2"),
        ("4.3", Role.TODO, "TODO two of RFC 9051 §4.3"),
        ("6", Role.IMPLEMENTS, None),
    ]


def test_a_todo_further_on_in_a_line_is_none() -> None:
    """A comment must begin with it."""
    assert scan("a.py", "# the TODO list of RFC 9051\n")[0].role is Role.IMPLEMENTS
    assert scan("a.py", "# TODOs of RFC 9051\n")[0].role is Role.IMPLEMENTS


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("not planned", Status.NOT_PLANNED),
        ("Not Applicable", Status.NOT_APPLICABLE),
        ("exception", Status.EXCEPTION),
    ],
)
def test_exceptions_are_written_out(words: str, status: Status) -> None:
    """Behind a document, a section or a quote, with a reason after the colon."""
    for target in ("RFC 9051", "RFC 9051 §4", 'RFC 9051 §4: "two words"'):
        (found,) = scan("a.py", f"# {target}, {words}: why\n")
        assert (found.role, found.status) == (Role.EXCEPTION, status)


def test_weak_references_need_exactly_one_rfc() -> None:
    """From the comment itself, or else from the head of the file; never counted, even in tests."""
    head = '"""What RFC 9051 wants."""\n'
    (_, weak) = scan("test_a.py", head + "# section 4.2\nx = 1\n")
    assert (weak.weak, weak.role, weak.rfc) == (True, Role.MENTION, 9051)
    assert (
        shown(scan("a.py", '"""RFC 9051 and RFC 5321."""\n# section 4.2\n'))
        == "9051 document, 5321 document"
    )
    assert (
        shown(scan("a.py", head + "# RFC 5321: section 4.2\n")) == "9051 document, 5321 section 4.2"
    )
    assert shown(scan("a.py", head + "# section 4.9\n")) == "9051 document"


# --- the code it speaks of


def test_code_of_python() -> None:
    """The statement below or beside a comment, the item of a docstring, the line inside of brackets."""
    assert code("a.py", "# RFC 9051\nif x:\n    y = 1\nz = 2\n") == [(2, 3)]
    assert code("a.py", "x = (1,\n     2)  # RFC 9051\n") == [(1, 2)]
    assert code("a.py", "x = 1  # RFC 9051\n") == [(1, 1)]
    assert code("a.py", "def f():\n    '''RFC 9051'''\n    return 1\n") == [(1, 3)]
    assert code("a.py", "x = [\n    # RFC 9051\n    1,\n]\n") == [(3, 3)]
    assert code("a.py", "# RFC 9051\n@d\ndef f():\n    pass\n") == [(2, 4)]
    assert code("a.py", "x = 1\n# RFC 9051\n") == [(None, None)]


def test_code_of_other_languages() -> None:
    """The line below the comment, to where its brackets close."""
    assert code("a.go", "// RFC 9051\n\nfunc f() {\n\tx(\n\t\t1)\n}\n") == [(3, 6)]
    assert code("a.c", "/* RFC 9051 */\n#define X 1\n") == [(2, 2)]
    assert code("a.c", "x = 1; // RFC 9051\ny = 2;\n") == [(1, 1)]
    assert code("a.js", "// RFC 9051\nf('(');\ng();\n") == [(2, 2)]
    assert code("a.md", "RFC 9051\n") == [(None, None)]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a_test.go", "func TestX(t *testing.T) {\n\t// RFC 9051\n\tf(t)\n}\n", "TestX"),
        ("a_test.go", "// RFC 9051\nfunc TestX(t *testing.T) {\n}\n", "TestX"),
        ("tests/a.rs", "#[test]\nfn shut() {\n    // RFC 9051\n    f();\n}\n", "shut"),
        (
            "a.spec.ts",
            "describe('door', () => {\n  it('shuts', () => {\n    // RFC 9051\n    f()\n  })\n})\n",
            "shuts",
        ),
        (
            "test_a.py",
            "class TestA:\n    def test_x(self):\n        # RFC 9051\n        pass\n",
            "TestA::test_x",
        ),
        ("test_a.py", "# RFC 9051\nx = 1\n", None),
    ],
)
def test_the_test_that_a_reference_stands_in(path: str, text: str, name: str | None) -> None:
    """So that reports of other runners can be joined by name."""
    (found,) = scan(path, text)
    assert (found.role, found.test) == (Role.TESTS, name)


# --- duvet


DUVET = """\
    //= https://www.rfc-editor.org/rfc/rfc9051#section-4.2
    //= type=EXCEPTION
    //= reason=no doors
    //# The door MUST
    //# be shut.
    fn f() {}
"""


def test_duvet_blocks() -> None:
    """URL, type in any case, reason, and a quote over several lines; the code is below the block."""
    (found,) = scan("src/a.rs", DUVET)
    assert (found.role, found.target.value, found.target.section) == (
        Role.EXCEPTION,
        "The door MUST be shut.",
        "4.2",
    )
    assert (found.line, found.column, found.end_line, found.code_line) == (1, 5, 5, 6)


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("citation", Role.IMPLEMENTS), ("implication", Role.IMPLEMENTS), ("test", Role.TESTS),
        ("todo", Role.TODO), ("exception", Role.EXCEPTION),
    ],
)  # fmt: skip
def test_duvet_types(kind: str, role: Role) -> None:
    """Each type has its role, wherever the file is."""
    (found,) = scan("tests/a.rs", DUVET.replace("EXCEPTION", kind))
    assert found.role is role


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.js", "//# sourceMappingURL=rfc9051.js.map\n"),
        ("a.py", "x = 9051\nx \\\n //= 2\n# rfc\n"),
        (
            "a.py",
            'x = """\n//= https://www.rfc-editor.org/rfc/rfc9051#section-4.2\n//# words\n"""\n',
        ),
        ("a.rs", "//= https://datatracker.ietf.org/doc/draft-x#section-4.2\n//# words\n"),
    ],
)
def test_what_only_looks_like_duvet(path: str, text: str) -> None:
    """Source maps, an operator of Python, drafts."""
    assert scan(path, text) == []


def test_own_leaders() -> None:
    """Other leaders are configured."""
    text = "!= https://www.rfc-editor.org/rfc/rfc9051#section-4.2\n!# words of it\n"
    (found,) = Scanner(KNOWN, leaders=(("!=", "!#"),)).scan(source("a.f90", text))
    assert found.target.value == "words of it"


# --- markers


MARKERS = """\
import pytest
pytestmark = [pytest.mark.rfc("9051", "6")]
@pytest.mark.rfc("9051", "4.1", "words of " "it")
def test_a(): pass
@pytest.mark.rfc("9051", "4.2", "class words")
class TestB:
    pytestmark = pytest.mark.rfc("9051", "4.3")
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rfc("9051", "3", "param words"))])
    def test_c(self, x): pass
@pytest.mark.rfc(N, "4.2")
def test_d(): pass
"""


def test_markers_wherever_pytest_takes_them() -> None:
    """Functions, classes, modules, parameters; a class's quote is section level; what is computed is left out."""
    found = [
        (ref.target.kind.value, ref.target.value, ref.test)
        for ref in scan("tests/test_m.py", MARKERS)
    ]
    assert found == [
        ("section", "6", ""),
        ("quote", "words of it", "test_a"),
        ("section", "4.2", "TestB"),
        ("section", "4.3", "TestB"),
        ("quote", "param words", "TestB::test_c"),
    ]
