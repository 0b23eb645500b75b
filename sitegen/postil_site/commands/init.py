"""`rfclinks init`: a starting configuration for a repository that has none."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from postil_site.commands.common import USAGE, open_project, root_option, tell_problems
from postil_site.config import TESTS

_TEXT = """# References from this repository to RFCs; `rfclinks check` reads this file. What stands behind # is the default.

# include = []                    # globs; empty: every file that git knows
exclude = [{exclude}]
# tests = [{tests}]
# roots = ["rfc"]                 # folders of references by path: ../rfc/9051:4330
# leaders = []                    # of quote blocks besides the built-in ones: [["//=", "//#"]]
# texts = "rfc/txt"               # the RFC texts; let git ignore it, `rfclinks fetch` fills it
# index = "rfc/index.txt"         # number, status, kind and title of the RFCs, between tabs
# decisions = "rfc/requirements"  # what is not planned, does not apply, or is an exception, and why
# results = ["build/rfc-results.jsonl"]
# junit = []
# baseline = "rfc/baseline.json"  # findings that are known: rfclinks check --write-baseline

[severity]                        # error, warning, note or off
# obsoleted = "note"
# uncovered = "error"
"""


@click.command()
@root_option()
@click.option("--force", is_flag=True, help="Replace the file that is there.")
def command(root: Path, force: bool) -> None:
    """Write rfclinks.toml for a repository, with every setting explained."""
    file = root / "rfclinks.toml"
    if file.exists() and not force:
        click.echo(f"rfclinks: {file} exists; --force replaces it", err=True)
        sys.exit(USAGE)
    tests = ", ".join(f'"{one}"' for one in TESTS)
    file.write_text(_TEXT.replace("{tests}", tests).replace("{exclude}", ""), "utf-8")
    project = open_project(root)
    strong = [ref for ref in project.references if not ref.weak]
    numbers = sorted({ref.rfc for ref in strong})
    click.echo(
        f"{file} is written. {len(strong)} references to {len(numbers)} RFCs in {len({ref.path for ref in strong})} files."
    )
    missing = [rfc for rfc in numbers if project.library.path(rfc) is None]
    if missing:
        click.echo(f"{len(missing)} texts are missing: rfclinks fetch")
    click.echo("Then: rfclinks check --write-baseline, and rfclinks check finds what is new.")
    tell_problems(project)
