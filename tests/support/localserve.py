"""A localserve to test against: as a process of its own, the way a user runs it, or inside the test's event loop.

`localserve` is shared by the tests of one worker: use mailboxes and addresses of your own. `own_localserve` starts a
fresh one for one test. Neither sleeps: the server says through a pipe that it is ready, and on which ports.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

START_SECONDS = 60  # a busy machine; alone it takes under one
STOP_SECONDS = 30

LOGIN = "postil@localhost"
PASSWORD = "postilpostil"


@dataclass(frozen=True)
class Localserve:
    """A running server."""

    folder: Path
    ports: dict[str, int]
    certificate: Path
    ip: str = "127.0.0.1"
    process: subprocess.Popen[str] | None = None

    smtp = property(lambda self: self.ports["smtp"])
    submission = property(lambda self: self.ports["submission"])
    submissions = property(lambda self: self.ports["submissions"])
    imap = property(lambda self: self.ports["imap"])
    imaps = property(lambda self: self.ports["imaps"])
    http = property(lambda self: self.ports["http"])
    https = property(lambda self: self.ports["https"])

    def context(self) -> ssl.SSLContext:
        """A client's context that trusts this server only."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def events(self, protocol: str, name: str) -> int:
        """How often sessions reported that since the start, as /metrics says."""
        connection = http.client.HTTPConnection(self.ip, self.http, timeout=STOP_SECONDS)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        wanted = f'postil_events_total{{event="{name}",protocol="{protocol}"}} '
        found = [line for line in text.splitlines() if line.startswith(wanted)]
        return int(float(found[0].rpartition(" ")[2])) if found else 0


@contextlib.contextmanager
def running(
    folder: Path, *arguments: str, free_ports: bool = True, ip: str = "127.0.0.1"
) -> Iterator[Localserve]:
    """`python -m postil.cli localserve` until the block ends; then SIGTERM, and its status must be 0."""
    ready, theirs = os.pipe()
    command = [sys.executable, "-m", "postil.cli", "localserve", "--dir", str(folder)]
    command += ["--ip", ip]
    command += ["--free-ports"] if free_ports else []
    command += ["--ready-fd", str(theirs), *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=[theirs],
        cwd=folder.parent,
        # A start with modules compiled before is what a user has, and takes half the time.
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
    )
    os.close(theirs)
    try:
        line = _line(ready)
        if not line:
            process.kill()
            raise AssertionError(f"localserve did not start: {process.communicate()[0]}")
        said = json.loads(line)
        yield Localserve(folder, said["ports"], Path(said["certificate"]).absolute(), ip, process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_SECONDS)
        assert process.returncode == 0, output
    finally:
        os.close(ready)
        if process.poll() is None:
            process.kill()
            process.communicate()
        if process.stdout is not None:
            process.stdout.close()


def _line(fd: int) -> str:
    """What the server writes until it closes the pipe, which it also does by dying."""
    text = b""
    while True:
        readable, _, _ = select.select([fd], [], [], START_SECONDS)
        piece = os.read(fd, 4096) if readable else b""
        if not piece:
            return text.decode()
        text += piece


@contextlib.asynccontextmanager
async def in_process(folder: Path) -> AsyncIterator[Localserve]:
    """The same server inside the running loop: quick, and a debugger can stop in it."""
    from postil.app.localserve import Options, localserving

    async with localserving(Options(folder=folder, any_port=True, grace=1.0)) as server:
        yield Localserve(folder, server.ports, server.certificate)


@pytest.fixture(scope="session")
def localserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localserve]:
    """A server in a process of its own, shared by the tests of this worker."""
    with running(tmp_path_factory.mktemp("localserve") / "data") as server:
        yield server


@pytest.fixture
def own_localserve(tmp_path: Path) -> Iterator[Localserve]:
    """A server in a process of its own, for this test alone."""
    with running(tmp_path / "data") as server:
        yield server
