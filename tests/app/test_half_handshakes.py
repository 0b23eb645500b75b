"""Handshakes that have begun and do not end, or end late: over a change of the certificate, and as a flood from one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.app.test_handshakes import LISTENERS, tls
from tests.app.test_server import ANY_PORT, config
from tests.support.machine import SECONDS, Machine, environment, until
from tools.ports import free_port

from postil.app.server import serving
from postil.base.clock import SystemClock
from postil.net.certificates import self_signed


@dataclass
class Half:
    """A client that shakes hands step by step."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    version: str
    incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    held: bytes = b""

    def __post_init__(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = ssl.TLSVersion[self.version]
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_hostname="mail.example.org"
        )

    def step(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    async def begin(self, how_far: int) -> None:
        """0: connected; 1: half a hello is sent; 2: a whole one; 3: the server's answer is there."""
        self.step()
        hello = self.outgoing.read()
        cut = (0, len(hello) // 2, len(hello), len(hello))[how_far]
        self.writer.write(hello[:cut])
        self.held = hello[cut:]
        await self.writer.drain()
        if how_far == 3:
            self.incoming.write(await self.reader.read(1))

    async def end(self) -> bytes:
        """The rest, a line of the server; the certificate that was seen."""
        self.writer.write(self.held)
        while not self.step():
            await self._flush()
            got = await self.reader.read(65536)
            assert got, "the server broke it off"
            self.incoming.write(got)
        await self._flush()
        line = b""
        while not line.endswith(b"\n"):
            try:
                line += self.tls.read(1000)
            except ssl.SSLWantReadError:
                got = await self.reader.read(65536)
                assert got, "the server broke it off"
                self.incoming.write(got)
        assert line.startswith(b"* OK")
        seen = self.tls.getpeercert(True)
        assert seen is not None
        return seen

    async def _flush(self) -> None:
        self.writer.write(self.outgoing.read())
        await self.writer.drain()


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_a_change_in_the_middle_of_a_hundred_handshakes(tmp_path: Path, version: str) -> None:
    """Each ends, with the certificate that was there when its hello was whole; none breaks."""
    wanted = tls(tmp_path)
    settings = config(tmp_path, listener=LISTENERS, tls=wanted)
    async with serving(settings, ANY_PORT) as server:
        halves = [
            Half(*await asyncio.open_connection("127.0.0.1", server.ports["imaps"]), version)
            for _ in range(100)
        ]
        for at, half in enumerate(halves):
            await half.begin(at % 4)
        labels = {"listener": "imaps", "asked": "known", "outcome": "shown"}
        value = server.metrics.registry.get_sample_value
        async with asyncio.timeout(60):
            while value("postil_tls_names_total", labels) != 50:
                await asyncio.sleep(0)
        before = ssl.PEM_cert_to_DER_cert(Path(wanted.certificate).read_text())
        Path(wanted.certificate).unlink()
        self_signed(Path(wanted.certificate).parent, ("mail.example.org",), SystemClock())
        after = ssl.PEM_cert_to_DER_cert(Path(wanted.certificate).read_text())
        server.certificates.look()
        async with asyncio.timeout(60):
            seen = await asyncio.gather(*(half.end() for half in halves))
        for at, one in enumerate(seen):
            assert one == (before if at % 4 >= 2 else after), at
        for half in halves:
            half.writer.transport.abort()
        assert not value("postil_tls_handshake_failures_total", {"listener": "imaps"})


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """`postil serve` with IMAP inside TLS, behind a proxy, so that connections have addresses of their own."""
    ports = {"imaps": free_port(), "http": free_port()}
    (folder / "postil.toml").write_text(
        'hostname = "mail.example.org"\ndata = "data"\n[[domain]]\nname = "example.org"\n'
        f'[[listener]]\nname = "http"\nprotocol = "http"\nport = {ports["http"]}\nips = ["127.0.0.1"]\n'
        f'[[listener]]\nname = "imaps"\nprotocol = "imap"\nport = {ports["imaps"]}\nips = ["127.0.0.1"]\n'
        'tls = "implicit"\nproxies = ["127.0.0.1"]\n'
    )
    ready, theirs = os.pipe()
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "postil.cli", "serve", "--ready-fd", str(theirs)],
            stdout=out, stderr=out, pass_fds=[theirs], cwd=folder, env=environment(),
        )  # fmt: skip
    os.close(theirs)
    try:
        readable, _, _ = select.select([ready], [], [], SECONDS)
        assert readable and os.read(ready, 4096), log.read_text()
        yield Machine(folder, ports, process, log)
    finally:
        os.close(ready)
        process.kill()
        process.wait()


def resident(process: subprocess.Popen[bytes]) -> float:
    """MiB of memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match
    return int(match[1]) / 1024


def header(ip: str) -> bytes:
    return f"PROXY TCP4 {ip} 192.0.2.2 4711 993\r\n".encode()


def greeted(server: Machine, ip: str) -> bytes:
    """What somebody at that address is told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", server.ports["imaps"]), timeout=SECONDS) as plain:
        plain.sendall(header(ip))
        with context.wrap_socket(plain, server_hostname="mail.example.org") as inside:
            return inside.recv(4)


# A hello of 32,000 octets, an octet a record, all but its end: what holds the most memory here.
ENDLESS = b"".join(b"\x16\x03\x01\x00\x01" + bytes([one]) for one in b"\x01\x00\x7d\x00" + bytes(31_000))  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_flood_of_hellos_without_end(tmp_path: Path) -> None:
    """Of 500 from one address a hundred are let in, others are served meanwhile, and the third flood takes no more memory than the first."""
    with machine(tmp_path) as server:
        assert greeted(server, "198.51.100.1") == b"* OK"
        before, after = resident(server.process), []
        for turn in (1, 2, 3):
            with contextlib.ExitStack() as stack:
                for _ in range(500):
                    one = stack.enter_context(
                        socket.create_connection(("127.0.0.1", server.ports["imaps"]), SECONDS)
                    )
                    with contextlib.suppress(ConnectionError):  # it is cut while we send
                        one.sendall(header("192.0.2.7"))
                        one.sendall(ENDLESS)
                until(
                    lambda turn=turn: server.metric(
                        'postil_connections_refused_total{listener="imaps"}'
                    ) == 400 * turn  # type: ignore[misc]
                )  # fmt: skip
                assert server.metric('postil_connections_open{listener="imaps"}') == 100
                assert greeted(server, "198.51.100.1") == b"* OK"
                after.append(resident(server.process))
            until(lambda: not server.metric('postil_connections_open{listener="imaps"}'))
        # A quarter of a MiB each at most, given back or used again.
        assert after[0] - before < 40, (before, after)
        assert after[2] - after[0] < 8, (before, after)
        assert greeted(server, "192.0.2.7") == b"* OK"
