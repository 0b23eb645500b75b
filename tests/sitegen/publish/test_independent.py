"""An independent link checker and ours, over the same folder: they agree when all is well, and on what is broken."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.sitegen.publish.test_publish import published
from tests.sitegen.website.conftest import git, write

from postil_site.pages.check import check

FOLDER = Path(__file__).resolve().parents[2] / "node"
Broken = set[tuple[str, str]]  # (page, link)


def linkinator(folder: Path) -> tuple[int, Broken]:
    """Links looked at, and the broken ones; what view.html holds behind its # is a state for its script, not a place."""
    program = FOLDER / "node_modules/.bin/linkinator"
    if shutil.which("node") is None or not program.exists():
        missing("linkinator is not installed: npm ci --prefix tests/node")
    command = [str(program), ".", "--recurse", "--check-fragments", "--format", "json"]
    done = subprocess.run(
        [*command, "--skip", r"^https?://(?!localhost)"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    links = json.loads(done.stdout)["links"]
    broken = {
        (one["parent"].rstrip(".") or "index.html", one["url"])
        for one in links
        if one["state"] == "BROKEN" and "view.html#" not in one["url"]
    }
    return len(links), broken


@pytest.fixture
def web(root: Path, tmp_path: Path) -> Path:
    """A website of several pages with a release and dev beside it."""
    for name in ("media/x.txt", "website/content/other.md"):
        write(
            root, name, "# Other\n\n## Place\n\n[back](index.md) [light](more/light.md#on--off)\n"
        )
    git(root, "add", "-A")
    git(root, "commit", "-qm", "more")
    published(root, tmp_path / "www", "v1.0")
    published(root, tmp_path / "www", "dev")
    return tmp_path / "www"


def test_both_find_nothing(web: Path) -> None:
    """And both have looked at every page that one can come to."""
    count, broken = linkinator(web)
    report = check(web)
    assert broken == set() and report.broken == []
    assert count > 30


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('href="more/light.html#on--off"', 'href="more/light.html#nowhere"'),
        ('href="more/light.html#on--off"', 'href="more/gone.html"'),
        ('href="assets/website.css"', 'href="assets/gone.css"'),
    ],
)
def test_both_find_the_same(web: Path, old: str, new: str) -> None:
    """A place that is not there, a page, a style sheet; on the first page, since linkinator looks for places before it has read their page only."""
    page = web / "index.html"
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new))
    ours = {(name, link) for name, link, _ in check(web).broken}
    _, theirs = linkinator(web)
    link = new.split('"')[1]
    assert ours == {("index.html", link)} and {one for _, one in theirs} == {link}
