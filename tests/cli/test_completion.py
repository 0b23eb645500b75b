"""The shell completes commands and names: quickly, from the database, and silently where there is none."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from postil.cli import completing, main
from postil.cli.group import COMMANDS


def complete(where: Path, line: str) -> list[str]:
    """What bash would be told for the line, in that folder; nothing on standard error."""
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-m", "postil.cli"],
        env={
            **{k: v for k, v in os.environ.items() if k != "POSTIL_CONFIG"},
            "_POSTIL_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        cwd=where,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return [item.partition(",")[2] for item in done.stdout.splitlines() if item]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with a localserve's data in it."""
    (tmp_path / "localserve").mkdir()
    for arguments in (
        ["account", "add", "Zoë@example.org", "--no-password"],
        ["account", "add", "ann@example.org", "--no-password"],
        ["account", "add", "100%@example.org", "--no-password"],
        ["alias", "add", "all@example.org", "ann@example.org"],
    ):
        done = CliRunner().invoke(main, [*arguments, "--dir", str(tmp_path / "localserve")])
        assert done.exit_code == 0, done.output
    return tmp_path


def test_names(machine: Path) -> None:
    """Commands, accounts in any case, aliases where one belongs, both where a member does."""
    assert complete(machine, "postil ad") == ["address", "admin"]
    assert complete(machine, "postil account sho") == ["show"]
    assert complete(machine, "postil account show ZOE\u0308") == ["Zoë@example.org"]
    assert complete(machine, "postil account show A") == ["ann@example.org"]
    assert complete(machine, "postil alias show a") == ["all@example.org"]
    assert complete(machine, "postil alias join all@example.org a") == [
        "ann@example.org",
        "all@example.org",
    ]
    assert complete(machine, "postil address rm 100%") == ["100%@example.org"]
    assert complete(machine, "postil address rm 1_") == []


def test_nothing_where_nothing_is(tmp_path: Path) -> None:
    """No folder, no database, one that is none, a configuration that cannot be read: silence, and nothing is made."""
    assert complete(tmp_path, "postil account show a") == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "postil.toml").write_text("not = [toml")
    assert complete(tmp_path, "postil account show a") == []
    (tmp_path / "postil.toml").write_text('data = "data"\n')
    assert complete(tmp_path, "postil account show a") == []
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "postil.db").write_bytes(b"this is not a database at all" * 100)
    assert complete(tmp_path, "postil account show a") == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "postil.db", "postil.toml"]


def test_completing_reads_a_range(tmp_path: Path) -> None:
    """Ten thousand accounts or ten: the index is asked, and a screenful is read."""
    database = sqlite3.connect(tmp_path / "x.db")
    from postil.accounts.schema import STEPS

    for step in STEPS:
        database.executescript(step)
    plan = " ".join(
        row[3]
        for row in database.execute("EXPLAIN QUERY PLAN " + completing._ACCOUNTS, ("a", "b", 9))
    )
    database.close()
    assert "SEARCH account USING" in plan and "SCAN" not in plan


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script(shell: str, tmp_path: Path) -> None:
    """Printed for each shell, calls postil, and the shell (where it is installed) can read it."""
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0 and f"_POSTIL_COMPLETE={shell}_complete" in done.output
    program = shutil.which(shell)
    if program is not None:
        script = tmp_path / "script"
        script.write_text(done.output)
        subprocess.run([program, "-n", str(script)], check=True, timeout=60)


def test_bash_itself(machine: Path, require_tool: Callable[[str, str], str]) -> None:
    """In a real bash the function that the script defines fills the list."""
    bash = require_tool("bash", "bash")
    script = CliRunner().invoke(main, ["completion", "bash"]).output
    (machine / "postil").write_text(f'#!/bin/sh\nexec {sys.executable} -m postil.cli "$@"\n')
    (machine / "postil").chmod(0o755)
    done = subprocess.run(
        [bash, "--norc", "-c", script + '\nCOMP_WORDS=(postil account show a); COMP_CWORD=3\n'
         '_postil_completion postil; printf "%s\\n" "${COMPREPLY[@]}"'],
        cwd=machine, env={**os.environ, "PATH": f"{machine}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["ann@example.org"], done.stderr


def test_every_command_is_offered() -> None:
    """The first word comes from the table of commands, without loading one."""
    code = (
        "import sys\nfrom postil.cli import main\n"
        "try: main(prog_name='postil')\nexcept SystemExit: pass\n"
        "print([m for m in ('aiosqlite', 'msgspec', 'ssl') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "_POSTIL_COMPLETE": "bash_complete", "COMP_WORDS": "postil ", "COMP_CWORD": "1"},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == set(COMMANDS)
    assert done.stderr.strip() == "[]"
