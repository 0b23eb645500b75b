"""`sitegen serve` in any checkout: one command, no configuration, nothing left behind."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = """// Package dial speaks SMTP.
package dial

// Greet follows RFC 5321 section 4.1.1.1.
// TODO: RFC 5321 section 4.5.3.2: time-outs
func Greet() {}
"""
SECONDS = 60


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Somebody else's repository: a Go file, no configuration, not under git."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "dial.go").write_text(SOURCE)
    return folder


@contextmanager
def serving(
    checkout: Path, tmp_path: Path, *arguments: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command, and the port it printed."""
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(work)}
    environment.pop("RFC_MIRROR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "postil_site.commands.sitegen", "serve", "--root", str(checkout), "--port", "0", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.match(r"http://127\.0\.0\.1:(\d+)/ ", line)
        assert found is not None, (line, process.communicate(timeout=SECONDS))
        yield process, int(found.group(1))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=SECONDS)


def read(port: int, path: str) -> tuple[int, str, str]:
    """Status, page and policy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", path)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    return answer.status, page, answer.headers["Content-Security-Policy"]


def test_any_checkout(checkout: Path, shared_dir: Path, tmp_path: Path) -> None:
    """The RFCs it names are fetched, the pages are there, the checkout is as it was, and nothing stays when it ends."""
    mirror = str(shared_dir / "rfc" / "txt")
    with serving(checkout, tmp_path, "--mirror", mirror) as (process, port):
        status, page, policy = read(port, "/")
        assert status == 200
        assert "default-src 'self'" in policy
        assert "rfc/rfc5321.html" in page
        _, page, _ = read(port, "/code/dial.go.html")
        assert "rfc/rfc5321.html#" in page
        _, page, _ = read(port, "/rfc/rfc5321.html")
        assert "dial.go:4" in page
        assert "time-outs" in page
        for outside in ("/../dial.go", "/..%2f..%2fetc/passwd", "/code/../../dial.go"):
            assert read(port, outside)[0] == 404
        assert [file.name for file in checkout.rglob("*")] == ["dial.go"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    assert list((tmp_path / "work").iterdir()) == []


def test_without_texts(checkout: Path, tmp_path: Path) -> None:
    """Offline it shows the code, and references lead to the RFC Editor."""
    with serving(checkout, tmp_path, "--no-fetch") as (process, port):
        _, page, _ = read(port, "/code/dial.go.html")
        assert "https://www.rfc-editor.org/rfc/rfc5321" in page
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_port_in_use(checkout: Path, tmp_path: Path) -> None:
    """It says so, and how to have another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "postil_site.commands.sitegen", "serve", "--root", str(checkout), "--port", str(port), "--no-fetch"],
            capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        )  # fmt: skip
    assert done.returncode == 1
    assert f"port {port}: Address already in use; another: --port N" in done.stderr
