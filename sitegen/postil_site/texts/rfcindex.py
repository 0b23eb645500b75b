"""The RFC Editor's index: titles, status, what obsoletes and updates what, and which RFCs a BCP, STD or FYI number means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_ENTRY = re.compile(r"^(\d{1,6}) (\S.*)$")
_FIELD = re.compile(
    r"\((Obsoletes|Obsoleted by|Updates|Updated by|Also|Status): ?([^)]*)\)|\((Obsoletes|Obsoleted by|Updates|Updated by|Also) ([^)]*)\)"
)
_NUMBER = re.compile(r"RFC\s?0*(\d+)")
_SERIES = re.compile(r"(BCP|STD|FYI)\s?0*(\d+)")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One RFC as the index knows it."""

    rfc: int
    title: str
    status: str
    obsoletes: tuple[int, ...] = ()
    obsoleted_by: tuple[int, ...] = ()
    updates: tuple[int, ...] = ()
    updated_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RfcIndex:
    """All entries, and the members of the sub-series: ("BCP", 14) to (2119, 8174)."""

    entries: dict[int, IndexEntry] = field(default_factory=dict)
    series: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """The highest number known; above it there is no RFC. 0 without an index."""
        return max(self.entries, default=0)


def parse(text: str) -> RfcIndex:
    """Read `rfc-index.txt`."""
    entries: dict[int, IndexEntry] = {}
    series: dict[tuple[str, int], list[int]] = {}
    for block in re.split(r"\n\s*\n", text):
        joined = " ".join(line.strip() for line in block.strip().splitlines())
        match = _ENTRY.match(joined)
        if match is None or "(" not in joined:
            continue
        number = int(match[1])
        facts: dict[str, str] = {}
        for found in _FIELD.finditer(joined):
            facts[found[1] or found[3]] = found[2] or found[4] or ""
        entries[number] = IndexEntry(
            rfc=number,
            title=_title(match[2]),
            status=facts.get("Status", ""),
            obsoletes=_numbers(facts.get("Obsoletes", "")),
            obsoleted_by=_numbers(facts.get("Obsoleted by", "")),
            updates=_numbers(facts.get("Updates", "")),
            updated_by=_numbers(facts.get("Updated by", "")),
        )
        for kind, value in _SERIES.findall(facts.get("Also", "")):
            series.setdefault((kind, int(value)), []).append(number)
    return RfcIndex(entries, {key: tuple(members) for key, members in series.items()})


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(text))


def _title(rest: str) -> str:
    """The title ends at the first full stop that an author follows: initials, or the word for none."""
    before = rest.partition(" (Format")[0]
    parts = before.split(". ")
    for index in range(1, len(parts)):
        if re.match(
            r"[A-Z]$|[A-Z]\.?$|[A-Z][\w-]*\.? |Internet |IAB|IESG|RFC Editor", parts[index]
        ) and (
            len(parts[index]) <= 2
            or index == len(parts) - 1
            or re.match(r"[A-Z][^ ]{3,}", parts[index])
        ):
            return ". ".join(parts[:index])
    return parts[0]
