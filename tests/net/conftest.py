"""Certificates and running connections for the tests of the network layer."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed, server_context
from postil.net.stream import Connection
from postil.net.wheel import Wheel


@dataclass(frozen=True)
class Pair:
    """A server's context and its certificate file."""

    certificate: Path
    key: Path

    def server(self, **more: object) -> ssl.SSLContext:
        return server_context(self.certificate, self.key, **more)  # type: ignore[arg-type]

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A self-signed pair for localhost."""
    folder = tmp_path_factory.mktemp("pair")
    return Pair(*self_signed(folder, ["localhost", "127.0.0.1"], SystemClock()))


Session = Callable[[Connection], Awaitable[None]]


@dataclass
class Running:
    """A port where each connection runs a test's session."""

    port: int
    connections: list[Connection] = field(default_factory=list)
    ended: list[asyncio.Task[None]] = field(default_factory=list)


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Running]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test of this package runs on both loops."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
def serve(pair: Pair) -> Serve:
    """Gives `serve(session, implicit=…, start=…)`."""

    @contextlib.asynccontextmanager
    async def serving(
        session: Session, *, implicit: bool = False, start: bool = False
    ) -> AsyncIterator[Running]:
        loop = asyncio.get_running_loop()
        wheel = Wheel(loop)
        running = Running(0)

        async def serve_one(connection: Connection) -> None:
            if connection.tls is not None:
                await connection.handshake()
            await session(connection)

        def made(connection: Connection) -> None:
            running.connections.append(connection)
            running.ended.append(loop.create_task(serve_one(connection)))

        server = await loop.create_server(
            lambda: Connection(
                wheel,
                listener="test",
                connection="c1",
                made=made,
                implicit_tls=pair.server() if implicit else None,
                start_tls=pair.server() if start else None,
            ),
            "127.0.0.1",
            0,
        )
        running.port = server.sockets[0].getsockname()[1]
        try:
            yield running
        finally:
            server.close()
            for connection in running.connections:
                connection.abort()
            for task in running.ended:
                task.cancel()
            await asyncio.gather(*running.ended, return_exceptions=True)
            wheel.close()
            await server.wait_closed()

    return serving
