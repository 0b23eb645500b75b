"""`rfclinks diff`: what a change gained and lost, between two revisions."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from postil_site import todos
from postil_site.commands.common import USAGE, configuration, json_option, root_option
from postil_site.model import Problems, Status
from postil_site.project import Project
from postil_site.status.verdicts import DONE
from postil_site.texts.library import Library
from postil_site.texts.normal import normal
from postil_site.worktree import TreeState


@dataclass(frozen=True, slots=True)
class _Side:
    """One revision: requirements by id with (status, section, clause), and TODOs."""

    requirements: dict[str, tuple[Status, str, str]]
    todos: dict[tuple[int, str], str]


@click.command()
@root_option()
@json_option()
@click.option(
    "--results-old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Results of tests of REV1.",
)
@click.option(
    "--results-new",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Results of tests of REV2.",
)
@click.argument("rev1")
@click.argument("rev2")
def command(
    root: Path,
    as_json: bool,
    results_old: Path | None,
    results_new: Path | None,
    rev1: str,
    rev2: str,
) -> None:
    """Requirements gained and lost, TODOs opened and closed, between REV1 and REV2."""
    configuration(root)
    with tempfile.TemporaryDirectory(prefix="rfclinks-") as folder:
        old = _side(root.resolve(), rev1, Path(folder, "old"), results_old)
        new = _side(root.resolve(), rev2, Path(folder, "new"), results_new)
    document = _compare(old, new)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    for name, rows in document.items():
        for row in rows:
            click.echo(f"{name}: {row}")
    click.echo(", ".join(f"{len(rows)} {name}" for name, rows in document.items()))


def _compare(old: _Side, new: _Side) -> dict[str, list[str]]:
    gained: list[str] = []
    lost: list[str] = []
    changed: list[str] = []
    for identity in sorted(old.requirements.keys() | new.requirements.keys()):
        before, after = old.requirements.get(identity), new.requirements.get(identity)
        was, now = (before[0] if before else None), (after[0] if after else None)
        if was is now:
            continue
        _, section, clause = after or before or (None, "", "")
        row = f"{section} {was.value if was else 'absent'} -> {now.value if now else 'absent'}: {clause}"
        if (now in DONE) != (was in DONE):
            (gained if now in DONE else lost).append(row)
        elif was is not None and now is not None:
            changed.append(row)
    return {
        "gained": gained,
        "lost": lost,
        "changed": changed,
        "todo opened": [new.todos[key] for key in sorted(new.todos.keys() - old.todos.keys())],
        "todo closed": [old.todos[key] for key in sorted(old.todos.keys() - new.todos.keys())],
    }


def _side(root: Path, revision: str, folder: Path, results: Path | None) -> _Side:
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        click.echo(f"rfclinks: {revision} is no revision of {root}", err=True)
        sys.exit(USAGE)
    name = commit.decode().strip()
    archive = _git(root, "archive", "--format=tar", name)
    if archive is None:
        click.echo(f"rfclinks: git cannot write out {revision}", err=True)
        sys.exit(USAGE)
    folder.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    problems = Problems()
    config = configuration(folder)
    # the texts are not in the repository: those of the working tree serve both sides
    library = Library.standard(root, config.texts, problems)
    project = Project(
        config, problems, [results] if results else [], library, TreeState(name, None)
    )
    found = {
        one.requirement.id: (
            one.status,
            f"RFC {rfc} §{one.requirement.section}",
            one.requirement.clause,
        )
        for rfc in project.rfcs
        for one in project.verdicts(rfc)
    }
    open_ = {
        (one.rfc, normal(one.text)): f"{one.path}:{one.line}: {one.text}"
        for one in todos.find(project)
    }
    return _Side(found, open_)


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
