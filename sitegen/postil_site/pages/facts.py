"""What the pages need to know about a project, and nothing else: links, clauses with their status, files.

Between the project (references resolved, statuses reckoned) and the pages stands this plain data, so that pages can be tested without a repository
and a page's cache key is a hash of exactly what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from postil_site.model import Document, Requirement, Role, Status

# RFCs that have a page, each with the anchors of its sections: a link to what is not there would be broken.
Pages = Mapping[int, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Link:
    """A reference that leads somewhere: a place in a file and a place in an RFC."""

    path: str
    line: int
    column: int  # 1-based
    end_line: int
    text: str
    rfc: int
    rfc_line: (
        int | None
    )  # where it leads, None for the whole document or a place that does not exist
    anchor: str  # on the RFC's page: `L2400`, `section-6.3.12`, or "" for its top
    requirements: tuple[str, ...]  # ids of what it pins
    role: Role
    weak: bool
    code_line: int | None = None
    todo: str | None = None
    test: str | None = None
    status: Status | None = None
    section: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that proves a clause, and what became of it last."""

    test: str
    outcome: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Clause:
    """A requirement with its status."""

    requirement: Requirement
    status: Status
    tests: tuple[Test, ...] = ()
    reason: str = ""  # of a decision
    counted: bool = True
    amber: bool = False  # passing, but the tests never ran the cited code (rule 4)

    @property
    def kind(self) -> str:
        """The class of its colour."""
        return f"{self.status.value} amber" if self.amber else self.status.value


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of clauses (rule 9)."""

    total: int = 0  # N: without aliases and not applicable
    covered: int = 0
    passing: int = 0
    todo: int = 0
    failing: int = 0
    musts: int = 0
    musts_passing: int = 0

    @property
    def percent(self) -> int | None:
        """Passing of all, floored; None for nothing to count."""
        return self.passing * 100 // self.total if self.total else None

    @property
    def must_percent(self) -> int | None:
        """Passing MUSTs of all MUSTs, floored."""
        return self.musts_passing * 100 // self.musts if self.musts else None


COVERED = frozenset({Status.FAILING, Status.PASSING, Status.TESTED, Status.IMPLEMENTED})
NO_DEMAND = frozenset({Status.NOT_APPLICABLE})


def tally(clauses: Iterable[Clause]) -> Tally:
    """Count clauses; aliases and what is not applicable are left out."""
    kept = [one for one in clauses if one.counted and one.status not in NO_DEMAND]
    musts = [one for one in kept if one.requirement.level.value.startswith("MUST")]
    return Tally(
        total=len(kept),
        covered=sum(one.status in COVERED for one in kept),
        passing=sum(one.status is Status.PASSING for one in kept),
        todo=sum(one.status is Status.TODO for one in kept),
        failing=sum(one.status is Status.FAILING for one in kept),
        musts=len(musts),
        musts_passing=sum(one.status is Status.PASSING for one in musts),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """An RFC in the project's own index."""

    rfc: int
    title: str
    topic: str
    status: str  # Yes, Partial, No …
    kind: str  # Proposed Standard …


@dataclass(slots=True)
class Site:
    """Everything the pages show."""

    name: str
    files: dict[str, str]  # path -> hash of its content
    documents: dict[int, Document]
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    clauses: dict[int, tuple[Clause, ...]]
    index_title: dict[int, str] = field(default_factory=dict)  # of RFCs without a text, too
    results: str = ""  # fresh, stale, or "": then the pages say which command makes them
    problems: tuple[tuple[str, str], ...] = ()
    judged: frozenset[int] = (
        frozenset()
    )  # RFCs that count in the totals: cited, or the project stands by them
    # By RFC and section: how often which outcome, of tests that pin no sentence (rule 3).
    section_tests: dict[int, dict[str, tuple[tuple[str, int], ...]]] = field(default_factory=dict)

    def by_path(self) -> dict[str, list[Link]]:
        """Links by the file they stand in."""
        out: dict[str, list[Link]] = {}
        for link in self.links:
            out.setdefault(link.path, []).append(link)
        return out

    def by_rfc(self) -> dict[int, list[Link]]:
        """Links by the RFC they lead to."""
        out: dict[int, list[Link]] = {}
        for link in self.links:
            out.setdefault(link.rfc, []).append(link)
        return out
