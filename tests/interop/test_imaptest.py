"""The scripts of the imaptest suite: those of the base protocol and of every capability we announce."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest
from tests.support import imaptest
from tests.support.imap import PASSWORD, world
from tests.support.localserve import LOGIN, Localserve
from tests.support.localserve import PASSWORD as PASSWORD_THERE
from tests.support.streams import MemoryStream

from postil.imap.capabilities import CAPABILITIES

# pytest collects before fixtures exist, so the folder is looked up as the fixture shared_dir does.
SHARED = Path(os.environ.get("POSTIL_SHARED") or Path(__file__).resolve().parents[3] / "shared")
SCRIPTS = SHARED / "vectors" / "imap" / "imaptest"
NAMES = sorted(path.name for path in SCRIPTS.glob("*") if path.suffix != ".mbox")
ANNOUNCED = {item.name.upper() for item in CAPABILITIES}
# Capabilities of these scripts that we do not announce: they are listed, not run.
NOT_RUN = {
    "catenate", "search-context-update", "sort-addresses", "sort-date",
    "sort-display-from", "sort-subject", "thread", "thread-orderedsubject", "thread3", "urlauth",
}  # fmt: skip


class InMemory:
    """A connection without a socket."""

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream

    async def send(self, octets: bytes) -> None:
        self._stream.client_write(octets)

    async def line(self) -> bytes:
        return await self._stream.client_line()

    async def octets(self, count: int) -> bytes:
        return await self._stream.client_octets(count)


class OverSocket:
    """A connection to a listening server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, octets: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()

    async def line(self) -> bytes:
        return await self._reader.readline()

    async def octets(self, count: int) -> bytes:
        return await self._reader.readexactly(count)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def _missing(name: str) -> list[str]:
    return [item for item in imaptest.load(SCRIPTS / name).capabilities if item not in ANNOUNCED]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_RUN])
async def test_script(name: str, shared_dir: Path) -> None:
    """The script runs to its end against a session in memory."""
    assert not _missing(name)
    async with world() as made:

        async def connect() -> InMemory:
            return InMemory(await made.connect())

        script = imaptest.load(SCRIPTS / name)
        await imaptest.Runner(script, connect, "user", PASSWORD).run()


def test_scripts_not_run_need_what_is_not_announced(shared_dir: Path) -> None:
    """A script is left out only because its capability is not announced."""
    assert set(NAMES) >= NOT_RUN
    assert all(_missing(name) for name in NOT_RUN)


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_script_counts(name: str, shared_dir: Path) -> None:
    """What is read of a script is all of it: no condition that leaves lines out, no result or reply that is lost."""
    script = imaptest.load(SCRIPTS / name)
    assert set(script.header) <= {"capabilities", "connections", "messages", "state"}
    body = (SCRIPTS / name).read_bytes().partition(b"\n\n")[2]
    lines = [line for _, line in imaptest.logical_lines(body)]
    assert not [line for line in lines if line.startswith((b"!if", b"!else", b"!endif"))]
    results = re.compile(rb'(?:\d+ )?(?:tag\d+ )?(?:ok|no|bad|"")(?: |$)', re.IGNORECASE)
    commands = [command for group in script.groups for command in group.commands]
    assert len(commands) == sum(bool(results.match(line)) for line in lines) > 0
    assert all(command.status for command in commands)
    replies = sum(len(group.replies) for group in script.groups)
    assert replies == sum(line[:2] in (b"* ", b"! ", b"? ") for line in lines)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_RUN])
async def test_script_over_tcp(name: str, localserve: Localserve) -> None:
    """The same script against the running server, through sockets and SQLite."""
    opened: list[OverSocket] = []

    async def connect() -> OverSocket:
        opened.append(OverSocket(*await asyncio.open_connection(localserve.ip, localserve.imap)))
        return opened[-1]

    script = imaptest.load(SCRIPTS / name)
    try:
        # A mailbox of its own for each script: the server is shared.
        runner = imaptest.Runner(script, connect, LOGIN, PASSWORD_THERE, f"t-{name}")
        await runner.run()
    finally:
        for connection in opened:
            await connection.close()
