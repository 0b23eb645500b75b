"""The command line: quick to start, the same commands in the table and on disk, one sentence when parts are missing."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from postil.cli import main
from postil.cli.group import COMMANDS, LazyGroup

# What answers at once may not import what a server needs.
HEAVY = (
    "aiosqlite", "apsw", "asyncio", "cryptography", "jinja2", "msgspec", "prometheus_client",
    "sqlite3", "ssl", "starlette", "structlog", "uvicorn", "uvloop",
)  # fmt: skip


def run(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """postil in a process of its own, with compiled modules kept as on a user's machine."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = ["-c", code, *arguments] if code else ["-m", "postil.cli", *arguments]
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["version", "--json"]])
def test_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help and version stay light: this is what keeps them under 150 ms."""
    code = (
        "import sys\nfrom postil.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = run(*arguments, code=code)
    assert done.stderr.strip() == "[]", done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_answers_quickly(arguments: list[str]) -> None:
    """Under 150 ms: of processor time, which other tests on this machine do not change, the best of several tries."""
    best = min(_seconds(arguments) for _ in range(5))
    assert best < 0.150


def _seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_table_and_modules_agree() -> None:
    """Every command in the table has its module, its line is that module's own, and no module is forgotten."""
    assert isinstance(main, LazyGroup)
    context = click.Context(main)
    for name, line in COMMANDS.items():
        command = main.get_command(context, name)
        assert command is not None
        assert (command.help or "").split("\n")[0].split(";")[0].rstrip(".") == line.split(";")[
            0
        ].rstrip(".")
    folder = Path(__import__("postil.cli", fromlist=["x"]).__file__ or "").parent
    with_command = {
        path.stem for path in folder.glob("*.py") if "\ndef command(" in path.read_text()
    }
    assert with_command == set(COMMANDS)


def test_version() -> None:
    """As a line for people and as JSON for programs."""
    assert run("version").stdout.startswith(f"postil {version('postil')} (python ")
    said = json.loads(run("version", "--json").stdout)
    assert said["postil"] == version("postil") and said["parts"]["apsw"] == version("apsw")


def test_without_the_server_parts() -> None:
    """Where only the bare package is installed, a server command says in one sentence what to install."""
    code = (
        "import sys\nsys.modules['structlog'] = None\n"  # as if it were not there
        "from postil.cli import main\nmain()"
    )
    done = run("localserve", code=code)
    assert done.returncode == 1
    assert "pip install 'postil[server]'" in done.stderr and done.stderr.count("\n") == 1
    assert run("version", code=code).returncode == 0


def test_unknown_command() -> None:
    """A wrong call has status 2 and says so."""
    done = run("no-such-command")
    assert done.returncode == 2 and "no-such-command" in done.stderr
