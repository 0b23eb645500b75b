"""rfc/index.txt: every RFC about mail, by topic, with what of it is done."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

STATUSES = ("Yes", "Partial", "Roadmap", "No", "?")
RFC_STATUS = re.compile(
    r"Internet Standard|Draft Standard|Proposed Standard|Best Current Practice|Informational"
    r"|Experimental|Historic|Unknown|Erratum|Obsolete by [1-9]\d*(, [1-9]\d*)*"
)
NUMBER = re.compile(r"([1-9]\d*)(?:-eid([1-9]\d*))?")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the index."""

    line: int
    topic: str
    number: int
    erratum: int | None
    status: str
    rfc_status: str
    title: str


def parse(text: str) -> list[Row]:
    """Reads the index; an assertion names the line that is wrong."""
    rows: list[Row] = []
    topics: list[str] = []
    for at, line in enumerate(text.splitlines(), 1):
        if not line:
            continue
        if line.startswith("# "):
            topics.append(line[2:])
            continue
        fields = line.split("\t")
        assert len(fields) == 4, f"line {at}: {len(fields)} fields, not 4"
        number, status, rfc_status, title = fields
        match = NUMBER.fullmatch(number)
        assert match, f"line {at}: {number!r} is no RFC number"
        assert status.removeprefix("-") in STATUSES, f"line {at}: status {status!r}"
        assert RFC_STATUS.fullmatch(rfc_status), f"line {at}: RFC status {rfc_status!r}"
        assert title == title.strip() != "", f"line {at}: title {title!r}"
        assert topics, f"line {at}: a row before the first topic"
        erratum = int(match[2]) if match[2] else None
        rows.append(Row(at, topics[-1], int(match[1]), erratum, status, rfc_status, title))
    assert len(topics) == len(set(topics)), "a topic stands twice"
    return rows


@pytest.fixture(scope="module")
def rows(repo_root: Path) -> list[Row]:
    """The rows of the index in the repository."""
    return parse((repo_root / "rfc/index.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest(shared_dir: Path) -> dict[int, dict[str, str]]:
    """The texts that are at hand, by number."""
    with (shared_dir / "rfc/MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        found = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {int(row["number"]): row for row in found}


def test_sorted_and_unique(rows: list[Row]) -> None:
    """Within a topic numbers rise, an erratum follows its RFC, and nothing stands twice."""
    keys = Counter((row.number, row.erratum) for row in rows)
    assert not [key for key, count in keys.items() if count > 1]
    for before, row in itertools.pairwise(rows):
        if before.topic == row.topic:
            order = [(r.number, r.erratum or 0) for r in (before, row)]
            assert order[0] < order[1], f"line {row.line} is out of order"
        else:
            assert row.erratum is None, f"line {row.line}: an erratum away from its RFC"


def test_every_mail_rfc_is_there(rows: list[Row], manifest: dict[int, dict[str, str]]) -> None:
    """Each RFC that was collected because it concerns mail has a row, and no other has."""
    assert {row.number for row in rows} == set(manifest)


def test_titles_and_standing(rows: list[Row], manifest: dict[int, dict[str, str]]) -> None:
    """Title and RFC status are those of the RFC Editor's index."""
    for row in rows:
        if row.erratum is not None:
            continue
        source = manifest[row.number]
        assert row.title == source["title"], f"line {row.line}"
        successors = source["index_obsoleted_by"]
        standing = source["index_status"].title()
        expected = standing if successors == "-" else f"Obsolete by {successors}"
        assert row.rfc_status == expected, f"line {row.line}"


def test_errata_exist(rows: list[Row], shared_dir: Path) -> None:
    """An erratum with a row of its own is a verified one of that RFC."""
    for row in rows:
        if row.erratum is None:
            continue
        path = shared_dir / f"rfc/errata/rfc{row.number}.json"
        known = {int(e["errata_id"]): e for e in json.loads(path.read_text(encoding="utf-8"))}
        assert known[row.erratum]["errata_status_code"] == "Verified", f"line {row.line}"


def test_yes_needs_evidence(rows: list[Row], repo_root: Path) -> None:
    """No row says Yes without a test that quotes a sentence of that RFC (platform design, rule 9)."""
    marker = re.compile(r'mark\.rfc\(\s*"(\d+)",\s*"[^"]+",\s*(?:quote=)?["\'(]')
    quoted: set[int] = set()
    for path in (repo_root / "tests").rglob("test_*.py"):
        quoted |= {int(number) for number in marker.findall(path.read_text(encoding="utf-8"))}
    for row in rows:
        assert row.status.removeprefix("-") != "Yes" or row.number in quoted, f"line {row.line}"


@pytest.mark.parametrize(
    "line",
    [
        "9051\tPartial\tProposed Standard",
        "9051\tMaybe\tProposed Standard\tTitle",
        "09051\tNo\tProposed Standard\tTitle",
        "9051\tNo\tObsoleted\tTitle",
        "9051-eid\tNo\tErratum\tTitle",
    ],
)
def test_format_errors_are_found(line: str) -> None:
    """The reader above refuses what the format does not allow."""
    with pytest.raises(AssertionError):
        parse(f"# Topic\n{line}\n")
