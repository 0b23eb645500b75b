"""What the platform knows: documents with sections and requirements, references, results, and a status made of them.

Raw line numbers of the unchanged RFC text (1-based) are the ground truth; everything else is derived from them. Records are frozen
and plain, so that they can be cached by the hash of what they were made of and passed between processes.

`rule N` in comments of this package means the numbered rules of the platform's design (website/content/platform.md).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class Level(enum.Enum):
    """The strength of a requirement, RFC 2119; the keyword itself is kept beside it (rule 7)."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"


class Status(enum.Enum):
    """Rule 4, in order of precedence; the value is the word in JSON, CSV and CSS classes."""

    FAILING = "failing"
    TODO = "todo"
    NOT_APPLICABLE = "not-applicable"
    NOT_PLANNED = "not-planned"
    EXCEPTION = "exception"
    PASSING = "passing"
    TESTED = "tested"
    IMPLEMENTED = "implemented"
    CITED = "cited"
    UNTRIAGED = "untriaged"


class Role(enum.Enum):
    """Why the code names the RFC (rule 10)."""

    IMPLEMENTS = "implements"
    TESTS = "tests"
    TODO = "todo"
    EXCEPTION = "exception"
    MENTION = "mention"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text: from `line`/`column` (1-based line, 0-based character) up to, not including, `end_column` of `end_line`."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what belongs to it; `number` is `6.3.12`, `A.2`, or "" for an unnumbered one."""

    number: str
    title: str
    line: int  # of the heading
    end_line: int  # last line including subsections
    own_end_line: int  # last line before the first subsection
    depth: int  # 1 for `6`, 2 for `6.3`
    appendix: bool = False

    @property
    def anchor(self) -> str:
        """The id of the rfc-editor's pages: `section-6.3.12`, `appendix-A.2`, or `name-…` when unnumbered."""
        if not self.number:
            return "name-" + slug(self.title)
        return f"{'appendix' if self.appendix else 'section'}-{self.number}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause with a BCP 14 keyword (rules 6 and 7)."""

    id: str  # rN-xxxxxxxx
    rfc: int
    section: str  # number of the innermost section
    level: Level
    keyword: str  # as written: SHALL, RECOMMENDED …
    clause: str  # the clause in normal form with its case, one line
    sentence: str  # the whole sentence likewise
    span: Span  # of the clause
    keyword_span: Span


@dataclass(frozen=True, slots=True)
class AbnfRule:
    """A grammar rule: where it is defined and where its name is used."""

    name: str
    definition: Span
    uses: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Erratum:
    """One of the RFC Editor's errata."""

    number: int  # eid
    status: str  # Verified, Held for Document Update, Reported, Rejected
    kind: str  # Technical, Editorial
    section: str
    original: str
    corrected: str
    notes: str


@dataclass(frozen=True, slots=True)
class CrossReference:
    """One RFC naming another, or one of its own sections."""

    span: Span
    rfc: int
    section: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """One RFC, read."""

    rfc: int
    title: str
    lines: tuple[str, ...]  # decoded, as they are, without line ends; page furniture included
    furniture: frozenset[int]  # 1-based numbers of page headers, footers and form feed lines
    pages: tuple[tuple[int, int], ...]  # (page number, first line)
    sections: tuple[Section, ...]
    requirements: tuple[Requirement, ...]
    abnf: tuple[AbnfRule, ...]
    crossrefs: tuple[CrossReference, ...]
    obsoletes: tuple[int, ...]
    updates: tuple[int, ...]
    obsoleted_by: tuple[int, ...]  # from the index; () when there is none
    updated_by: tuple[int, ...]
    errata: tuple[Erratum, ...] = ()


class TargetKind(enum.Enum):
    """What a reference points at."""

    DOCUMENT = "document"
    SECTION = "section"
    LINE = "line"
    PAGE = "page"
    QUOTE = "quote"
    ERRATUM = "erratum"


@dataclass(frozen=True, slots=True)
class Target:
    """`value` is the section, line, page, words or eid as text; `section` as written, when there is one."""

    kind: TargetKind
    value: str
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a file that names a place in an RFC. Lines and columns are 1-based, of the reference's own text."""

    path: str  # relative to the root, with /
    line: int
    column: int
    end_line: int
    rfc: int
    target: Target
    role: Role
    style: str  # url|path|prose|reversed|bare|duvet|marker|todo
    weak: bool
    text: str  # as written, on one line
    todo: str | None = None  # the text of the TODO it stands in
    status: Status | None = None  # written-out not planned / not applicable / exception
    code_line: int | None = (
        None  # the statement on or after the comment, or the item of the docstring
    )
    code_end_line: int | None = None
    test: str | None = None  # for markers: the name of the function or class they stand on


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the results file: a marker and the test that carried it (rule 5)."""

    test: str
    rfc: int
    section: str
    quote: str | None
    outcome: str  # passed|failed|error|skipped|xfailed|xpassed|crashed
    duration: float
    fresh: bool


class FindingClass(enum.Enum):
    """What `rfclinks check` reports; the value is the word in JSON and baselines."""

    UNKNOWN_RFC = "unknown-rfc"
    UNKNOWN_SECTION = "unknown-section"
    OBSOLETED = "obsoleted"
    STALE_QUOTE = "stale-quote"
    AMBIGUOUS_QUOTE = "ambiguous-quote"
    QUOTE_TOO_WIDE = "quote-too-wide"
    ERRATUM = "erratum"
    UNCOVERED = "uncovered"
    CONTRADICTION = "contradiction"
    YES_WITHOUT_EVIDENCE = "yes-without-evidence"
    UNREADABLE = "unreadable"
    DECISION = "decision"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend, at a place."""

    kind: FindingClass
    path: str
    line: int
    reference: str  # normalised, without line numbers: what a baseline keeps
    message: str
    suggestions: tuple[str, ...] = ()
    patch: str | None = None  # replacement of the reference's text
    severity: str = "error"  # error|warning|note|off


@dataclass(slots=True)
class Problems:
    """What could not be read, counted; a build goes on (rule 13)."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, reason: str) -> None:
        """One more file, with the reason."""
        self.rows.append((path, reason))


def slug(title: str) -> str:
    """`Message Data Item Names` as rfc-editor spells it in an id: `message-data-item-names`."""
    out = "".join(c if c.isalnum() else "-" for c in title.lower())
    while "--" in out:
        out = out.replace("--", "-")
    return out.strip("-")
