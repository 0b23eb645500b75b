"""What people decided about requirements: `rfc/requirements/N.toml` (rules 6 and 9).

    [[decision]]             # not applicable, not planned or exception; `all = true` instead of a quote: the rest of the section
    section = "6.3.12"
    quote = "words of the sentence"
    status = "not applicable"
    reason = "this is the client's part"

    [[requirement]]          # of texts without BCP 14 keywords
    section = "3.1"
    quote = "words"
    level = "MUST"

    [[alias]]                # a sentence said twice: takes its target's status and is not counted
    section = "7"
    quote = "words"
    of = { section = "6.3.12", quote = "words" }

    [[split]]                # a clause that is two
    section = "6"
    quote = "words"
    into = ["words of the first", "words of the second"]

Entries hold section and quote, never an id alone; one that no longer resolves is a finding.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from postil_site.model import Finding, FindingClass, Level, Problems, Status

STATUSES = {
    "not applicable": Status.NOT_APPLICABLE,
    "not planned": Status.NOT_PLANNED,
    "exception": Status.EXCEPTION,
}
_FIELDS = {
    "decision": {"section", "quote", "all", "status", "reason"},
    "requirement": {"section", "quote", "level"},
    "alias": {"section", "quote", "of"},
    "split": {"section", "quote", "into"},
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A status with its reason; `quote` None: all of the section that nothing else pins."""

    rfc: int
    section: str
    quote: str | None
    status: Status
    reason: str
    path: str


@dataclass(frozen=True, slots=True)
class Added:
    """A requirement that a person named."""

    rfc: int
    section: str
    quote: str
    level: Level
    path: str


@dataclass(frozen=True, slots=True)
class Alias:
    """A restatement of another requirement of the same RFC."""

    rfc: int
    section: str
    quote: str
    of_section: str
    of_quote: str
    path: str


@dataclass(frozen=True, slots=True)
class Split:
    """A clause that counts as several."""

    rfc: int
    section: str
    quote: str
    into: tuple[str, ...]
    path: str


@dataclass(slots=True)
class Decisions:
    """All side files of a repository."""

    decisions: list[Decision] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def rfcs(self) -> set[int]:
        """The RFCs that a side file speaks of."""
        groups = (self.decisions, self.added, self.aliases, self.splits)
        return {one.rfc for group in groups for one in group}


class _Wrong(ValueError):
    pass


def load(root: Path, folder: str, problems: Problems) -> Decisions:
    """Read all side files; what is wrong in one is a finding that names it, and the rest holds."""
    out = Decisions()
    place = root / folder
    if not place.is_dir():
        return out
    for file in sorted(place.glob("*.toml")):
        path = f"{folder}/{file.name}"
        if not file.stem.isdigit():
            out.findings.append(_finding(path, 1, "the name of a side file is the RFC's number"))
            continue
        try:
            text = file.read_text(encoding="utf-8")
            table = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            problems.add(path, f"cannot be read: {error}")
            continue
        except tomllib.TOMLDecodeError as error:
            out.findings.append(_finding(path, 1, str(error)))
            continue
        _file(out, int(file.stem), path, text, table)
    return out


def _finding(path: str, line: int, what: str) -> Finding:
    return Finding(FindingClass.DECISION, path, line, path, what)


def _file(out: Decisions, rfc: int, path: str, text: str, table: Mapping[str, object]) -> None:
    for kind, rows in table.items():
        if kind not in _FIELDS or not isinstance(rows, list):
            out.findings.append(
                _finding(path, _line(text, kind, 0), f"{kind} is not one of {', '.join(_FIELDS)}")
            )
            continue
        for index, row in enumerate(rows):
            try:
                _row(out, kind, rfc, path, row)
            except _Wrong as error:
                line = _line(text, kind, index)
                out.findings.append(_finding(path, line, f"{kind} {index + 1}: {error}"))


def _line(text: str, kind: str, index: int) -> int:
    """The line of the n-th table of a kind."""
    seen = -1
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith(f"[[{kind}]]"):
            seen += 1
            if seen == index:
                return number
    return 1


def _row(out: Decisions, kind: str, rfc: int, path: str, row: object) -> None:
    if not isinstance(row, dict):
        raise _Wrong("is not a table")
    if unknown := set(row) - _FIELDS[kind]:
        raise _Wrong(f"unknown field {', '.join(sorted(unknown))}")
    section = _text(row, "section").lstrip("§ ")
    match kind:
        case "decision":
            whole = row.get("all") is True
            if whole == ("quote" in row):
                raise _Wrong("needs either a quote or all = true")
            word = _text(row, "status").lower().replace("-", " ")
            if word not in STATUSES:
                raise _Wrong(f"status {word!r} is not one of {', '.join(STATUSES)}")
            quote = None if whole else _text(row, "quote")
            reason = _text(row, "reason")
            out.decisions.append(Decision(rfc, section, quote, STATUSES[word], reason, path))
        case "requirement":
            word = _text(row, "level").upper()
            if word not in {level.value for level in Level}:
                raise _Wrong(f"level {word!r} is not a keyword")
            out.added.append(Added(rfc, section, _text(row, "quote"), Level(word), path))
        case "alias":
            target = row.get("of")
            if not isinstance(target, dict):
                raise _Wrong("of is { section = …, quote = … }")
            out.aliases.append(
                Alias(
                    rfc,
                    section,
                    _text(row, "quote"),
                    _text(target, "section"),
                    _text(target, "quote"),
                    path,
                )
            )
        case _:
            into = row.get("into")
            if not isinstance(into, list) or len(into) < 2:
                raise _Wrong("into is a list of at least two quotes")
            parts = tuple(" ".join(str(part).split()) for part in into)
            out.splits.append(Split(rfc, section, _text(row, "quote"), parts, path))


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"{name} is missing or empty")
    return " ".join(value.split())
