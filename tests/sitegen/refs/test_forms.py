"""The grammar of references: the forms people write, what only looks like one, and time that grows with the text only."""

from __future__ import annotations

import time
from pathlib import PurePosixPath

import pytest
from tests.sitegen.refs.forms import FORMS, FRIENDS

from postil_site.model import Reference
from postil_site.refs.grammar import Known
from postil_site.refs.scan import Scanner
from postil_site.refs.sources import Source

SECTIONS = {
    "3", "4", "6", "4.1", "4.2", "4.3", "4.5", "4.2.1", "6.3.12", "8.1.2.5", "3.2", "A", "A.2",
}  # fmt: skip
KNOWN = Known(
    newest=9999,
    has_section=lambda rfc, section: section in SECTIONS,
    series={("BCP", 14): (2119, 8174), ("STD", 66): (3986,), ("FYI", 18): (1983,)},
    rfc_of_erratum=lambda eid: 9999 if eid == 5321 else None,
)


def source(path: str, text: str) -> Source:
    """A file as `sources.read` gives it."""
    plain = any(len(line) > 2000 for line in text.split("\n"))
    return Source(path, text.encode(), text, plain)


def scan(path: str, text: str) -> list[Reference]:
    """References of a file of that name."""
    return Scanner(KNOWN).scan(source(path, text))


def shown(references: list[Reference]) -> str:
    """References as the table writes them."""
    return ", ".join(
        f"{'~' if ref.weak else ''}{ref.rfc} {ref.target.kind.value} {ref.target.value}".strip()
        for ref in references
    )


COMMENTS = {".py": "# ", ".go": "// ", ".sql": "-- ", ".lisp": "; "}


def test_the_table_is_large_enough() -> None:
    """At least 120 forms and 60 false friends are held to."""
    assert len(FORMS) >= 120
    assert len(FRIENDS) >= 60


@pytest.mark.parametrize("suffix", COMMENTS)
@pytest.mark.parametrize(("text", "expected"), [*FORMS, *FRIENDS])
def test_every_form_is_read_as_the_table_says(suffix: str, text: str, expected: str) -> None:
    """A comment of each family of languages gives exactly the references of its row."""
    leader = COMMENTS[suffix]
    comment = "\n".join(leader + line for line in text.split("\n"))
    assert shown(scan("src/a" + suffix, f"x\n\n{comment}\nx\n")) == expected


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_every_form_in_a_docstring_and_in_a_block_comment(text: str, expected: str) -> None:
    """Docstrings of Python, block comments of C and paragraphs of Markdown are read alike."""
    assert (
        shown(
            scan(
                "a.py", f'def f():\n    """Words.\n\n    {text}\n    """\n'.replace('y"\n', 'y" \n')
            )
        )
        == expected
    )
    body = "\n".join(" * " + line for line in text.split("\n"))
    assert shown(scan("a.c", f"/*\n{body}\n */\nint x;\n")) == expected
    if "\n\n" not in text:  # there another paragraph is another block
        assert shown(scan("a.md", f"# Title\n\n{text}\n")) == expected


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_code_is_no_comment(text: str, expected: str) -> None:
    """What stands in a string is not read: it is what the program says, not what its author claims."""
    literal = repr(text)
    assert scan("a.py", f"x = {literal}\n") == []


HOSTILE = {
    "blanks": "RFC 9051" + " " * 12_000 + "section",
    "list": "RFC 9051 section " + "4.1, " * 1_500,
    "sections": "section 4.1, " * 1_500 + "RFC",
    "dots": "RFC 9051 section " + "1." * 10_000,
    "quotes": 'RFC 9051 §4.2: "' * 1_200,
    "names": "RFC 9051 " * 1_500,
    "several": "RFCs " + "2045, " * 2_000,
    "brackets": "RFC 9051 (" * 1_500,
    "path": "../" * 10_000 + "rfc/9051:1",
    "folders": "a/" * 12_000 + "rfc/x",
    "url": "https://" + "a." * 12_000 + "ietf.org/",
    "todo": "TODO RFC 9051 " * 1_200,
    "of": "section 4.2 of " * 1_200,
    "lines": "RFC 9051\n" * 1_200,
    "todo lines": "TODO: RFC 9051 §4.2\n" * 800,
    "stars": "*" * 50_000 + " RFC 9051",
    "leaders": "# # # # " * 1_500 + "RFC 9051",
}


@pytest.mark.parametrize("suffix", [".py", ".c", ".md", ".unknown"])
@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_text(name: str, suffix: str) -> None:
    """Text made to trouble a backtracking expression is read in time: twice the text, not ten times the time."""

    def took(text: str) -> float:
        leader = {".py": "# ", ".c": "// "}.get(suffix, "# ")
        whole = "\n".join(leader + line[:1900] for line in text.split("\n"))
        wide = leader + text.replace("\n", " ")[:1900]
        best = 9.0
        for _ in range(2):
            start = time.process_time()
            scan("a" + suffix, f"x = 1\n{whole}\nRFC 9051\n")
            scan("a" + suffix, f"x = 1\n{wide}\n")
            scan("a.md", text)
            best = min(best, time.process_time() - start)
        return best

    text = HOSTILE[name]
    half, full = took(text[: len(text) // 2]), took(text)
    assert full < max(6 * half, 1.0)


def test_paths_are_as_git_writes_them() -> None:
    """A reference names its file relative to the root, with slashes."""
    (found,) = scan("src/deep/a.go", "// RFC 9051 section 4.2\nfunc x() {\n}\n")
    assert PurePosixPath(found.path).parts == ("src", "deep", "a.go")
    assert (found.line, found.column, found.end_line) == (1, 4, 1)
    assert (found.code_line, found.code_end_line) == (2, 3)
