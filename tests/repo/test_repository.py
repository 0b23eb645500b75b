"""Promises about the repository as a whole: what is in its files, and what is not."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Written in pieces, or this file would find itself.
MACHINE_PATHS = re.compile(r"/(?:work|home/\w+|Users/\w+|root)/" + r"[\w.]")
REGISTRY_HOSTS = re.compile(
    r"\b(?:pypi\.org|test\.pypi|files\.python"
    + r"hosted|registry\.npm"
    + r"js|index-"
    + r"url\s*=)"
)


@pytest.fixture(scope="module")
def tracked(repo_root: Path) -> dict[str, str]:
    """The text files that git has or would add, by name."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repo_root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    texts = {}
    for name in filter(None, listing.split("\0")):
        path = repo_root / name
        if path.is_file():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode("utf-8", "replace")
    return texts


@pytest.fixture(scope="module")
def settings(repo_root: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((repo_root / "pyproject.toml").read_text(encoding="utf-8"))


def lines_with(texts: dict[str, str], pattern: re.Pattern[str]) -> Iterator[str]:
    """Each matching line as `file:line: text`."""
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield f"{name}:{number}: {line.strip()[:100]}"


def test_no_machine_paths(tracked: dict[str, str]) -> None:
    """No tracked file knows where it lies on somebody's machine."""
    assert not list(lines_with(tracked, MACHINE_PATHS))


def test_no_registry_hosts(tracked: dict[str, str]) -> None:
    """No tracked file says where packages are downloaded from: that is the user's setting."""
    assert not list(lines_with(tracked, REGISTRY_HOSTS))


def test_lock_files(tracked: dict[str, str]) -> None:
    """Lock files hold exact versions, each with a hash, and no address."""
    locks = {
        name: text for name, text in tracked.items() if re.match(r"requirements/.*\.txt", name)
    }
    assert set(locks) == {
        f"requirements/{name}.txt" for name in ("runtime", "build", "dev", "fuzz")
    }
    for name, text in locks.items():
        assert "://" not in text, name
        entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text))
        for entry in entries:
            assert re.match(r"[A-Za-z0-9._-]+==[^\s;\\]+", entry), f"{name}: {entry[:60]}"
            assert "--hash=sha256:" in entry, f"{name}: {entry[:60]}"


def names(requirements: list[str]) -> set[str]:
    """The package names of requirement lines."""
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements)
    return {match[0].lower() for match in found if match}


def declared(settings: dict[str, Any]) -> set[str]:
    """Every package that pyproject.toml names."""
    project = settings["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return set().union(*map(names, [*lists, *settings["dependency-groups"].values()]))


def test_dependencies_are_locked(settings: dict[str, Any], tracked: dict[str, str]) -> None:
    """What pyproject.toml names is in a lock file: `make lock` was run."""
    locked = names([line for name, text in tracked.items() if name.startswith("requirements/")
                    for line in text.splitlines() if re.match(r"\w", line)])  # fmt: skip
    assert declared(settings) <= locked


def test_dependencies_have_reasons(settings: dict[str, Any], repo_root: Path) -> None:
    """The design page has a row with a reason for every dependency, and none too many."""
    text = (repo_root / "website/content/design.md").read_text(encoding="utf-8")
    table = text[text.index("## Dependencies") :]
    rows = re.findall(r"(?m)^\| ([^|]+) \| ([^|]+) \|$", table)
    described = {name.strip().lower() for row, _ in rows for name in row.split(",")}
    described -= {"package"}
    assert described == declared(settings)


def test_runtime_dependencies_are_used(settings: dict[str, Any], tracked: dict[str, str]) -> None:
    """What the packages depend on is imported by them."""
    project = settings["project"]
    wanted = names(project["dependencies"] + project["optional-dependencies"]["server"])
    code = "\n".join(
        text for name, text in tracked.items() if name.startswith(("server/", "sitegen/"))
    )
    other = {"markdown-it-py": "markdown_it", "dnspython": "dns"}
    for name in wanted:
        module = other.get(name, name.replace("-", "_"))
        assert re.search(rf"(?:from|import) {module}\b", code), name


def test_makefile_lists_its_targets(repo_root: Path) -> None:
    """`make` alone prints each target with what it does, and nothing else."""
    text = (repo_root / "Makefile").read_text(encoding="utf-8")
    phony = set(re.findall(r"(?m)^\.PHONY: (.*)$", text)[0].split()) - {"env-run", "env-dev"}
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=repo_root, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert {line.split()[1] for line in listed} == phony
    assert all(re.fullmatch(r"make \w+ +\S.{10,}", line) for line in listed)
    for command in ("make run", "make test"):
        opening = (repo_root / "README.md").read_text(encoding="utf-8").splitlines()[:20]
        assert any(line.strip().startswith(command) for line in opening)


def test_changelog(repo_root: Path) -> None:
    """The changelog has versions newest first; waiting entries have a name and a kind."""
    text = (repo_root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^## (.*)$", text)
    assert headings[0] == "Unreleased"
    versions = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \(\d{4}-\d\d-\d\d\)", h) for h in headings[1:]]
    assert all(versions)
    numbers = [tuple(map(int, version.groups())) for version in versions if version]
    assert numbers == sorted(numbers, reverse=True)
    for path in (repo_root / "changelog.d").iterdir():
        if path.name != "README.md":
            kinds = "added|changed|fixed|removed|security"
            assert re.fullmatch(rf"[a-z0-9-]+\.({kinds})\.md", path.name), path.name
            assert path.read_text(encoding="utf-8").strip().endswith(".")


def test_ci_installs_what_tests_ask_for(repo_root: Path, tracked: dict[str, str]) -> None:
    """Each package that a test names to `require_tool` is installed by CI."""
    rows = (repo_root / ".ci/packages.txt").read_text(encoding="utf-8").splitlines()
    installed = {row for row in rows if row and not row.startswith("#")}
    asked = {
        package
        for name, text in tracked.items()
        if name.startswith("tests/")
        for package in re.findall(r'require_tool\(\s*"[^"]+",\s*"([^"]+)"', text)
    }
    assert asked <= installed


def test_size_check_finds_what_is_too_large(tmp_path: Path, repo_root: Path) -> None:
    """Long modules and functions are errors; an exemption holds them and may only shrink."""
    spec = importlib.util.spec_from_file_location("check_sizes", repo_root / "tools/check_sizes.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "tools").mkdir()
    long_function = "class C:\n    def f(self):\n" + "        pass\n" * 60
    (tmp_path / "a.py").write_text("x = 1\n" * 701)
    (tmp_path / "b.py").write_text(long_function)
    (tmp_path / "c.py").write_text(
        'def f():\n    """One.\n\n    Two.\n    """\n' + "    pass\n" * 59
    )
    (tmp_path / "d.py").write_text("x = 1\n" * 401)
    errors, warnings, _ = tool.check(tmp_path)
    assert [error.partition(":")[0] for error in errors] == ["a.py", "b.py"]
    assert "b.py:C.f: 61 lines" in errors[1]
    assert [warning.partition(":")[0] for warning in warnings] == ["d.py"]
    exempt = tmp_path / "tools/size_exemptions.txt"
    exempt.write_text("a.py\t701\nb.py:C.f\t61  # why\n")
    assert tool.check(tmp_path)[0] == []
    exempt.write_text("a.py\t702\nb.py:C.f\t60\nc.py\t701\n")
    grown = tool.check(tmp_path)[0]
    assert [error.split(": ")[1].split()[0] for error in grown] == ["shrank", "grew", "no"]
