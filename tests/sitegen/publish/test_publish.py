"""`sitegen publish`: versions beside each other, whole or not at all, shared, linked line by line, and the same octets every time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tests.sitegen.pages.example import LAMP, repository
from tests.sitegen.website.conftest import git, write

from postil_site.commands.sitegen import main
from postil_site.pages.check import check
from postil_site.publish import moved, staging, versions
from postil_site.publish.versions import Version


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example under git, with a website."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RFC_MIRROR", raising=False)
    root = repository(tmp_path)
    write(root, "website/content/index.md", "# Lamps\n\n[Code](../../lamp.py)\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def run(root: Path, to: Path, *words: str) -> Result:
    """The command, as a user calls it."""
    return CliRunner().invoke(main, ["publish", "--root", str(root), "--to", str(to), *words])


def published(root: Path, to: Path, name: str, *words: str) -> None:
    """It must work."""
    result = run(root, to, "--name", name, *words)
    assert result.exit_code == 0, result.output


def tree(folder: Path) -> dict[str, str]:
    """Every file with a hash of its content."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != staging.LOCK
    }


def commit(root: Path, text: str, day: int) -> None:
    """Another lamp.py."""
    (root / "lamp.py").write_text(text)
    git(root, "commit", "-qam", "more", date=f"2026-02-{day:02}T00:00:00+00:00")


@pytest.fixture
def to(root: Path, tmp_path: Path) -> Path:
    """dev with two lines more above and one less below, and two releases."""
    to = tmp_path / "www"
    published(root, to, "v0.9")
    published(root, to, "v1.0")
    commit(root, "# new\n# lines\n" + LAMP.replace('    return f"{lamp}"\n', ""), 1)
    published(root, to, "dev")
    return to


def test_the_list(root: Path, to: Path) -> None:
    """versions.json names them in order with commit and date of the commit; everything leads somewhere."""
    table = json.loads((to / "versions.json").read_text())
    assert [one["name"] for one in table["versions"]] == ["dev", "v1.0", "v0.9"]
    assert table["latest"] == "v1.0" and table["schema"] == "sitegen-versions-1"
    dev = table["versions"][0]
    assert dev["commit"] == git(root, "rev-parse", "HEAD") and dev["date"].startswith("2026-02-01")
    assert [one["changes"] for one in table["versions"]] == ["v1.0", "v0.9", ""]
    assert '"name": "dev"' in (to / "dev/version.js").read_text()
    report = check(to)
    assert report.broken == [] and report.links > 300
    assert (to / "index.html").is_file() and 'href="dev/index.html"' in (to / "index.html").read_text()  # fmt: skip


def test_twice_is_the_same(root: Path, to: Path) -> None:
    """No octet changes, from a cold cache too."""
    before = tree(to)
    published(root, to, "dev")
    assert tree(to) == before
    again = to.with_name("again")
    git(root, "stash", "-q", "--include-untracked") if git(root, "status", "--porcelain") else None
    published(root, again, "dev")
    for name, digest in tree(again).items():
        if name.startswith("dev/") and not name.startswith(("dev/data/moved", "dev/changes")):
            assert before[name] == digest, name


def test_equal_files_are_one(to: Path) -> None:
    """Pages that no version name, commit or date is in are the same file in all versions."""
    for name in ("rfc/rfc99999.html", "code/go/lamp #1.go.html", "assets/site.css"):
        one, two = (to / "v0.9" / name).stat(), (to / "v1.0" / name).stat()
        assert one.st_ino == two.st_ino, name
    assert (to / "dev/assets/site.css").stat().st_nlink == 3
    # The RFC's page cites lines that moved, so dev has its own.
    assert (to / "dev/code/lamp.py.html").stat().st_nlink == 1
    own = {
        name
        for name in tree(to / "v1.0")
        if not (to / "v0.9" / name).exists()
        or not (to / "v1.0" / name).samefile(to / "v0.9" / name)
    }
    assert own == {"changes.html", "version.js", "data/moved/dev.js", "data/moved/v0.9.js"}  # fmt: skip


def table(to: Path, here: str, there: str) -> dict[str, object]:
    """What a version knows of another."""
    text = (to / here / "data/moved" / f"{there}.js").read_text()
    assert text.startswith(f'postilMoved("{there}",')
    found: dict[str, object] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found


def test_moved_lines(to: Path) -> None:
    """Between dev and the latest release lines are mapped both ways; other pairs know what is gone."""
    lines = LAMP.count("\n")
    assert table(to, "v1.0", "dev")["changed"] == {"code/lamp.py": [[1, 3, lines - 1]]}
    assert table(to, "dev", "v1.0")["changed"] == {"code/lamp.py": [[3, 1, lines - 1]]}
    assert table(to, "v0.9", "dev")["changed"] == {} and table(to, "v0.9", "dev")["gone"] == []


def test_a_file_that_is_gone(root: Path, to: Path) -> None:
    """The other versions are told."""
    git(root, "rm", "-q", "go/lamp #1.go")
    git(root, "commit", "-qm", "gone")
    published(root, to, "dev")
    assert table(to, "v1.0", "dev")["gone"] == ["code/go/lamp #1.go"]
    assert check(to).broken == []


def test_changes(root: Path, to: Path) -> None:
    """The page of sentences gained and lost, compared with the release before."""
    commit(root, "x = 1\n", 2)
    published(root, to, "dev")
    page = (to / "dev/changes.html").read_text()
    assert "dev since v1.0" in page and "Lost: " in page and "Gained: 0" in page
    assert "A server MUST answer within a second" in page and ">implemented<" in page
    assert not (to / "v0.9/changes.html").exists() and (to / "v1.0/changes.html").exists()
    published(root, to, "v1.1")
    assert "v1.1 since v1.0" in (to / "v1.1/changes.html").read_text()
    assert "dev since v1.1" in (to / "dev/changes.html").read_text()


def test_removing(root: Path, to: Path) -> None:
    """It goes from everywhere; a name that is not there is an error, and the website stays."""
    result = run(root, to, "--remove", "v1.0")
    assert result.exit_code == 0, result.output
    assert sorted(one.name for one in versions.read(to)) == ["dev", "v0.9"]
    assert not (to / "v1.0").exists() and not list(to.rglob("moved/v1.0.js"))
    assert "dev since v0.9" in (to / "dev/changes.html").read_text()
    assert table(to, "dev", "v0.9")["changed"]
    assert (to / "index.html").exists() and check(to).broken == []
    missing = run(root, to, "--remove", "v7")
    assert missing.exit_code == 1 and "there are: dev, v0.9" in missing.output
    assert run(root, to).exit_code == 2 and run(root, to, "--name", "a", "--remove", "b").exit_code == 2  # fmt: skip


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "a/b", "", "a" * 80, "assets", "index.html", "ü"]
)
def test_names_that_are_refused(root: Path, to: Path, name: str) -> None:
    """Nothing outside, nothing of the website is overwritten."""
    before = tree(to)
    result = run(root, to, "--name", name)
    assert result.exit_code == 1 and "Error: " in result.output
    assert tree(to) == before


def test_a_release_is_a_commit(root: Path, to: Path) -> None:
    """A release of uncommitted changes is refused unless asked for; dev is not."""
    (root / "lamp.py").write_text("x = 2\n")
    refused = run(root, to, "--name", "v2.0")
    assert refused.exit_code == 1 and "not committed" in refused.output and not (to / "v2.0").exists()  # fmt: skip
    published(root, to, "v2.0", "--dirty")
    published(root, to, "dev")


def test_one_at_a_time(root: Path, to: Path) -> None:
    """The second publication says so and changes nothing."""
    before = tree(to)
    with (to / staging.LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(root, to, "--name", "dev")
    assert result.exit_code == 1 and "another sitegen publish is at work" in result.output
    assert tree(to) == before


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_interrupted(root: Path, to: Path, when: str) -> None:
    """Ended at any moment of the exchange, the version is whole again with the next publication, and no leavings remain."""
    code = f"""
import os, pathlib, sys
from postil_site.publish import publish, staging
plain, when = pathlib.Path.rename, {when!r}
def rename(self, target):
    if when == "before": os._exit(9)
    done = plain(self, target)
    if when == "between" and pathlib.Path(target).name.endswith(".old"): os._exit(9)
    if when == "after" and self.name.endswith(".new"): os._exit(9)
    return done
pathlib.Path.rename = rename
publish.publish(pathlib.Path({str(root)!r}), pathlib.Path({str(to)!r}), "dev")
"""
    before = tree(to)
    commit(root, "x = 3\n", 3)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 9, done.stderr
    git(root, "reset", "-q", "--hard", "HEAD~1")
    published(root, to, "dev")
    assert tree(to) == before
    assert [file.name for file in to.iterdir() if file.name.endswith((".new", ".old"))] == []


def test_a_broken_list_is_not_overwritten(root: Path, to: Path) -> None:
    """Versions that cannot be told are not forgotten."""
    (to / "versions.json").write_text("{")
    result = run(root, to, "--name", "dev")
    assert result.exit_code == 1 and "versions.json cannot be read" in result.output
    assert (to / "versions.json").read_text() == "{"


def test_a_file_system_without_links(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Then files are copied, and everything else is as it was."""

    def refuse(source: object, target: object) -> None:
        raise OSError(1, "not permitted")

    monkeypatch.setattr(os, "link", refuse)
    published(root, tmp_path / "www", "dev")
    published(root, tmp_path / "www", "v1.0")
    assert check(tmp_path / "www").broken == []
    assert (tmp_path / "www/v1.0/assets/site.css").stat().st_nlink == 1


def test_order() -> None:
    """By number, not by letter; candidates before their release, and never the latest when there is another."""
    names = ["v1.2", "v1.10", "v1.9.1", "dev", "v2.0-rc1", "v2.0-rc10", "v2.0-rc2", "feature", "v1.10.0"]  # fmt: skip
    found = [one.name for one in versions.order([Version(name) for name in names])]
    assert found[:2] == ["dev", "feature"]
    assert found[2:5] == ["v2.0-rc10", "v2.0-rc2", "v2.0-rc1"]
    assert found[-2:] == ["v1.9.1", "v1.2"]
    latest = versions.latest([Version(name) for name in names])
    assert latest is not None and latest.name in ("v1.10", "v1.10.0")
    only = versions.latest([Version("v2.0-rc1"), Version("dev")])
    assert only is not None and only.name == "v2.0-rc1"
    assert versions.latest([Version("dev")]) is None
    rows = {one.name: one.changes for one in versions.compared([Version(name) for name in ("dev", "v1.0", "v2.0-rc1", "v2.0")])}  # fmt: skip
    assert rows == {"dev": "v2.0", "v2.0": "v1.0", "v2.0-rc1": "v1.0", "v1.0": ""}


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_blocks_match_equal_lines(old: list[str], new: list[str]) -> None:
    """Every mapped line is the same text in both, in order, and none is mapped twice."""
    blocks = moved.matched(old, new)
    if blocks is None:
        assert len(old) == len(new)
        return
    at_old = at_new = 0
    for one, two, count in blocks:
        assert one > at_old and two > at_new and count > 0
        assert old[one - 1 : one - 1 + count] == new[two - 1 : two - 1 + count]
        at_old, at_new = one + count - 1, two + count - 1


def test_a_website_elsewhere_and_no_cache(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """The folder of content is the settings' choice; a cache that cannot be written stops nothing."""
    (root / "website/content").rename(root / "texts")
    write(root, "website/site.toml", 'content = "texts"\n')
    (root / "texts/index.md").write_text("# Elsewhere\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path, "file", "no folder")))
    published(root, tmp_path / "www", "v1.0", "--dirty")
    (root / "lamp.py").write_text("# a line more\n" + LAMP)
    published(root, tmp_path / "www", "dev")
    assert "<h1>Elsewhere</h1>" in (tmp_path / "www/index.html").read_text()
    assert '"website": true' in (tmp_path / "www/dev/version.js").read_text()
    assert table(tmp_path / "www", "dev", "v1.0")["changed"]
