"""`rfclinks coverage`: requirements by status, and the percentages of rule 9."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click

from postil_site.commands.common import (
    json_option,
    open_project,
    results_option,
    root_option,
    tell_problems,
)
from postil_site.model import Status
from postil_site.project import Project
from postil_site.status.counts import Counts, count, shown
from postil_site.status.verdicts import Verdict


@click.command()
@root_option()
@results_option()
@json_option()
@click.option("--rfc", type=int, help="This RFC only.")
@click.option(
    "--by", type=click.Choice(["section", "level", "folder"]), help="The groups; default: by RFC."
)
def command(
    root: Path, result_files: Sequence[Path], as_json: bool, rfc: int | None, by: str | None
) -> None:
    """Count requirements by status.

    N leaves out aliases and what does not apply. Passing % is of N; the headline is of the MUSTs. A section includes
    its subsections; a folder counts what is pinned from it."""
    project = open_project(root, result_files)
    numbers = [rfc] if rfc is not None else project.rfcs
    groups = _groups(project, numbers, by)
    counted = {name: count(verdicts) for name, verdicts in groups.items()}
    total = count(one for number in numbers for one in project.verdicts(number))
    if as_json:
        document = {
            "groups": {name: one.record() for name, one in counted.items()},
            "total": total.record(),
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        _table(counted, total)
        if not project.has_fresh_results:
            click.echo(
                "no fresh results of tests: nothing can be passing (pytest --rfc-results FILE)"
            )
    tell_problems(project)


def _groups(project: Project, numbers: list[int], by: str | None) -> dict[str, list[Verdict]]:
    out: dict[str, list[Verdict]] = defaultdict(list)
    for number in numbers:
        verdicts = project.verdicts(number)
        if by is None and verdicts:
            out[f"RFC {number}"] = verdicts
        for one in verdicts:
            if by == "level":
                out[one.requirement.level.value].append(one)
            elif by == "section":
                for section in _with_parents(one.requirement.section):
                    out[f"RFC {number} §{section}"].append(one)
            elif by == "folder":
                folders = {part for ref in one.references for part in _folders(ref.reference.path)}
                for folder in folders:
                    out[folder].append(one)
    if by == "section":
        return out
    return dict(sorted(out.items())) if by else dict(out)


def _with_parents(section: str) -> list[str]:
    parts = section.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: end + 1]) for end in range(len(parts))] or ["."]


def _table(counted: dict[str, Counts], total: Counts) -> None:
    width = max([len(name) for name in counted] + [5])
    columns = ("N", "MUST pass", "pass", "covered", *(status.value for status in Status))
    click.echo(" " * width + "  " + "  ".join(f"{name:>{max(len(name), 5)}}" for name in columns))
    for name, one in [*counted.items(), ("total", total)]:
        if not one.n and not one.by_status:
            continue
        values = (
            one.n,
            shown(one.must_percent),
            shown(one.passing_percent),
            shown(one.covered_percent),
            *(one.of(status) for status in Status),
        )
        cells = (
            f"{value:>{max(len(column), 5)}}" for column, value in zip(columns, values, strict=True)
        )
        click.echo(f"{name:<{width}}  " + "  ".join(cells))
