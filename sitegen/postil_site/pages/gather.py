"""From a project to what its pages show."""

from __future__ import annotations

import dataclasses
import tomllib
from collections import Counter
from pathlib import Path

from postil_site.model import Document, Status, TargetKind
from postil_site.pages import rfctext
from postil_site.pages.facts import Clause, Link, Pages, Row, Site, Test
from postil_site.project import Project
from postil_site.refs.resolve import Resolved

_PREFERRED = ("section-", "appendix-")


def gather(project: Project, files: dict[str, str], name: str) -> Site:
    """Everything the pages show, of the files given."""
    links = tuple(link(one) for one in project.resolved if one.reference.path in files)
    documents = _documents(project, {each.rfc for each in links})
    clauses: dict[int, tuple[Clause, ...]] = {}
    judged = set(project.rfcs)
    for rfc, document in documents.items():
        verdicts = project.verdicts(rfc) if rfc in judged else []
        if verdicts:
            clauses[rfc] = tuple(
                Clause(
                    verdict.requirement,
                    verdict.status,
                    tuple(Test(test.test, test.outcome, test.fresh) for test in verdict.tests),
                    verdict.reason,
                    verdict.counted,
                    verdict.amber,
                )
                for verdict in verdicts
            )
            wanted = tuple(verdict.requirement for verdict in verdicts)
            if wanted != document.requirements:
                documents[rfc] = dataclasses.replace(document, requirements=wanted)
        else:
            clauses[rfc] = tuple(Clause(one, Status.UNTRIAGED) for one in document.requirements)
    entries = project.library.index.entries
    titles = {rfc: entries[rfc].title for rfc in {each.rfc for each in links} if rfc in entries}
    return Site(
        name=name,
        files=files,
        documents=documents,
        rows=tuple(
            Row(row.rfc, row.title, row.topic, row.status, row.kind) for row in project.index.rows
        ),
        links=links,
        clauses=clauses,
        index_title=titles,
        results="fresh" if project.has_fresh_results else "stale" if project.results else "",
        judged=frozenset(judged),
        section_tests={rfc: found for rfc in documents if (found := _sections(project, rfc))},
    )


_OUTCOMES = ("failed", "error", "crashed", "passed", "skipped", "xfailed", "xpassed")


def _sections(project: Project, rfc: int) -> dict[str, tuple[tuple[str, int], ...]]:
    """Outcomes of the tests of each section, worst first, a test once; what is not fresh is `stale`."""
    out: dict[str, tuple[tuple[str, int], ...]] = {}
    for section, rows in project.section_results(rfc).items():
        outcomes = {row.test: row.outcome if row.fresh else "stale" for row in rows}
        counts = Counter(outcomes.values())
        named = [*_OUTCOMES, "stale", *sorted(counts.keys() - {*_OUTCOMES, "stale"})]
        out[section] = tuple((name, counts[name]) for name in named if counts[name])
    return out


def _documents(project: Project, cited: set[int]) -> dict[int, Document]:
    wanted = sorted(cited | {row.rfc for row in project.index.rows})
    found = ((rfc, project.library.document(rfc)) for rfc in wanted)
    return {rfc: document for rfc, document in found if document is not None}


def link(one: Resolved) -> Link:
    """A reference as pages show it."""
    ref = one.reference
    line = one.span.line if one.span is not None else one.line
    if one.requirements and one.span is None and ref.target.kind is not TargetKind.LINE:
        line = one.requirements[0].span.line
    return Link(
        path=ref.path,
        line=ref.line,
        column=ref.column,
        end_line=ref.end_line,
        text=ref.text,
        rfc=ref.rfc,
        rfc_line=line,
        anchor=f"L{line}" if line else "",
        requirements=tuple(requirement.id for requirement in one.requirements),
        role=ref.role,
        weak=ref.weak,
        code_line=ref.code_line,
        todo=ref.todo,
        test=ref.test,
        status=ref.status,
        section=one.section or "",
    )


def anchors(documents: dict[int, Document]) -> Pages:
    """What links may lead to on each RFC's page."""
    return {
        rfc: frozenset(
            name for name in rfctext.section_anchors(document) if name.startswith(_PREFERRED)
        )
        for rfc, document in documents.items()
    }


def name_of(root: Path) -> str:
    """What the site is called: as a Python project names itself, else the folder's name."""
    try:
        named = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        named = root.resolve().name
    return str(named) or "code"
