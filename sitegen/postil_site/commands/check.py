"""`rfclinks check`: what is wrong, with an exit code by class (rule 15). It writes only the files that it is told to."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from postil_site import checking, outputs, records
from postil_site.checking import Checked
from postil_site.commands.common import (
    USAGE,
    json_option,
    open_project,
    results_option,
    root_option,
)

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@root_option()
@results_option()
@json_option()
@click.option("--sarif", type=_FILE, help="Write SARIF 2.1.0.")
@click.option("--junit", type=_FILE, help="Write JUnit XML.")
@click.option("--lcov", type=_FILE, help="Write LCOV over the RFC texts.")
@click.option(
    "--baseline", type=_FILE, help="Findings that are known; default: as configured, if it exists."
)
@click.option(
    "--write-baseline", is_flag=True, help="Write what there is now into the baseline, and exit 0."
)
@click.option("--require-results", is_flag=True, help="Without fresh results of tests: an error.")
@click.option("--require-texts", is_flag=True, help="Without the text of a cited RFC: an error.")
def command(
    root: Path,
    result_files: Sequence[Path],
    as_json: bool,
    sarif: Path | None,
    junit: Path | None,
    lcov: Path | None,
    baseline: Path | None,
    write_baseline: bool,
    require_results: bool,
    require_texts: bool,
) -> None:
    """Find broken references, stale quotes, contradictions and gaps.

    Exit codes: 0 clean; 2 usage or configuration; 10 broken reference; 11 stale or ambiguous quote; 12 uncovered MUST
    beyond the baseline; 13 contradiction; 14 a row of the index says Yes without evidence; 1 several of these.
    """
    project = open_project(root, result_files)
    file = baseline or project.root / project.config.baseline
    if write_baseline:
        checked = checking.check(project, uncovered=True, require_texts=require_texts)
        number = checking.write_baseline(file, checked.findings)
        click.echo(f"{number} findings are the baseline now: {file}", err=as_json)
        return
    try:
        known = checking.read_baseline(file) if baseline or file.exists() else None
    except checking.BadBaseline as error:
        click.echo(f"rfclinks: {error}", err=True)
        sys.exit(USAGE)
    checked = checking.check(
        project, known, require_results=require_results, require_texts=require_texts
    )
    for target, text in ((sarif, outputs.sarif), (junit, outputs.junit)):
        if target is not None:
            target.write_text(text(checked), "utf-8")
    if lcov is not None:
        lcov.write_text(outputs.lcov(project), "utf-8")
    if as_json:
        _json(checked)
    else:
        _text(checked, len(project.resolved), project.missing_texts)
    sys.exit(checked.exit_code)


def _json(checked: Checked) -> None:
    document = {
        "findings": [records.finding(one) for one in checked.findings],
        "known": checked.known,
        "gone": checked.gone,
        "not_checked": checked.not_checked,
        "exit_code": checked.exit_code,
    }
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def _text(checked: Checked, references: int, missing: list[int]) -> None:
    for one in checked.findings:
        click.echo(f"{one.path}:{one.line}: {one.severity}: {one.kind.value}: {one.message}")
        if one.patch:
            click.echo(f"    patch: {one.patch}")
    counts = {
        severity: sum(1 for one in checked.findings if one.severity == severity)
        for severity in ("error", "warning", "note")
    }
    words = ", ".join(f"{number} {severity}s" for severity, number in counts.items())
    click.echo(
        f"{references} references: {words}" + (f"; {checked.known} known" if checked.known else "")
    )
    for what, number in checked.not_checked.items():
        named = f" (RFC {', '.join(map(str, missing))})" if what == "texts" and missing else ""
        click.echo(f"not checked: {number} {what}{named}")
    if checked.gone:
        click.echo(f"{len(checked.gone)} entries of the baseline are gone: write it again")
