"""What the commands of `rfclinks` share: where the repository is, which results to read, and how problems are told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from postil_site.config import Config, ConfigError, load
from postil_site.model import Problems
from postil_site.project import Project

USAGE = 2  # exit code for usage and configuration

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def root_option() -> Decorator:
    """`--root DIR`."""
    return click.option(
        "--root",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=Path("."),
        show_default="this folder",
        help="The repository.",
    )


def results_option() -> Decorator:
    """`--results FILE`, repeatable."""
    return click.option(
        "--results",
        "result_files",
        multiple=True,
        type=click.Path(dir_okay=False, path_type=Path),
        help="Results of tests: what pytest --rfc-results wrote, or JUnit XML. Repeatable; default: as configured.",
    )


def json_option() -> Decorator:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


def open_project(root: Path, result_files: Sequence[Path] = ()) -> Project:
    """The project; a broken configuration ends the command with exit code 2."""
    return Project.open(root, Problems(), list(result_files) or None, configuration(root))


def configuration(root: Path) -> Config:
    """The configuration, or the end of the command."""
    try:
        return load(root.resolve())
    except ConfigError as error:
        click.echo(f"rfclinks: {error}", err=True)
        sys.exit(USAGE)


def tell_problems(project: Project, shown: int = 20) -> None:
    """What could not be read, on standard error."""
    rows = project.problems.rows
    for path, reason in rows[:shown]:
        click.echo(f"{path}: {reason}", err=True)
    if len(rows) > shown:
        click.echo(f"and {len(rows) - shown} more problems", err=True)
