"""The status of each requirement of an RFC, and what it is made of (rules 2 to 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from postil_site.model import Requirement, Result, Role, Status
from postil_site.refs.resolve import Resolved
from postil_site.status.decisions import Decided, Decision

BAD = frozenset({"failed", "error", "crashed"})
DONE = frozenset({Status.FAILING, Status.PASSING, Status.TESTED, Status.IMPLEMENTED})
CLOSED = frozenset({Status.NOT_APPLICABLE, Status.NOT_PLANNED, Status.EXCEPTION})


@dataclass(frozen=True, slots=True)
class Verdict:
    """A requirement, its status, and everything that speaks for it."""

    requirement: Requirement
    status: Status
    references: tuple[Resolved, ...] = ()  # that pin it
    section_references: tuple[Resolved, ...] = ()  # listed at the heading of its section
    tests: tuple[Result, ...] = ()  # results of tests that pin it
    decision: Decision | None = None
    reason: str = ""  # why it is not planned, not applicable or an exception
    alias_of: str | None = None
    contradiction: str = ""  # what contradicts what, in words
    ran: bool | None = None  # did a passing test run the cited code? None: not measured

    @property
    def amber(self) -> bool:
        """Passing, but no passing test ran the lines that are said to implement it (rule 4)."""
        return self.status is Status.PASSING and self.ran is False

    @property
    def counted(self) -> bool:
        """Is it in N of rule 9?"""
        return self.alias_of is None and self.status is not Status.NOT_APPLICABLE


@dataclass(slots=True)
class _Evidence:
    references: list[Resolved] = field(default_factory=list)
    tests: list[Result] = field(default_factory=list)


def judge(
    decided: Decided, references: Iterable[Resolved], results: Iterable[tuple[Requirement, Result]]
) -> list[Verdict]:
    """The verdicts over one RFC, in order of its text; `references` are those that lead there."""
    evidence: dict[str, _Evidence] = {one.id: _Evidence() for one in decided.requirements}
    cited: dict[str, list[Resolved]] = {}
    for resolved in references:
        ref = resolved.reference
        pins = [one for one in resolved.requirements if one.id in evidence]
        for one in pins:
            evidence[one.id].references.append(resolved)
        if not pins and resolved.section is not None and resolved.counts and not ref.weak:
            cited.setdefault(resolved.section, []).append(resolved)
    for requirement, result in results:
        if requirement.id in evidence:
            evidence[requirement.id].tests.append(result)
    by_id: dict[str, Verdict] = {}
    for one in decided.requirements:
        by_id[one.id] = _verdict(one, evidence[one.id], cited.get(one.section, []), decided)
    out = []
    for one in decided.requirements:
        verdict = by_id[one.id]
        target = by_id.get(decided.aliases.get(one.id, ""))
        if target is not None:
            verdict = Verdict(
                one, target.status, verdict.references or target.references, verdict.section_references,
                verdict.tests or target.tests, target.decision, target.reason, target.requirement.id,
            )  # fmt: skip
        out.append(verdict)
    return out


def _verdict(
    one: Requirement, found: _Evidence, section: Sequence[Resolved], decided: Decided
) -> Verdict:
    counting = [
        resolved for resolved in found.references
        if not resolved.reference.weak and resolved.reference.role is not Role.MENTION
    ]  # fmt: skip
    decision = decided.own.get(one.id)
    if decision is None and not counting:
        decision = _of_section(one.section, decided)
    written = next((r for r in counting if r.reference.role is Role.EXCEPTION), None)
    closed = decision.status if decision else None
    reason = decision.reason if decision else ""
    if closed is None and written is not None:
        closed = written.reference.status or Status.EXCEPTION
        reason = written.reference.text
    roles = {resolved.reference.role for resolved in counting}
    outcomes = {result.outcome for result in found.tests if result.fresh}
    ours = [r for r in section if r.reference.role is not Role.MENTION]
    status = _status(roles, outcomes, closed, bool(ours))
    return Verdict(
        requirement=one,
        status=status,
        references=tuple(found.references),
        section_references=tuple(section),
        tests=tuple(found.tests),
        decision=decision,
        reason=reason,
        contradiction=_contradiction(roles, outcomes, closed),
    )


def _status(roles: set[Role], outcomes: set[str], closed: Status | None, cited: bool) -> Status:
    """Rule 4: the first that holds."""
    if outcomes & BAD:
        return Status.FAILING
    if Role.TODO in roles or "xfailed" in outcomes:
        return Status.TODO
    if closed is not None:
        return closed
    if "passed" in outcomes:
        return Status.PASSING
    if Role.TESTS in roles:
        return Status.TESTED
    if Role.IMPLEMENTS in roles:
        return Status.IMPLEMENTED
    return Status.CITED if cited else Status.UNTRIAGED


def _contradiction(roles: set[Role], outcomes: set[str], closed: Status | None) -> str:
    passing = "passed" in outcomes and not outcomes & BAD
    if closed is not None and (passing or Role.IMPLEMENTS in roles):
        return f"{'passing' if passing else 'implemented'}, and {closed.value.replace('-', ' ')}"
    if passing and Role.TODO in roles:
        return "passing, and still to do"
    return ""


def _of_section(section: str, decided: Decided) -> Decision | None:
    """A decision about all of a section reaches its subsections; the innermost one wins."""
    at = section
    while at:
        if at in decided.sections:
            return decided.sections[at]
        at = at.rpartition(".")[0]
    return None
