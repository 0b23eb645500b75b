"""`postil verify`: right after real mail, wrong after real damage."""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
from pathlib import Path

from tests.support.localserve import Localserve, running


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "postil.cli", "verify", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def send(server: Localserve) -> None:
    with smtplib.SMTP(server.ip, server.smtp, timeout=60) as client:
        client.sendmail("me@example.org", "you@localhost", "Subject: x\r\n\r\ncanary\r\n")


def test_right_while_running_and_after(tmp_path: Path) -> None:
    """A folder that a server works on, and the same one after it stopped, hold what they should."""
    folder = tmp_path / "data"
    with running(folder) as server:
        send(server)
        assert verify(folder).returncode == 0
    done = verify(folder, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"folder": str(folder), "ok": True, "findings": []}


def test_a_changed_octet_is_found(tmp_path: Path) -> None:
    """One octet of a stored message that is another: status 1, and a line that says where; not without the bodies."""
    folder = tmp_path / "data"
    with running(folder) as server:
        send(server)
    damaged = 0
    for path in (folder / "segments").rglob("*"):
        if path.is_file() and b"canary" in (octets := path.read_bytes()):
            path.chmod(0o600)
            path.write_bytes(octets.replace(b"canary", b"cananas"[:6]))
            damaged += 1
    assert damaged == 1
    done = verify(folder)
    assert done.returncode == 1 and done.stdout.count("\n") == 1
    found = json.loads(verify(folder, "--json").stdout)
    assert not found["ok"] and len(found["findings"]) == 1
    assert verify(folder, "--no-bodies").returncode == 0


def test_no_folder_and_no_index(tmp_path: Path) -> None:
    """A wrong path is one sentence, status 1."""
    done = verify(tmp_path / "nowhere")
    assert done.returncode == 1 and "no data folder" in done.stderr
    assert verify(tmp_path).returncode == 1
