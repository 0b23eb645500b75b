"""`postil acme` as people use it: beside a running server, and without one."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.support.authority import Authority, authority, program, root
from tests.support.pebble import Root, pebble
from tools.ports import free_port

from postil.cli import main

__all__ = ["authority", "root"]
NAME = "mail.example.org"


def configure(
    folder: Path, directory: str, ca_file: Path, ports: tuple[int, int], more: str = ""
) -> Path:
    """A machine's file."""
    file = folder / "postil.toml"
    file.write_text(
        f'hostname = "{NAME}"\ndata = "data"\n'
        '[[domain]]\nname = "example.org"\n'
        f'[[listener]]\nprotocol = "http"\nport = {ports[0]}\nips = ["127.0.0.1"]\nname = "http"\n'
        f'[[listener]]\nprotocol = "http"\nport = {ports[1]}\nips = ["127.0.0.1"]\ntls = "implicit"\nname = "https"\n'
        f"[limits]\nfree_space = 1\n"
        f'[[acme]]\nname = "ca"\ndirectory = "{directory}"\nca_file = "{ca_file}"\nagree_terms = true\n{more}'
    )
    return file


@contextlib.contextmanager
def serve(file: Path) -> Iterator[None]:
    """`postil serve` until the block ends."""
    ready, theirs = os.pipe()
    command = [sys.executable, "-m", "postil.cli", "serve", "--config", str(file)]
    process = subprocess.Popen(
        [*command, "--ready-fd", str(theirs)], pass_fds=[theirs], stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    try:
        readable, _, _ = select.select([ready], [], [], 60)
        assert readable and os.read(ready, 10_000)
        yield
        process.terminate()
        assert process.wait(30) == 0
    finally:
        os.close(ready)
        process.kill()
        process.wait()


def run(file: Path, *words: str, status: int = 0) -> str:
    """A command; standard output, or standard error where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "postil.cli", "acme", words[0], "--config", str(file), *words[1:]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stderr if status and not done.stdout else done.stdout


def rows(file: Path, *words: str, status: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(file, *words, "--json", status=status))
    return found


def wait_for(file: Path, serial_differs_from: str | None) -> dict[str, Any]:
    """Until the server has ordered."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        (row,) = rows(file, "status")
        if row["certificate_file"] not in (None, serial_differs_from) and row["not_after"]:
            return row
        time.sleep(0.1)
    raise AssertionError("nothing was ordered")


def test_beside_a_server(authority: Authority, tmp_path: Path) -> None:
    """A life: ordered by itself, renewed by command, another key by command, its account looked at, revoked and replaced."""
    file = configure(
        tmp_path, authority.ca.directory, authority.ca.root.ca_file, (authority.http, authority.tls)
    )
    (row,) = rows(file, "status")
    assert (
        row["next_order"] == "now"
        and row["why"] == "there is none"
        and row["certificate_file"] is None
    )
    with serve(file):
        row = wait_for(file, None)
        assert row["names"] == [NAME] and row["failures"] == 0 and row["last"]["ok"]
        assert set(row["tlsa"]) == {"current", "next"}

        (renewed,) = rows(file, "renew")
        assert renewed["ok"] and renewed["certificate_file"] != row["certificate_file"]
        assert renewed["tlsa"] == row["tlsa"]

        (rekeyed,) = rows(file, "renew", NAME, "--new-key")
        assert rekeyed["tlsa"]["current"] == row["tlsa"]["next"]
        assert rekeyed["tlsa"]["previous"] == row["tlsa"]["current"]
        assert (
            rekeyed["tlsa"]["current"].startswith("3 1 1 ") and len(rekeyed["tlsa"]["next"]) == 70
        )

        account = json.loads(run(file, "account", "--json"))
        assert account["status"] == "valid" and account["url"].startswith("https://localhost:")
        changed = json.loads(run(file, "account", "ca", "--change-key", "--json"))
        assert changed["url"] == account["url"]

        assert "is revoked" in run(file, "revoke", NAME, "--yes", "--reason", "superseded")
        after = wait_for(file, rekeyed["certificate_file"])
        assert not after["revoked"]
        text = run(file, "status", NAME)
        assert f"ca/{NAME}: {NAME} (ecdsa)" in text and "TLSA next: 3 1 1 " in text
        assert "until 20" in text and "next order 20" in text
        log = json.loads(
            CliRunner().invoke(main, ["admin", "log", "--json", "--config", str(file)]).stdout
        )
        noted = [(row["action"], row["object"], row["after"]) for row in reversed(log)]
        assert noted == [
            ("certificate.renew", f"ca/{NAME}", {"new_key": False}),
            ("certificate.renew", f"ca/{NAME}", {"new_key": True}),
            ("certificate.account.change-key", "ca", {"status": "valid"}),
            ("certificate.revoke", f"ca/{NAME}", {"reason": "superseded"}),
        ]


def test_without_a_server(authority: Authority, tmp_path: Path) -> None:
    """What needs the ports is refused before anybody is asked; dns-01 is done by the command itself."""
    ports = (free_port(), free_port())
    file = configure(tmp_path, authority.ca.directory, authority.ca.root.ca_file, ports)
    assert "no server runs: start it" in run(file, "renew", status=1)
    assert not (tmp_path / "data").exists()
    hook = tmp_path / "hook.sh"
    hook.write_text(
        '#!/bin/sh\n[ "$1" = add ] && path=set-txt || path=clear-txt\n'
        f'exec curl -sf -d "{{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}}" http://127.0.0.1:{authority.dns.management}/$path\n'
    )
    hook.chmod(0o755)
    more = 'challenges = ["dns-01"]\ndns_hook = ["./hook.sh"]\n'
    file = configure(tmp_path, authority.ca.directory, authority.ca.root.ca_file, ports, more)
    (row,) = rows(file, "renew")
    assert row["ok"] and Path(row["certificate_file"]).is_file()
    hook.write_text("#!/bin/sh\necho the zone is away\nexit 1\n")
    said = run(file, "renew", status=1)
    assert "status 1: the zone is away" in said
    assert "the zone is away" in run(file, "status")


def test_an_account_that_ends(root: Root, tmp_path: Path) -> None:
    """Deactivated by command, its file kept; what comes next is said; another one is made when somebody says so."""
    with pebble(program("pebble"), tmp_path, root=root) as ca:
        file = configure(tmp_path, ca.directory, root.ca_file, (free_port(), free_port()))
        assert "no account at ca yet" in run(file, "account", status=1)
        made = json.loads(run(file, "account", "--new", "--json"))
        assert run(file, "account").startswith(f"ca: {made['url']}\n  valid, no contact")
        kept = (tmp_path / "data/acme/ca/account.json").read_bytes()
        aside = json.loads(run(file, "account", "--deactivate", "--json"))["file"]
        assert Path(aside).read_bytes() == kept
        (tmp_path / "data/acme/ca/account.json").write_bytes(kept)
        said = run(file, "account", status=1)
        assert "the authority says: unauthorized" in said
        other = json.loads(run(file, "account", "--new", "--json"))
        assert other["url"] != made["url"] and other["status"] == "valid"
    assert "localhost" in run(file, "account", status=1)


def test_wrong_calls(tmp_path: Path) -> None:
    """Each is one sentence with what there is instead."""
    file = configure(tmp_path, "https://localhost:1/dir", tmp_path / "nothing", (80, 443))
    assert "certificate is for other.example: there is ca/mail" in run(
        file, "renew", "other.example", status=1
    )
    assert "no [[acme]] other: there is ca" in run(file, "account", "other", status=1)
    assert "has no certificates to trust" in run(file, "account", "--new", status=1)
    assert "one of" in run(file, "account", "--new", "--deactivate", status=2)
    assert "no certificate ca/mail.example.org to revoke" in run(
        file, "revoke", NAME, "--yes", status=1
    )
    state = tmp_path / "data/acme/ca" / NAME / "state.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("{")
    (row,) = rows(file, "status", status=1)
    assert str(state) in row["error"] and state.read_text() == "{"
    file.write_text('hostname = "x.example"\ndata = "data"\n[[domain]]\nname = "example.org"\n')
    assert "has no [[acme]]" in run(file, "status", status=1)
