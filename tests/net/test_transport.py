"""The pump as a transport: a library's protocol cannot tell it from asyncio's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import cast

import pytest
from tests.net.conftest import Pair

from postil.net.transport import Facade, Pumped
from postil.net.wheel import Wheel


class Library(asyncio.Protocol):
    """Sends back what comes, as a library would."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(Facade, transport)
        self.heard.append("made")

    def data_received(self, data: bytes) -> None:
        self.transport.writelines([data, b"!"])

    def eof_received(self) -> None:
        self.heard.append("eof")

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost")


@contextlib.asynccontextmanager
async def port(make: Callable[[Wheel], Pumped]) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    made: list[Pumped] = []

    def factory() -> Pumped:
        made.append(make(wheel))
        return made[-1]

    server = await loop.create_server(factory, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for pumped in made:
        pumped.abort()
    wheel.close()
    await server.wait_closed()
    await asyncio.sleep(0)


@pytest.mark.parametrize("tls", [False, True])
async def test_octets_and_events(pair: Pair, tls: bool) -> None:
    """Octets go both ways; the library hears made, eof, lost in this order and nothing twice."""
    heard: list[str] = []
    lib = Library(heard)
    context = pair.server() if tls else None
    async with port(lambda wheel: Pumped(wheel, lambda: lib, tls=context)) as number:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            number,
            ssl=pair.client() if tls else None,
            server_hostname="localhost" if tls else None,
        )
        writer.write(b"hello")
        assert await reader.readexactly(6) == b"hello!"
        assert (lib.transport.get_extra_info("sslcontext") is not None) is tls
        assert lib.transport.get_extra_info("peername")[0] == "127.0.0.1"
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        while "lost" not in heard:
            await asyncio.sleep(0.001)
    assert heard == ["made", "eof", "lost"]


async def test_the_library_hears_of_no_failed_handshake(pair: Pair) -> None:
    """A port scanner on the TLS port makes no connection for the library."""
    heard: list[str] = []
    server = pair.server()
    async with port(lambda wheel: Pumped(wheel, lambda: Library(heard), tls=server)) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        await reader.read()
        writer.close()
    assert heard == []


async def test_pause_is_passed_on(pair: Pair) -> None:
    """A browser that takes nothing pauses the library, and resumes it when it reads again."""
    heard: list[str] = []
    lib = Library(heard)
    server = pair.server()
    async with port(lambda wheel: Pumped(wheel, lambda: lib, tls=server)) as number:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", number, ssl=pair.client(), server_hostname="localhost", limit=1024
        )
        writer.write(b"x")
        await reader.readexactly(2)
        total = 0
        while "pause" not in heard:
            lib.transport.write(b"y" * 65536)
            total += 65536
            await asyncio.sleep(0)
        left = total
        while left:
            left -= len(await reader.read(65536))
        while "resume" not in heard:
            await asyncio.sleep(0.001)
        writer.close()


async def test_idle_connections_end() -> None:
    """Whoever connects and says nothing is cut off."""
    heard: list[str] = []
    async with port(lambda wheel: Pumped(wheel, lambda: Library(heard), idle=0.05)) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert heard == ["made", "lost"]


async def test_refused() -> None:
    """Too many: the refusal goes out, and the library hears of nothing."""
    heard: list[str] = []
    left: list[str] = []

    def make(wheel: Wheel) -> Pumped:
        return Pumped(
            wheel,
            lambda: Library(heard),
            enter=lambda ip: "too many",
            leave=left.append,
            refusal=b"503\r\n",
        )

    async with port(make) as number:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        assert await reader.read() == b"503\r\n"
        writer.close()
    assert heard == [] and left == []
