"""`changes.html` of a version: the sentences that it covers and the version before did not, and the other way round."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postil_site.pages import frames
from postil_site.status.verdicts import DONE

_DONE = frozenset(status.value for status in DONE)


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence whose status is another one; "" where a version does not have it."""

    rfc: int
    section: str
    identity: str
    level: str
    clause: str
    was: str
    now: str


@dataclass(slots=True)
class Changes:
    """All of them, in the order of RFCs."""

    gained: list[Change] = field(default_factory=list)
    lost: list[Change] = field(default_factory=list)
    other: list[Change] = field(default_factory=list)


def compare(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Changes:
    """Of the rows of two `matrix.json`."""
    out = Changes()
    before = {row["id"]: row for row in old}
    after = {row["id"]: row for row in new}
    for identity in sorted(before.keys() | after.keys(), key=lambda one: _place(after.get(one) or before[one])):  # fmt: skip
        was, now = before.get(identity), after.get(identity)
        one, two = (was or {}).get("status", ""), (now or {}).get("status", "")
        if one == two:
            continue
        row = now or was or {}
        change = Change(row["rfc"], row["section"], identity, row["level"], row["clause"], one, two)
        if (two in _DONE) != (one in _DONE):
            (out.gained if two in _DONE else out.lost).append(change)
        elif was is not None and now is not None:
            out.other.append(change)
    return out


def _place(row: dict[str, Any]) -> tuple[int, int, str]:
    return int(row["rfc"]), int(row.get("line", 0)), str(row["id"])


def page(folder: Path, site: str, name: str, other: str) -> str:
    """The page of version `name`, compared with `other`; both are folders of `folder`, `site` is the project's name."""
    old, new = _rows(folder / other), _rows(folder / name)
    found = compare(old, new)
    counts = [
        (level, _passing(old, level), _passing(new, level)) for level in ("MUST", "SHOULD", "MAY")
    ]
    there = {path.stem for path in (folder / name / "rfc").glob("rfc*.html")}
    return frames.render(
        "changes.html", site, title=f"Since {other} · {site}",
        name=name, other=other, counts=counts, there=there,
        groups=[("Gained", found.gained), ("Lost", found.lost), ("Otherwise changed", found.other)],
    )  # fmt: skip


def _passing(rows: list[dict[str, Any]], level: str) -> tuple[int, int]:
    """Sentences of a level that tests prove, and all of them."""
    kept = [row for row in rows if row["level"].split(" ")[0] == level]
    return sum(row["status"] == "passing" for row in kept), len(kept)


def _rows(folder: Path) -> list[dict[str, Any]]:
    table = json.loads((folder / "matrix.json").read_text("utf-8"))
    rows: list[dict[str, Any]] = table if isinstance(table, list) else table["requirements"]
    return rows
