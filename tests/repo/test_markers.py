"""Every rfc marker names a sentence that exists: evidence for a sentence that nobody wrote is none."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from postil_site.model import Problems
from postil_site.project import Project
from postil_site.texts.library import Library
from postil_site.texts.quotes import Match, Quotes

Marker = tuple[str, str, str, str | None]
"""Place, RFC, section, quote."""


def markers(root: Path) -> Iterator[Marker]:
    """The markers of all tests, by reading them: a run would see only what it selects."""
    for path in sorted((root / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.rfc")):
                continue
            values = [value.value for value in node.args if isinstance(value, ast.Constant)]
            values += [k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)]
            rfc, section, quote = [*map(str, values), None, None, None][:3]
            assert rfc and section, f"{path}:{node.lineno}: not written out"
            yield f"{path.relative_to(root)}:{node.lineno}", rfc, section, quote


# Packages in which every module decides something that an RFC has said; beside them, what has another source.
PROTOCOLS = ("imap", "smtp", "sasl", "message", "inbound")
NO_RFC = {"message/markup.py": "HTML is not an RFC's"}


def test_every_protocol_module_refers_to_an_rfc(repo_root: Path) -> None:
    """Each module of the protocols names what it implements; hundreds of references, and as many tests that quote sentences."""
    project = Project.open(repo_root, Problems())
    strong = [ref for ref in project.references if not ref.weak]
    cited = {ref.path for ref in strong}
    folder = repo_root / "server" / "postil"
    lacking = {
        file.relative_to(folder).as_posix()
        for name in PROTOCOLS
        for file in (folder / name).rglob("*.py")
        if file.relative_to(repo_root).as_posix() not in cited
    }
    assert lacking == set(NO_RFC)
    in_code = [ref for ref in strong if ref.path.startswith("server/")]
    assert len(in_code) >= 300
    assert sum(1 for _ in markers(repo_root)) >= 200


@pytest.fixture(scope="module")
def library(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The RFC texts."""
    folder = Path(os.environ.get("RFC_MIRROR") or shared_dir / "rfc/txt").resolve()
    return Library([folder], Problems(), tmp_path_factory.mktemp("parsed"))


def fault(library: Library, known: dict[str, Quotes], marker: Marker) -> str | None:
    """What is wrong with a marker, or None."""
    _, rfc, section, quote = marker
    if rfc not in known:
        document = library.document(int(rfc))
        if document is None:
            return f"no text of RFC {rfc}"
        known[rfc] = Quotes(document)
    quotes = known[rfc]
    if quotes.section(section) is None:
        return f"RFC {rfc} has no section {section}"
    if quote is None:
        return None
    found = quotes.find(section, quote)
    if found.match is Match.MISSING:
        return f"RFC {rfc} §{section} does not say {quote!r}; nearest: {found.nearest!r}"
    if found.match is Match.SEVERAL:
        return f"RFC {rfc} §{section} says {quote!r} in several places"
    if len(found.requirements) > 1:
        return f"{quote!r} holds {len(found.requirements)} requirements, and a test proves one"
    return None


def test_markers_quote_the_rfc(library: Library, repo_root: Path) -> None:
    """Each marker's section exists, and its quote stands there once and holds at most one keyword."""
    known: dict[str, Quotes] = {}
    wrong = [
        f"{marker[0]}: {problem}"
        for marker in markers(repo_root)
        if (problem := fault(library, known, marker))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("rfc", "section", "quote", "complaint"),
    [
        ("9051", "6.3.99", None, "no section"),
        ("9051", "6.3.12", "words that nobody wrote", "does not say"),
        ("99999", "1", None, "no text"),
    ],
)
def test_faults_are_found(
    library: Library, rfc: str, section: str, quote: str | None, complaint: str
) -> None:
    """The check above refuses what does not exist."""
    problem = fault(library, {}, ("here", rfc, section, quote))
    assert problem is not None
    assert complaint in problem
