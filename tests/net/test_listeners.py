"""Ports bound, and the sentence when one cannot be."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import pytest

from postil.net.admission import Admission
from postil.net.listeners import Listeners, PortTaken, Spec


def test_a_port_in_use_is_named() -> None:
    """The sentence names port, listener and address; the socket is given back."""
    listeners = Listeners(Admission())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} \(imap\) is in use .* 127\.0\.0\.1"):
            listeners.bind(Spec("imap", "127.0.0.1", port))
    listeners.close()


def test_an_address_that_is_not_ours() -> None:
    """Binding an address of another machine says so."""
    with pytest.raises(PortTaken, match=r"no address 192\.0\.2\.1"):
        Listeners(Admission()).bind(Spec("imap", "192.0.2.1", 0))


async def test_close_leaves_connections() -> None:
    """After closing nobody new gets in; a connection that exists goes on."""

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    listeners = Listeners(Admission())
    port = listeners.bind(Spec("echo", "127.0.0.1", 0))
    assert listeners.ports == {"echo": port}
    await listeners.open(lambda spec: Echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"1")
    assert await reader.readexactly(1) == b"1"
    listeners.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"2")
    assert await reader.readexactly(1) == b"2"
    writer.close()
    await writer.wait_closed()
