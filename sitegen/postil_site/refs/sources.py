"""Which files of a repository are read, and reading them without ever failing the whole (rule 11).

`git ls-files` in a checkout, a walk elsewhere; vendored and generated files (by folder name or .gitattributes), binary files and files over a
megabyte are left out. Bytes that are not UTF-8 are read as Latin-1: a comment is still a comment.
"""

from __future__ import annotations

import fnmatch
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Problems
from postil_site.refs import words

MAX_BYTES = 1_000_000  # larger files are data, or made by a program
PLAIN_BYTES = 500_000  # from here on a file is shown and read as plain text, without a lexer
PLAIN_LINE = 2_000  # so is one with a line longer than this
VENDORED = frozenset(
    {
        "node_modules",
        "vendor",
        "_vendor",
        "third_party",
        "third-party",
        "thirdparty",
        ".venv",
        "venv",
        "site-packages",
        "dist-packages",
    }
)
SKIPPED = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".mypy_cache", ".ruff_cache", ".tox", "build", "dist"}
)


# Files that are source text by their name: what is wrong with one of them is told.
CODE_SUFFIXES = (
    ".py", ".pyi", ".c", ".h", ".cc", ".cpp", ".hpp", ".go", ".rs", ".ts", ".js", ".java", ".kt",
    ".rb", ".pl", ".php", ".cs", ".swift", ".scala", ".lua", ".ex", ".erl", ".hs", ".ml", ".sh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read."""

    path: str  # relative, with /
    octets: bytes
    text: str
    plain: bool  # too big or too wide for a lexer

    @property
    def hinted(self) -> bool:
        """May it hold references at all?"""
        return words.hinted(self.octets)


def list_files(
    root: Path,
    include: Sequence[str],
    exclude: Sequence[str],
    problems: Problems | None = None,
) -> list[str]:
    """Paths relative to the root, sorted; `include` and `exclude` are globs over them (`**` spans folders)."""
    names = _from_git(root, problems or Problems())
    if names is None:
        names = list(_walk(root, problems or Problems()))
    else:
        generated = _generated(root, names)
        names = [name for name in names if name not in generated]
    return sorted(
        name
        for name in names
        if not VENDORED.intersection(name.split("/")[:-1])
        and (not include or any(matches(name, pattern) for pattern in include))
        and not any(matches(name, pattern) for pattern in exclude)
    )


def matches(name: str, pattern: str) -> bool:
    """Does a path match a glob? A pattern without / looks at the file name, one for a folder at all below."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(name.rsplit("/", 1)[-1], pattern)
    if pattern.endswith("/**"):
        stem = pattern[:-3]
        parts = name.split("/")
        return any(
            fnmatch.fnmatchcase("/".join(parts[:n]), stem) for n in range(1, len(parts))
        ) or (
            stem.startswith("**/")
            and any(fnmatch.fnmatchcase(part, stem[3:]) for part in parts[:-1])
        )
    if pattern.startswith("**/"):
        return matches(name, pattern[3:]) or fnmatch.fnmatchcase(name, pattern)
    return fnmatch.fnmatchcase(name, pattern)


def _from_git(root: Path, problems: Problems) -> list[str] | None:
    command = [
        "git",
        "-C",
        str(root),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    names = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    # A folder that a repository above ignores has no files for git: then it is walked.
    return [name for name in sorted(set(names)) if name and _is_file(root, name, problems)] or None


def _is_file(root: Path, name: str, problems: Problems) -> bool:
    """A regular file, by way of links too; a link that leads nowhere, or round in a circle, is told."""
    file = os.path.join(root, name)
    if os.path.isfile(file):
        return True
    if os.path.islink(file):
        target = os.path.realpath(file)
        if os.path.isdir(target):
            around = os.path.realpath(os.path.dirname(file)) + os.sep
            if around.startswith(target.rstrip(os.sep) + os.sep):
                problems.add(name, "is a link to a folder around it; not followed")
        elif not os.path.exists(file):
            problems.add(name, "is a link that leads nowhere")
    return False


def _generated(root: Path, names: Sequence[str]) -> set[str]:
    """What .gitattributes calls vendored or generated."""
    if not any(name.rsplit("/", 1)[-1] == ".gitattributes" for name in names):
        return set()
    command = [
        "git",
        "-C",
        str(root),
        "check-attr",
        "-z",
        "--stdin",
        "linguist-vendored",
        "linguist-generated",
    ]
    given = "\0".join(names).encode("utf-8", "surrogateescape")
    try:
        done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return set()
    fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    rows = zip(fields[0::3], fields[2::3], strict=False)
    return {name for name, value in rows if value in ("set", "true")}


def _walk(root: Path, problems: Problems) -> Iterable[str]:
    for folder, folders, files in os.walk(root, followlinks=False):
        folders[:] = sorted(set(folders) - SKIPPED)
        inner = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in sorted(files):
            if os.path.isfile(
                os.path.join(folder, name)
            ):  # not a socket, a pipe or a dangling link
                yield name if inner == "." else f"{inner}/{name}"


def read(root: Path, path: str, problems: Problems) -> Source | None:
    """The file, or None when it is binary, too big or unreadable (counted, where a source text was to be expected)."""
    found = octets(root, path, problems)
    return None if found is None else source(path, found)


def octets(root: Path, path: str, problems: Problems) -> bytes | None:
    """The octets of a text file, or None likewise."""
    file = os.path.join(root, path)
    try:
        size = os.stat(file).st_size
        if size > MAX_BYTES:
            if path.endswith(CODE_SUFFIXES):
                problems.add(path, f"is not read: {size:,} octets are too many for source text")
            return None
        with open(file, "rb") as stream:
            found = stream.read()
    except OSError as error:
        problems.add(path, f"cannot be read: {error.strerror}")
        return None
    if b"\0" in found[:8192]:
        if path.endswith(CODE_SUFFIXES):
            problems.add(path, "is binary, not source text")
        return None
    return found


def source(path: str, found: bytes) -> Source:
    """The octets as text; what is not UTF-8 is read as Latin-1: a comment is still a comment."""
    try:
        text = found.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = found.decode("iso-8859-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    plain = len(found) > PLAIN_BYTES or any(len(line) > PLAIN_LINE for line in text.split("\n"))
    return Source(path, found, text, plain)
