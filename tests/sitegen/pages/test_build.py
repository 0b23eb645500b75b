"""`sitegen build` and `sitegen check`: layout, cache, bad input, and that nothing built is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from postil_site.commands.sitegen import main
from postil_site.pages import build
from postil_site.pages.check import check
from postil_site.pages.output import MARKER, NotOurs


def test_layout_and_nothing_broken(out: Path) -> None:
    """Every page of rule 13 is there, and every link, anchor and asset leads to something inside."""
    for name in (
        "index.html", "tree.html", "view.html", "matrix.html", "matrix.csv", "matrix.json", "todo.html", "version.js",
        "code/lamp.py.html", "code/go/lamp #1.go.html", "rfc/rfc99999.html", "badges/rfc99999.svg", "data/matrix.js",
        "data/rfc99999.js", "data/code/lamp.py.js", "assets/site.css",
    ):  # fmt: skip
        assert (out / name).is_file(), name
    report = check(out)
    assert report.broken == [] and report.links > 100


def test_pages_ask_no_other_host(out: Path) -> None:
    """Nothing is loaded from elsewhere: scripts, styles and pictures are the page's own, and none stands inline."""
    for page in out.rglob("*.html"):
        text = page.read_text()
        assert "<script>" not in text and "<style" not in text and " style=" not in text, page
        for tag in ('src="http', "src=http", 'rel="stylesheet" href="http'):
            assert tag not in text, page


def test_code_page(out: Path) -> None:
    """Lines have ids; a reference is a link to the line of the RFC; what looks like HTML is text."""
    page = (out / "code/lamp.py.html").read_text()
    assert (
        "<li id=L4>  <u>several lines.</u>" in page
        and "<dfn>light</dfn>" in page
        and "<var>0x1F</var>" in page
    )
    assert '<u>"on &amp; &lt;off>"</u>' in page
    line = next(line for line in page.split("\n") if line.startswith("<li id=L9"))
    assert 'class="x" href="../rfc/rfc99999.html#L' in line and "MUST answer" in line
    todo = next(line for line in page.split("\n") if line.startswith("<li id=L12"))
    assert 'class="td"' in todo and 'class="x todo"' in todo


def test_links_without_a_text_lead_to_the_editor(out: Path) -> None:
    """RFC 99998 has no text here."""
    page = (out / "code/go/lamp #1.go.html").read_text()
    assert "https://www.rfc-editor.org/rfc/rfc99998.html" in page
    assert "../../rfc/rfc99999.html#L" in page


def test_rfc_page(out: Path) -> None:
    """Anchors in three spellings, clauses with their status, the margin with code, test and TODO, errata in place."""
    page = (out / "rfc/rfc99999.html").read_text()
    for anchor in ('id="section-2.1"', 'id="name-light"', 'id="page-2"', 'id="appendix-A"'):
        assert anchor in page, anchor
    assert 'class="q implemented"' in page and 'class="q tested"' in page
    assert "<a href=../code/lamp.py.html#L9>lamp.py:9</a>" in page
    assert "<a class=t href=../code/tests/test_lamp.py.html#L4>" in page
    assert "<a class=d href=../code/lamp.py.html#L12>" in page and "dimming is missing" in page
    assert "Erratum 7: Verified" in page and "&lt;b&gt;slow" in page
    assert "Obsoletes" in page and "rfc99990.html" in page


def test_problems_are_counted_and_the_build_goes_on(root: Path, tmp_path: Path) -> None:
    """A binary .py and a broken row of the index are named; only --strict makes them an error."""
    arguments = ["build", "--root", str(root), "--out", str(tmp_path / "out")]
    plain = CliRunner().invoke(main, arguments)
    assert plain.exit_code == 0, plain.output
    assert "binary.py: is binary" in plain.output and "rfc/index.txt:4" in plain.output
    strict = CliRunner().invoke(main, [*arguments, "--strict"])
    assert strict.exit_code == 1 and "nothing changed" in strict.output
    assert "binary.py: is binary" in strict.output


def test_nothing_changed_writes_nothing(root: Path, out: Path) -> None:
    """A second build with the same inputs leaves every file alone."""
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file()}
    report = build.build(root, out)
    assert report.unchanged
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*") if file.is_file()} == before


def test_a_change_writes_what_shows_it(root: Path, out: Path) -> None:
    """A changed file, its RFC and the indexes are written; a page that shows nothing of it is kept; a removed file's page goes."""
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*.html")}
    (root / "lamp.py").write_text("# RFC 99999 §2: all of it\nlamp = 1\n")
    (root / "empty.py").unlink()
    report = build.build(root, out)
    # The page of empty.py, and what the search shows of TODOs: there is none any more.
    assert not report.unchanged and report.removed == 2
    assert not (out / "code/empty.py.html").exists()
    assert "lamp.py:1" in (out / "rfc/rfc99999.html").read_text()
    kept = out / "code/latin.py.html"
    assert kept.stat().st_mtime_ns == before[kept]
    assert check(out).broken == []


def test_a_lost_page_is_made_again(root: Path, out: Path) -> None:
    """The cache never believes that a file is there."""
    (out / "code/lamp.py.html").unlink()
    build.build(root, out)
    assert (out / "code/lamp.py.html").is_file()


def test_pages_are_the_same_in_two_builds(root: Path, out: Path, tmp_path: Path) -> None:
    """A page holds no time and no chance: two builds are equal octet for octet."""
    other = tmp_path / "other"
    build.build(root, other)
    for file in out.rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (other / file.relative_to(out)).read_bytes(), file


def test_a_foreign_folder_is_refused(root: Path, tmp_path: Path) -> None:
    """A folder with files that no build made is never written to."""
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(NotOurs, match="not empty"):
        build.build(root, folder)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]
    done = CliRunner().invoke(main, ["build", "--root", str(root), "--out", str(folder)])
    assert done.exit_code == 1 and "not empty" in done.output


def test_an_output_inside_the_repository_does_not_show_itself(root: Path) -> None:
    """OUT may lie in the repository: its pages are no source."""
    build.build(root, root / "site")
    build.build(root, root / "site", again=True)
    assert not (root / "site/code/site").exists()


def test_check_finds_what_is_broken(out: Path) -> None:
    """A page that is gone, an anchor that is gone, a double id, a state of view.html without its page."""
    page = out / "code/latin.py.html"
    page.write_text(
        page.read_text()
        + '<a href="../gone.html">1</a><a href="../rfc/rfc99999.html#L99999">2</a><p id=L1>3</p>'
        + '<a href="../view.html#nothing.py:1">4</a><a href="../../../etc/passwd">5</a>'
    )
    (out / "rfc/rfc99998.html").write_text("<p id=x>")
    reasons = [reason for _, _, reason in check(out).broken]
    assert sorted(reasons) == sorted(
        [
            "there is no such file",
            "there is no such place on the page",
            "two elements have this id",
            "there is no code/nothing.py.html",
            "leads out of the folder",
        ]
    )
    assert CliRunner().invoke(main, ["check", str(out)]).exit_code == 1


def test_matrix_files(out: Path) -> None:
    """The matrix is there for spreadsheets and programs, and for its own page."""
    rows = json.loads((out / "matrix.json").read_text())
    assert (out / "matrix.csv").read_text().count("\n") >= 4
    assert len(rows if isinstance(rows, list) else next(iter(rows.values()))) >= 3
    assert "window.postilMatrix=[" in (out / "data/matrix.js").read_text()
    assert json.loads((out / MARKER).read_text())["files"]["matrix.csv"]


def test_without_any_rfc(tmp_path: Path) -> None:
    """A repository that names no RFC and has no git gets pages all the same."""
    root = tmp_path / "plain"
    root.mkdir()
    (root / "main.c").write_text("int main(void) { return 0; }\n")
    build.build(root, tmp_path / "out")
    assert check(tmp_path / "out").broken == []
