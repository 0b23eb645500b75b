"""This server, started as a user would, on a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.bench import meter
from tools.bench.peers import Server, wait_port

from postil.accounts import Administration
from postil.app.server import DATABASE
from postil.base.clock import SystemClock

USER = "postil@localhost"
PASSWORD = "postilpostil"
_BASES = (1025, 1080, 1143, 1443, 1465, 1587, 1993)


async def _add(path: Path, accounts: int) -> None:
    administration = await Administration.open(path, clock=SystemClock())
    for number in range(accounts):
        await administration.add(f"bench{number}@localhost", PASSWORD)
    await administration.close()


def free_offset() -> int:
    """An offset at which none of localserve's ports is taken."""
    for offset in range(20_000 + os.getpid() % 1000, 60_000, 37):
        with contextlib.ExitStack() as held:
            try:
                for base in _BASES:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            except OSError:
                continue
            return offset
    raise RuntimeError("no free ports")


@contextlib.contextmanager
def postil(folder: Path, arguments: tuple[str, ...] = (), accounts: int = 0) -> Iterator[Server]:
    """`postil localserve` on one core; `accounts` more users bench0@localhost, bench1@localhost … with PASSWORD."""
    offset = free_offset()
    if accounts:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        asyncio.run(_add(folder / DATABASE, accounts))
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".log").open("wb")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "postil.cli", "localserve", "--dir", str(folder),
            "--port-offset", str(offset), *arguments,
        ],
        preexec_fn=lambda: os.sched_setaffinity(0, {meter.SERVER_CPU}),
        stdout=log,
        stderr=log,
    )  # fmt: skip
    try:
        wait_port(1143 + offset, 60)
        wait_port(1025 + offset)
        about = "postil localserve: SQLite index FULL, segments fdatasync, group commit"
        yield Server(
            "postil", process.pid, 1143 + offset, 1025 + offset, about, folder, 1993 + offset
        )
    finally:
        process.terminate()
        process.wait(60)
        log.close()
