"""What is wrong with the references of a project: the findings of `rfclinks check`, their classes and exit codes (rule 15)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from postil_site.model import Finding, FindingClass, Level, Requirement, Status, TargetKind
from postil_site.project import OWN, Project
from postil_site.status.verdicts import Verdict
from postil_site.texts.normal import normal

CODES = {
    FindingClass.UNKNOWN_RFC: 10,
    FindingClass.UNKNOWN_SECTION: 10,
    FindingClass.OBSOLETED: 10,
    FindingClass.ERRATUM: 10,
    FindingClass.UNREADABLE: 10,
    FindingClass.STALE_QUOTE: 11,
    FindingClass.AMBIGUOUS_QUOTE: 11,
    FindingClass.QUOTE_TOO_WIDE: 11,
    FindingClass.DECISION: 11,
    FindingClass.RESULT: 11,
    FindingClass.UNCOVERED: 12,
    FindingClass.CONTRADICTION: 13,
    FindingClass.YES_WITHOUT_EVIDENCE: 14,
}
SEVERAL = 1
SCHEMA = 1  # of the baseline
OPEN = (Status.UNTRIAGED, Status.CITED)


class BadBaseline(ValueError):
    """The baseline cannot be read; the text says why."""


@dataclass(slots=True)
class Checked:
    """The findings, those of the baseline left out, and what could not be checked."""

    findings: list[Finding]
    known: int = 0  # left out by the baseline
    gone: list[str] = field(default_factory=list)  # entries of the baseline that no longer are
    not_checked: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Rule 15: the code of the one class that has errors, 1 for several, 0 for none."""
        codes = {CODES[one.kind] for one in self.findings if one.severity == "error"}
        return 0 if not codes else codes.pop() if len(codes) == 1 else SEVERAL


def entry(finding: Finding) -> str:
    """A finding as a baseline keeps it: class, path and normalised reference, no line numbers."""
    return f"{finding.kind.value}\t{finding.path}\t{finding.reference}"


def read_baseline(file: Path) -> set[str]:
    """The entries of a baseline."""
    try:
        value = json.loads(file.read_text("utf-8"))
        entries = value["entries"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadBaseline(f"{file}: is no baseline: {error}") from error
    if value.get("schema") != SCHEMA or not all(isinstance(one, str) for one in entries):
        raise BadBaseline(f"{file}: is no baseline of schema {SCHEMA}")
    return set(entries)


def write_baseline(file: Path, findings: Iterable[Finding]) -> int:
    """Write all findings that would fail; how many."""
    entries = sorted({entry(one) for one in findings if one.severity == "error"})
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"schema": SCHEMA, "entries": entries}, ensure_ascii=False, indent=1)
    file.write_text(text + "\n", "utf-8")
    return len(entries)


def check(
    project: Project,
    baseline: set[str] | None = None,
    *,
    uncovered: bool = False,
    require_results: bool = False,
    require_texts: bool = False,
) -> Checked:
    """Everything that is wrong, in order of path and line; `uncovered` asks for MUSTs without code or test too."""
    not_checked: dict[str, int] = {}
    found = [finding for one in project.resolved for finding in one.findings]
    for rfc in project.rfcs:
        decided = project.decided(rfc)
        found += decided.findings if decided else []
        for verdict in project.verdicts(rfc):
            if verdict.contradiction and verdict.alias_of is None:
                found.append(_contradiction(verdict))
            if (uncovered or baseline is not None) and _is_open(verdict):
                found.append(_uncovered(verdict.requirement))
    found += _results(project)
    found += _texts(project, require_texts, not_checked)
    found += _evidence(project, require_results, not_checked)
    found += [
        Finding(FindingClass.UNREADABLE, path, 1, "", reason)
        for path, reason in project.problems.rows
    ]
    rated = [graded(one, project) for one in found]
    kept = [one for one in rated if one.severity != "off"]
    out = [one for one in kept if baseline is None or entry(one) not in baseline]
    out.sort(key=lambda one: (one.path, one.line, one.kind.value, one.reference))
    gone = sorted((baseline or set()) - {entry(one) for one in kept})
    return Checked(out, len(kept) - len(out), gone, not_checked)


def graded(finding: Finding, project: Project) -> Finding:
    """With the severity that the configuration gives its class."""
    severity = project.config.severity(finding.kind)
    order = ("off", "note", "warning", "error")
    # a finding that is milder by itself stays so
    return replace(finding, severity=min(severity, finding.severity, key=order.index))


def _is_open(verdict: Verdict) -> bool:
    must = verdict.requirement.level in (Level.MUST, Level.MUST_NOT)
    return must and verdict.counted and verdict.status in OPEN


def _uncovered(one: Requirement) -> Finding:
    reference = f"RFC {one.rfc} §{one.section} {normal(one.clause)!r}"
    message = f"nobody cites this {one.keyword}: {one.clause}"
    return Finding(
        FindingClass.UNCOVERED, f"rfc{one.rfc}.txt", one.keyword_span.line, reference, message
    )


def _contradiction(verdict: Verdict) -> Finding:
    one = verdict.requirement
    reference = f"RFC {one.rfc} §{one.section} {normal(one.clause)!r}"
    path, line = f"rfc{one.rfc}.txt", one.keyword_span.line
    if verdict.references:
        path, line = verdict.references[0].reference.path, verdict.references[0].reference.line
    return Finding(
        FindingClass.CONTRADICTION, path, line, reference, f"{verdict.contradiction}: {one.clause}"
    )


def _results(project: Project) -> list[Finding]:
    out = []
    for ref, cases in project.ambiguous_cases:
        message = f"several test cases have the name of this function: {', '.join(cases[:3])}; not counted"
        out.append(
            Finding(FindingClass.RESULT, ref.path, ref.line, f"RFC {ref.rfc} {ref.test}", message)
        )
    return out


def _texts(project: Project, required: bool, not_checked: dict[str, int]) -> list[Finding]:
    missing = project.missing_texts
    listed = {row.rfc: row for row in project.index.rows}
    # what the project lists it must have; without a list, whatever it cites
    demanded = [rfc for rfc in missing if rfc in listed or not listed]
    demanded += [
        row.rfc
        for row in project.index.rows
        if row.status in OWN and row.rfc not in missing and project.library.path(row.rfc) is None
    ]
    if required and demanded:
        return [
            Finding(
                FindingClass.STALE_QUOTE,
                f"rfc{rfc}.txt",
                1,
                f"RFC {rfc}",
                f"the text of RFC {rfc} is missing",
            )
            for rfc in sorted(demanded)
        ]
    if not missing:
        return []
    absent = set(missing)
    refs = [
        one.reference
        for one in project.resolved
        if one.missing_text and one.reference.rfc in absent
    ]
    not_checked["texts"] = len(missing)
    not_checked["references"] = len(
        [ref for ref in refs if ref.target.kind is not TargetKind.DOCUMENT]
    )
    return []


def _evidence(project: Project, required: bool, not_checked: dict[str, int]) -> list[Finding]:
    """Index rows that say Yes and cannot show it (rule 9)."""
    rows = [row for row in project.index.rows if row.status == "Yes"]
    kind = FindingClass.YES_WITHOUT_EVIDENCE
    if not project.has_fresh_results:
        if required and (rows or any(one.reference.style == "marker" for one in project.resolved)):
            message = "there are no fresh results of tests; run them with pytest --rfc-results"
            return [Finding(kind, project.config.index, 1, "results", message)]
        if rows:
            not_checked["index rows"] = len(rows)
        return []
    out = []
    for row in rows:
        verdicts = project.verdicts(row.rfc)
        reasons = []
        musts = [
            one
            for one in verdicts
            if one.counted and one.requirement.level in (Level.MUST, Level.MUST_NOT)
        ]
        for status in (Status.FAILING, Status.UNTRIAGED):
            number = sum(1 for one in musts if one.status is status)
            if number:
                reasons.append(f"{number} MUST{'s' if number > 1 else ''} {status.value}")
        if not any(one.status is Status.PASSING for one in verdicts):
            reasons.append("no passing test of any sentence")
        if reasons and project.decided(row.rfc) is not None:
            message = f"RFC {row.rfc} is marked Yes, with {', '.join(reasons)}"
            out.append(Finding(kind, project.config.index, row.line, f"RFC {row.rfc}", message))
    return out
