"""Names of versions, their order, and `versions.json` (with `versions.js` of the same content for pages that are opened as files)."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "versions.json"
SCRIPT = "versions.js"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)(?P<rest>.*)")


class BadName(ValueError):
    """A name that no version can have; the text says why."""


@dataclass(frozen=True, slots=True)
class Version:
    """One published version."""

    name: str
    commit: str = ""
    date: str = ""  # of the commit, ISO 8601
    changes: str = ""  # the version that changes.html compares it with

    @property
    def release(self) -> bool:
        """Does the name look like that of a release: v1.2, 1.2.3-rc1?"""
        return _RELEASE.fullmatch(self.name) is not None

    @property
    def final(self) -> bool:
        """A release that is no alpha, beta or candidate."""
        found = _RELEASE.fullmatch(self.name)
        return found is not None and not found["rest"]


def checked(name: str, folder: Path, known: list[Version]) -> str:
    """The name, if a version may have it; BadName names what is wrong."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise BadName(
            f"{name!r} cannot be the name of a version: letters, digits, and . _ + - behind the first"
        )
    if (folder / name).exists() and all(one.name != name for one in known):
        raise BadName(f"{folder / name} is there and no version: another name, or move it away")
    return name


def order(versions: list[Version]) -> list[Version]:
    """Branches such as dev first, then releases, the newest first."""
    branches = sorted((one for one in versions if not one.release), key=lambda one: (one.name != "dev", one.name))  # fmt: skip
    releases = sorted((one for one in versions if one.release), key=_rank, reverse=True)
    return [*branches, *releases]


def _rank(version: Version) -> tuple[tuple[int, ...], bool, tuple[tuple[int, int, str], ...]]:
    found = _RELEASE.fullmatch(version.name)
    assert found is not None  # only releases are ranked
    numbers = tuple(int(part) for part in found[1].split("."))
    while numbers and numbers[-1] == 0:  # 1.2 and 1.2.0 are one place
        numbers = numbers[:-1]
    pieces = re.findall(r"\d+|\D+", found["rest"])
    rest = tuple((1, int(one), "") if one.isdigit() else (0, 0, one) for one in pieces)
    return numbers, not rest, rest


def latest(versions: list[Version]) -> Version | None:
    """The newest release that is final, else the newest of all releases."""
    releases = [one for one in order(versions) if one.release]
    return next((one for one in releases if one.final), releases[0] if releases else None)


def before(version: Version, versions: list[Version]) -> Version | None:
    """What a version is compared with: a release with the one before it, a branch with the latest release."""
    others = [one for one in versions if one.name != version.name]
    if not version.release:
        return latest(others)
    older = [one for one in order(others) if one.release and _rank(one) < _rank(version)]
    return next((one for one in older if one.final or not version.final), None)


def compared(versions: list[Version]) -> list[Version]:
    """All in order, each with the version that it is compared with."""
    out = []
    for one in order(versions):
        other = before(one, versions)
        out.append(Version(one.name, one.commit, one.date, other.name if other else ""))
    return out


def read(folder: Path) -> list[Version]:
    """The versions of a folder; ValueError when the list cannot be read."""
    try:
        table = json.loads((folder / FILE).read_text("utf-8"))
        return [
            Version(str(row["name"]), str(row["commit"]), str(row["date"]), str(row["changes"]))
            for row in table["versions"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / FILE} cannot be read: {error}") from error


def write(folder: Path, versions: list[Version]) -> None:
    """Write the list, for programs and for pages."""
    newest = latest(versions)
    table = {
        "schema": "sitegen-versions-1",
        "latest": newest.name if newest else None,
        "versions": [{**asdict(one), "release": one.release} for one in order(versions)],
    }
    text = json.dumps(table, indent=1, ensure_ascii=False)
    for name, content in (
        (SCRIPT, f"window.postilVersions={json.dumps(table, ensure_ascii=False)};\n"),
        (FILE, text + "\n"),
    ):
        file = folder / name
        if file.is_file() and file.read_text("utf-8") == content:
            continue
        part = file.with_name(file.name + ".part")
        part.write_text(content, "utf-8")
        part.replace(file)
