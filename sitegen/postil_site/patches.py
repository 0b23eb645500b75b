"""Replacing the text of a reference in its file, over as many comment lines as it has, and nothing else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from postil_site.model import Finding, Reference

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Edit:
    """New words for a reference."""

    reference: Reference
    text: str


@dataclass(frozen=True, slots=True)
class Patched:
    """A file before and after."""

    path: str
    before: str
    after: str
    failed: tuple[Edit, ...]  # what is no longer as it was read


def edits(pairs: Iterable[tuple[Reference, Finding]]) -> list[Edit]:
    """The edits that findings know."""
    return [Edit(ref, finding.patch) for ref, finding in pairs if finding.patch is not None]


def apply(root: Path, wanted: Iterable[Edit]) -> list[Patched]:
    """The files with their edits, from the end to the beginning so that places stay; nothing is written."""
    by_path: dict[str, list[Edit]] = defaultdict(list)
    for one in wanted:
        by_path[one.reference.path].append(one)
    out = []
    for path, some in sorted(by_path.items()):
        with (root / path).open(encoding="utf-8", newline="") as file:
            before = file.read()
        rows = before.split("\n")
        failed = []
        for one in sorted(some, key=lambda e: (e.reference.line, e.reference.column), reverse=True):
            if not _replace(rows, one):
                failed.append(one)
        out.append(Patched(path, before, "\n".join(rows), tuple(failed)))
    return out


def places(rows: list[str], ref: Reference) -> list[tuple[int, int, int]]:
    """Where the words of a reference stand: (row from 0, start, end) of each line's run; [] when they are no longer there."""
    row, column = ref.line - 1, ref.column - 1
    found: list[tuple[int, int, int]] = []
    for word in ref.text.split():
        while row < len(rows) and row <= ref.end_line - 1:
            at = rows[row].find(word, column)
            if at >= 0:
                break
            row, column = row + 1, 0
        else:
            return []
        if found and found[-1][0] == row:
            found[-1] = (row, found[-1][1], at + len(word))
        else:
            found.append((row, at, at + len(word)))
        column = at + len(word)
    return found


def replacements(rows: list[str], edit: Edit) -> list[tuple[int, int, int, str]]:
    """The new words for each run of the old ones: (row, start, end, text); [] when those are no longer there."""
    runs = places(rows, edit.reference)
    new = edit.text.split()
    out = []
    for index, (row, start, end) in enumerate(runs):
        if index == len(runs) - 1:
            line, new = " ".join(new), []
        else:
            line = new.pop(0) if new else ""
            while new and len(line) + 1 + len(new[0]) <= end - start:
                line += " " + new.pop(0)
        out.append((row, start, end, line))
    return out


def _replace(rows: list[str], edit: Edit) -> bool:
    found = replacements(rows, edit)
    for row, start, end, line in found:
        rows[row] = rows[row][:start] + line + rows[row][end:]
    return bool(found)
