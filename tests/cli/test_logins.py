"""`postil logins`: what a client wrote can look like nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from postil.accounts.attempts import FILE, Attempts
from postil.base.clock import SystemClock
from postil.cli import logins
from postil.ports.logins import Attempt, Result
from postil.ports.peer import Peer

PEER = Peer("198.51.100.7", 40000, "192.0.2.1", 993, "imaps", "c1", "TLSv1.3")


async def listed(folder: Path, login: str, client: str = "") -> str:
    log = await Attempts.open(folder / FILE, SystemClock())
    log.add(Attempt("imap", "PLAIN", login, PEER, Result.CREDENTIALS, client=client))
    await log.close()
    done = CliRunner().invoke(logins.command, ["--dir", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("login", "shown"),
    [
        ("ann@example.org", "ann@example.org"),
        ("", "-"),
        ("-", "'-'"),
        ("änne", "änne"),
        ("ann  from 192.0.2.9  TLSv1.3  - ok", "'ann  from 192.0.2.9  TLSv1.3  - ok'"),
        ("\x1b[2J\nann", r"'\x1b[2J\nann'"),
        ("a\u202eb", r"'a\u202eb'"),
        ("o'hara", '"o\'hara"'),
    ],
)
async def test_names(tmp_path: Path, login: str, shown: str) -> None:
    """One line, with the name in quotes where it could be taken for more than a name."""
    said = await listed(tmp_path, login, client="x\n- ok")
    assert said.count("\n") == 1
    assert f"  imap  PLAIN  {shown}  from 198.51.100.7  TLSv1.3  as 'x\\n- ok'  - wrong" in said


async def test_filters(tmp_path: Path) -> None:
    """A network is taken, and what is none is refused, instead of finding nothing."""
    await listed(tmp_path, "ann")
    run = CliRunner().invoke
    found = run(logins.command, ["--dir", str(tmp_path), "--json", "--ip", "198.51.100.9/24"])
    assert [row["login"] for row in json.loads(found.output)] == ["ann"]
    wrong = run(logins.command, ["--dir", str(tmp_path), "--ip", "198.51.100"])
    assert wrong.exit_code == 2 and "no address and no network" in wrong.output
    assert run(logins.command, ["--dir", str(tmp_path), "--last", "1y"]).exit_code == 2
