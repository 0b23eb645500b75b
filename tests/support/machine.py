"""`postil serve` with a configuration of its own, as a process, for tests of settings that change while it runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.ports import free_port

SECONDS = 60  # a busy machine; alone everything here takes under one
PROTOCOLS = ("smtp", "imap", "http")


@dataclass(frozen=True)
class Machine:
    """A running server and its files."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def config(self) -> Path:
        return self.folder / "postil.toml"

    @property
    def domains(self) -> Path:
        return self.folder / "domains.toml"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of this machine, in a process of its own."""
        return command(self.folder, *arguments)

    def metrics(self) -> str:
        """What /metrics says."""
        web = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=SECONDS)
        web.request("GET", "/metrics")
        text = web.getresponse().read().decode()
        web.close()
        return text

    def metric(self, name: str) -> float:
        """One figure; 0 when it is not there."""
        match = re.search(rf"^{re.escape(name)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(match[1]) if match else 0.0


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`postil …` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "postil.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=folder,
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Modules compiled before are what a user has; no configuration of the machine that tests."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "POSTIL_CONFIG")
    return {name: value for name, value in os.environ.items() if name not in left_out}


def until(true: Callable[[], object], seconds: float = SECONDS) -> None:
    """Look until it is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def text(ports: dict[str, int], more: str = "") -> str:
    """postil.toml for these ports."""
    listeners = "".join(
        f'[[listener]]\nname = "{name}"\nprotocol = "{name}"\nport = {port}\nips = ["127.0.0.1"]\n'
        for name, port in ports.items()
    )
    return f'hostname = "mail.example.org"\ndata = "data"\n{more}{listeners}'


def free_ports() -> dict[str, int]:
    """A port for each protocol."""
    return {name: free_port() for name in PROTOCOLS}


@contextlib.contextmanager
def running(folder: Path, domains: str) -> Iterator[Machine]:
    """The server until the block ends; then SIGTERM, and its status must be 0."""
    ports = free_ports()
    (folder / "postil.toml").write_text(text(ports))
    (folder / "domains.toml").write_text(domains)
    ready, theirs = os.pipe()
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "postil.cli", "serve", "--ready-fd", str(theirs)],
            stdout=out,
            stderr=out,
            pass_fds=[theirs],
            cwd=folder,
            env=environment(),
        )
    os.close(theirs)
    try:
        readable, _, _ = select.select([ready], [], [], SECONDS)
        line = os.read(ready, 4096) if readable else b""
        assert line, f"the server did not start: {log.read_text()}"
        assert json.loads(line)["ports"] == ports
        yield Machine(folder, ports, process, log)
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, log.read_text()
    finally:
        os.close(ready)
        if process.poll() is None:
            process.kill()
            process.wait()
