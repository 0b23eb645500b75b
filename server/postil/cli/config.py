"""`postil config`: look at the configuration files before the server does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from postil.base.clock import SystemClock
from postil.cli import running, target
from postil.config import ConfigError, Problem, read
from postil.config.decode import guess
from postil.config.difference import Change, between, from_defaults, whole
from postil.config.doubts import doubts

_FILE = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """The configuration files: check, describe, compare, print examples."""


def _file(function: Any) -> Any:
    return click.argument("file", type=_FILE, default=Path("postil.toml"), envvar="POSTIL_CONFIG")(
        function
    )


@command.command()
@_file
@click.option(
    "--json", "as_json", is_flag=True, help="Print what was found, and all settings, as JSON."
)
def check(file: Path, as_json: bool) -> None:
    """Check FILE (default postil.toml) and the file of the domains; errors and warnings name file, line and field.

    Status 0: a server can start with it; 1: it cannot.
    """
    try:
        loaded = read(file)
    except ConfigError as error:
        if not as_json:
            raise click.ClickException(str(error)) from error
        problems = [_problem(one) for one in error.problems]
        wrong = {"ok": False, "error": str(error), "status": 1}
        target.show({**wrong, "problems": problems, "warnings": []}, True, str)
        raise SystemExit(1) from error
    config = loaded.config
    from postil.app.validity import doubtful  # loads what other commands do not need

    later = doubtful(config, SystemClock().now())
    warnings = [*doubts(loaded), *map(loaded.problem, later)]

    def text() -> str:
        fine = f"{file}: fine; {len(config.domain)} domains, {len(config.listener)} listeners"
        return "\n".join([*(f"warning: {one}" for one in warnings), fine])

    shown = {
        "ok": True,
        "problems": [],
        "warnings": [_problem(one) for one in warnings],
        "config": whole(config),
    }
    target.show(shown, as_json, text)


def _problem(problem: Problem) -> dict[str, object]:
    return {**dataclasses.asdict(problem), "text": str(problem)}


@command.command()
@click.argument("field", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def describe(field: str, as_json: bool) -> None:
    """Print what FIELD is, or all fields of a table, or everything: type, default, meaning, and whether it is live.

    FIELD is written as in errors, without numbers: listener.port, domain.dmarc.p, limits.
    """
    from postil.config import reference

    wanted = field.replace("[]", "").strip(".")
    tables = list(reference.tables())
    rows = [(table, one) for table in tables for one in table.fields]
    plain = {one.path.replace("[]", ""): (table, one) for table, one in rows}
    below = {
        name: pair
        for name, pair in plain.items()
        if not wanted or f"{name}.".startswith(f"{wanted}.")
    }
    if not below:
        known = [*plain, *(table.path.replace("[]", "") for table in tables if table.path)]
        raise click.ClickException(f"there is no field {field}{guess(wanted, known)}")
    shown = [
        {**dataclasses.asdict(one), "table": table.header, "file": table.file}
        for table, one in below.values()
    ]

    def text() -> str:
        lines: list[str] = []
        last = None
        for name, (table, one) in below.items():
            if table is not last and not (len(below) == 1 and name == wanted):
                lines += [*([""] if lines else []), f"{table.header or 'top'} in {table.file}: {table.help}"]  # fmt: skip
            last = table
            lines += [f"  {name}: {_facts(one)}", f"      {one.help}"]
        return "\n".join(lines)

    target.show(shown, as_json, text)


def _facts(field: Any) -> str:
    facts = [f"one of {', '.join(field.choices)}" if field.choices else field.type]
    if field.required:
        facts.append("required")
    elif field.default not in (None, "", [], {}):
        facts.append(f"default {target.value(field.default)}")
    facts.append("live" if field.live else "restart")
    return "; ".join(facts)


@command.command()
@click.option("--domains", is_flag=True, help="The file of the domains, domains.toml.")
def example(domains: bool) -> None:
    """Print a commented configuration file to start from, postil.toml; it shows the defaults."""
    from postil.config import EXAMPLE, EXAMPLE_DOMAINS

    click.echo(EXAMPLE_DOMAINS if domains else EXAMPLE, nl=False)


@command.command()
@_file
@click.option(
    "--with", "other", type=_FILE, help="Compare with this configuration instead of the defaults."
)
@click.option(
    "--running", "with_running", is_flag=True, help="Compare with what the running server does."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def diff(file: Path, other: Path | None, with_running: bool, as_json: bool) -> None:
    """Print in which fields FILE (default postil.toml) differs from the defaults; secrets are not shown.

    Status 0, whether or not there are differences.
    """
    if other is not None and with_running:
        raise click.UsageError("compare with a file or with the running server, not with both")
    try:
        loaded = read(file, empty=True)
        if other is not None:
            changes = between(read(other, empty=True).written, loaded.written)
        else:
            changes = from_defaults(loaded.written)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    if with_running:
        answer = running.ask(Path(loaded.config.data), "diff")
        if answer is None:
            raise click.ClickException(f"no server is running on {loaded.config.data}")
        if not answer["ok"]:
            raise click.ClickException("\n".join(one["text"] for one in answer["problems"]))
        changes = [Change(one["field"], one["before"], one["after"]) for one in answer["changes"]]

    def text() -> str:
        if not changes:
            return "no difference"
        return "\n".join(
            f"{one.field}: {target.value(one.before)} -> {target.value(one.after)}"
            + ("" if one.live or not with_running else "  (waits for a restart)")
            for one in changes
        )

    target.show([one.as_json() for one in changes], as_json, text)
