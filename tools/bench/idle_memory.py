"""Mark: an idle connection costs about 18 KiB with TLS on our pump (16.7 are OpenSSL's); beside it the loops' own TLS."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop
from tools.bench import meter

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed, server_context
from postil.net.stream import Connection
from postil.net.wheel import Wheel

KINDS = ("plain", "pump", "uvloop", "asyncio")
MARK_KIB = 18.0


def resident(pid: int | str = "self") -> int:
    """Octets of memory that belong to the process and to nobody else's files."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this kernel has no smaps_rollup")


class Foreign(asyncio.Protocol):
    """The same idle session on the loop's own TLS."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"* OK hello\r\n")  # type: ignore[attr-defined]


async def idle(stream: Connection) -> None:
    """What a session does most of its life."""
    if stream.tls is not None:
        await stream.handshake()
    stream.write(b"* OK hello\r\n")
    await stream.read(3600)


async def server(kind: str, folder: Path) -> None:
    """Serve until standard input ends; print the port, and the memory whenever asked for it."""
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    context = server_context(*self_signed(folder, ["localhost"], SystemClock()))
    tasks: set[asyncio.Task[None]] = set()

    def made(connection: Connection) -> None:
        tasks.add(loop.create_task(idle(connection)))

    def ours() -> Connection:
        return Connection(
            wheel,
            listener="bench",
            connection="bench",
            made=made,
            implicit_tls=context if kind == "pump" else None,
        )

    foreign = kind in ("uvloop", "asyncio")
    factory: Callable[[], Any] = Foreign if foreign else ours
    listening = await loop.create_server(
        factory, "127.0.0.1", 0, ssl=context if foreign else None, backlog=1000
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        gc.collect()
        print(resident(), flush=True)
    os._exit(0)


def measure(kind: str, count: int, folder: Path) -> float:
    """Octets for each of `count` idle connections, with a hundred before them that warm everything."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tools.bench.idle_memory", "--serve", kind, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    port = int(child.stdout.readline())
    context = ssl.create_default_context(cafile=str(folder / "tls-certificate.pem"))
    opened: list[socket.socket] = []

    def connect() -> None:
        plain = socket.create_connection(("127.0.0.1", port))
        one = plain
        if kind != "plain":
            one = context.wrap_socket(plain, server_hostname="localhost")
        assert one.recv(100) == b"* OK hello\r\n"
        opened.append(one)

    def ask() -> int:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("\n")
        child.stdin.flush()
        return int(child.stdout.readline())

    try:
        for _ in range(100):
            connect()
        before = ask()
        for _ in range(count):
            connect()
        return (ask() - before) / count
    finally:
        child.stdin.close()
        child.wait(30)
        child.stdout.close()
        for one in opened:
            one.close()


def main() -> None:
    """Measure each kind and print it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("-n", type=int, default=1000, help="connections")
    arguments.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    arguments.add_argument("folder", nargs="?", help=argparse.SUPPRESS)
    arguments.add_argument("--out", help="append JSON lines here")
    given = arguments.parse_args()
    if given.serve:
        loop = asyncio.new_event_loop if given.serve == "asyncio" else uvloop.new_event_loop
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(server(given.serve, Path(given.folder)))
        return
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="postil-bench") as name:
        for kind in KINDS:
            kib = measure(kind, given.n, Path(name)) / 1024
            mark = f", mark {MARK_KIB:.0f}: {'met' if kib <= MARK_KIB else 'MISSED'}" * (
                kind == "pump"
            )
            print(f"{given.n} idle connections, {kind}: {kib:.1f} KiB each{mark}", flush=True)
            rows.append({"mark": "idle memory", "kind": kind, "kib": round(kib, 1)})
    meter.save(given.out, rows)


if __name__ == "__main__":
    main()
