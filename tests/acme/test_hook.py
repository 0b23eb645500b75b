"""The program for dns-01: what it is given, what becomes of it, and the example that people copy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from postil.acme import hook
from postil.acme.identifiers import identifier
from postil.acme.problem import OrderFailed

NAME = identifier("*.example.org")


def script(folder: Path, text: str) -> str:
    file = folder / "hook"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


async def test_what_it_is_given(tmp_path: Path) -> None:
    """Action, name and value behind its own words, the domain in the environment, nothing to read; many lines are no trouble."""
    program = script(
        tmp_path, 'echo "$@" "$POSTIL_ACME_DOMAIN" > "$0.log"; cat; yes | head -c 1000000'
    )
    await hook.run([program, "mine"], "add", NAME, "va-lue_", 20)
    assert (
        tmp_path / "hook.log"
    ).read_text() == "mine add _acme-challenge.example.org va-lue_ example.org\n"


async def test_failures(tmp_path: Path) -> None:
    """Not there, not a program, a status, a signal: each is an error with the program's name and what it said last."""
    with pytest.raises(OrderFailed, match="nothing cannot be started: No such file"):
        await hook.run([str(tmp_path / "nothing")], "add", NAME, "x", 20)
    (tmp_path / "data").write_text("x")
    with pytest.raises(OrderFailed, match="data cannot be started: Permission denied"):
        await hook.run([str(tmp_path / "data")], "add", NAME, "x", 20)
    program = script(
        tmp_path, "yes noise | head -c 100000; printf 'zone \\033[2J is \\377 locked'; exit 4"
    )
    with pytest.raises(OrderFailed, match=r"status 4: .*zone .* locked") as caught:
        await hook.run([program], "remove", NAME, "x", 20)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 6000
    with pytest.raises(OrderFailed, match="status -9: no output"):
        await hook.run([script(tmp_path, "kill -9 $$")], "add", NAME, "x", 20)


async def test_too_slow(tmp_path: Path) -> None:
    """Ended with everything it has started."""
    program = script(tmp_path, 'sleep 1000 & echo $! > "$0.pid"; wait')
    with pytest.raises(OrderFailed, match="took over 2 seconds"):
        await hook.run([program], "add", NAME, "x", 2)
    status = Path(f"/proc/{int((tmp_path / 'hook.pid').read_text())}/stat")

    def lives() -> bool:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return status.read_text().split()[2] != "Z"
        return False

    async with asyncio.timeout(20):  # it is told at once, and dies when the kernel next lets it run
        while lives():
            await asyncio.sleep(0.01)


async def test_the_example(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script on the page says to nsupdate what it should, and nothing for a word that it does not know."""
    page = (repo_root / "website/content/certificates.md").read_text("utf-8")
    found = re.search(r"```sh\n(#!/bin/sh\n.*?)```", page, re.DOTALL)
    assert found is not None
    program = tmp_path / "dns-hook.sh"
    program.write_text(found[1])
    program.chmod(0o755)
    tool = tmp_path / "nsupdate"
    tool.write_text('#!/bin/sh\ncat >> "$0.log"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    await hook.run([str(program)], "add", NAME, "va-lue", 20)
    await hook.run([str(program)], "remove", NAME, "va-lue", 20)
    assert (tmp_path / "nsupdate.log").read_text().splitlines() == [
        "server ns1.example.org",
        'update add _acme-challenge.example.org. 60 IN TXT "va-lue"',
        "send",
        "server ns1.example.org",
        'update delete _acme-challenge.example.org. IN TXT "va-lue"',
        "send",
    ]
    assert (
        subprocess.run([program, "x", "y", "z"], capture_output=True, check=False).returncode == 2
    )
