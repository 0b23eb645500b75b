"""The TODOs that name an RFC: each with its words, where it belongs in the text, and how old it is by git blame."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postil_site.model import Role, Status
from postil_site.project import Project

_KIND = re.compile(r"@?(todo|fixme|xxx)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Todo:
    """One TODO at one place of an RFC; one that names two places is there twice."""

    path: str
    line: int
    rfc: int
    section: str | None
    rfc_line: int | None
    text: str
    kind: str  # todo, fixme, xxx
    time: datetime | None = None  # when its line was last changed; None when not committed

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "path": self.path,
            "line": self.line,
            "rfc": self.rfc,
            "section": self.section,
            "rfc_line": self.rfc_line,
            "kind": self.kind,
            "text": self.text,
            "time": self.time.isoformat() if self.time else None,
        }


def find(project: Project) -> list[Todo]:
    """All of them, by path and line; weak references add none."""
    out: dict[tuple[str, int, int, str | None, str], Todo] = {}
    for one in project.resolved:
        ref = one.reference
        if ref.role is not Role.TODO or ref.weak:
            continue
        text = ref.todo or ref.text
        word = _KIND.search(text[:24])
        kind = word[1].lower() if word else "todo"
        section = one.section or ref.target.section
        todo = Todo(ref.path, ref.line, ref.rfc, section, one.line, text, kind)
        out.setdefault((ref.path, ref.line, ref.rfc, section, text), todo)
    return list(out.values())


def xfailed(project: Project) -> list[tuple[str, int]]:
    """Requirements that are to do because their test is expected to fail: (id, RFC)."""
    return [
        (one.requirement.id, rfc)
        for rfc in project.rfcs
        for one in project.verdicts(rfc)
        if one.status is Status.TODO
        and not any(r.reference.role is Role.TODO for r in one.references)
    ]


def aged(root: Path, todos: Iterable[Todo]) -> list[Todo]:
    """With the time of each line, the oldest first; outside git they keep their order."""
    by_path: dict[str, list[Todo]] = defaultdict(list)
    for one in todos:
        by_path[one.path].append(one)
    out: list[Todo] = []
    for path, some in by_path.items():
        times = _blame(root, path, {one.line for one in some})
        out += [replace(one, time=times.get(one.line)) for one in some]
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(out, key=lambda one: (one.time or latest, one.path, one.line))


def _blame(root: Path, path: str, lines: set[int]) -> dict[int, datetime]:
    ranges = [part for line in sorted(lines) for part in ("-L", f"{line},{line}")]
    command = ["git", "-C", str(root), "blame", "--line-porcelain", *ranges, "--", path]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return {}
    found: dict[int, datetime] = {}
    line, uncommitted = 0, False
    for raw in done.stdout.decode("utf-8", "replace").split("\n"):
        words = raw.split(" ")
        if len(words) >= 3 and len(words[0]) >= 40 and not raw.startswith("\t"):
            line, uncommitted = int(words[2]), not words[0].strip("0")
        elif raw.startswith("committer-time ") and not uncommitted:
            found[line] = datetime.fromtimestamp(int(words[1]), UTC)
    return found
