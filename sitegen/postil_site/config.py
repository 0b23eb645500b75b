"""Configuration of a repository: `rfclinks.toml`, or `[tool.rfclinks]` of `pyproject.toml`; without either, defaults that suit most.

Only a broken configuration stops a command: ConfigError names file, line and field. Unknown fields are errors, since a misspelt one would
otherwise be silently without effect.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from postil_site.model import FindingClass

T = TypeVar("T")
SEVERITIES = ("error", "warning", "note", "off")
TESTS = ("test*/**", "**/test*/**", "**/*_test.*", "**/test_*", "**/*.spec.*", "**/*.test.*")
DEFAULT_SEVERITIES: dict[FindingClass, str] = {
    **dict.fromkeys(FindingClass, "error"),
    FindingClass.OBSOLETED: "note",
    FindingClass.ERRATUM: "warning",
    FindingClass.QUOTE_TOO_WIDE: "warning",
    FindingClass.UNREADABLE: "warning",
    FindingClass.RESULT: "warning",
}


class ConfigError(ValueError):
    """The configuration cannot be used; the text says where and why."""


def told(default: T, words: str) -> T:
    """A field with its entry in the reference."""
    made: T = field(default=default, metadata={"help": words})
    return made


@dataclass(frozen=True, slots=True)
class Config:
    """What a command needs to know of a repository; paths are relative to `root`."""

    root: Path
    include: tuple[str, ...] = told((), "Globs of the files that are read; empty: all.")
    exclude: tuple[str, ...] = told((), "Globs of files that are left out.")
    tests: tuple[str, ...] = told(
        TESTS, "Globs of tests: a reference in one is a test's, unless it says otherwise."
    )
    leaders: tuple[tuple[str, str], ...] = told(
        (), 'Pairs that begin quote blocks, such as ["//=", "//#"], besides the built-in ones.'
    )
    roots: tuple[str, ...] = told(
        ("rfc",), "Folders of references by path, such as `../rfc/9051:4330`."
    )
    texts: str = told("rfc/txt", "Where `rfclinks fetch` puts the texts of RFCs.")
    index: str = told("rfc/index.txt", "The list of RFCs by topic, with their status.")
    decisions: str = told("rfc/requirements", "The folder of decisions, a file for each RFC.")
    results: tuple[str, ...] = told(
        ("build/rfc-results.jsonl",), "Results of `pytest --rfc-results FILE`."
    )
    junit: tuple[str, ...] = told((), "Globs of JUnit files with results.")
    coverage: tuple[str, ...] = told((), "Files of `coverage json --show-contexts`.")
    baseline: str = told("rfc/baseline.json", "Findings that are known and do not count.")
    severities: Mapping[FindingClass, str] = field(  # `severity` in the file
        default_factory=lambda: dict(DEFAULT_SEVERITIES),
        metadata={"help": f"Finding class to one of {', '.join(SEVERITIES)}."},
    )
    file: str | None = None  # where it was read

    def severity(self, kind: FindingClass) -> str:
        """error, warning, note or off."""
        return self.severities.get(kind, "error")


_LISTS = ("include", "exclude", "tests", "roots", "results", "junit", "coverage")
_WORDS = ("texts", "index", "decisions", "baseline")


def load(root: Path) -> Config:
    """The configuration of the repository at `root`."""
    own = root / "rfclinks.toml"
    project = root / "pyproject.toml"
    if own.is_file():
        return _checked(root, own, _read(own), "")
    if project.is_file():
        table = _read(project).get("tool", {}).get("rfclinks")
        if table is not None:
            return _checked(root, project, table, "tool.rfclinks.")
    return Config(root)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file.name}: {error}") from error


def _checked(root: Path, file: Path, table: object, prefix: str) -> Config:
    def wrong(name: str, reason: str) -> ConfigError:
        return ConfigError(f"{file.name}:{_line(file, name)}: {prefix}{name} {reason}")

    if not isinstance(table, dict):
        raise ConfigError(f"{file.name}: {prefix.rstrip('.')} is not a table")
    known = {one.name for one in fields(Config)} - {"root", "file", "severities"} | {"severity"}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise wrong(name, f"is no setting; there are {', '.join(sorted(known))}")
        if name in _LISTS:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise wrong(name, "must be a list of texts")
            values[name] = tuple(value)
        elif name in _WORDS:
            if not isinstance(value, str) or not value:
                raise wrong(name, "must be a text")
            values[name] = value
        elif name == "leaders":
            pairs = value if isinstance(value, list) else [None]
            if not all(
                isinstance(one, list)
                and len(one) == 2
                and all(isinstance(part, str) and part for part in one)
                for one in pairs
            ):
                raise wrong(name, 'must be a list of pairs such as ["//=", "//#"]')
            values[name] = tuple((one[0], one[1]) for one in value)
    severities = dict(DEFAULT_SEVERITIES)
    given = table.get("severity", {})
    if not isinstance(given, dict):
        raise wrong("severity", "must be a table of finding class to severity")
    names = {kind.value: kind for kind in FindingClass}
    for name, value in given.items():
        if name not in names:
            raise wrong(name, f"is no class of findings; there are {', '.join(sorted(names))}")
        if value not in SEVERITIES:
            raise wrong(name, f"must be one of {', '.join(SEVERITIES)}")
        severities[names[name]] = value
    return Config(root, **values, severities=severities, file=file.name)


def _line(file: Path, name: str) -> int:
    """The first line that sets a field; 1 when it is written in a way not foreseen."""
    for number, line in enumerate(file.read_text("utf-8-sig").splitlines(), 1):
        if line.split("=")[0].strip().strip("\"'") == name:
            return number
    return 1
