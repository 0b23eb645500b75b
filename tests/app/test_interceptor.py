"""Somebody between client and server, with a certificate that the client trusts: PLAIN passes through him, -PLUS must fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.interceptor import intercepting
from tests.support.localserve import LOGIN, PASSWORD
from tests.support.loginclient import VERSIONS, Client, context

from postil.app.localserve import Options, localserving
from postil.app.server import Server
from postil.sasl import scram, scram_client
from postil.sasl.scram_client import Binding, ClientExchange

PLUS = "SCRAM-SHA-256-PLUS"
PORTS = {"imap": "imaps", "smtp": "submissions"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    options = Options(folder=tmp_path / "data", any_port=True, grace=1.0, login_wait=0.0)
    async with localserving(options) as running:
        yield running


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """`Client.open`, and the end of what it opened."""
    opened: list[Client] = []

    async def opening(*arguments: Any) -> Client:
        opened.append(await Client.open(*arguments))
        return opened[-1]

    yield opening
    for client in opened:
        await client.close()


Connect = Callable[..., Awaitable[Client]]


def warned(server: Server) -> int:
    """How often the log warned of an interception; `tests/daemon/test_service.py` shows that it is a warning."""
    return sum(
        int(
            server.metrics.registry.get_sample_value(
                "postil_events_total", {"protocol": protocol, "event": "interception"}
            )
            or 0
        )
        for protocol in ("imap", "submission")
    )


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
async def test_plain_passes(
    server: Server, tmp_path: Path, connect: Connect, protocol: str
) -> None:
    """He reads the password and the client notices nothing: why -PLUS exists."""
    with intercepting(tmp_path / "mitm", server.ports[PORTS[protocol]]) as between:
        client = await connect(protocol, between.port, context(between.certificate))
        assert (await client.plain(LOGIN, PASSWORD)).ok
        assert b"AHBvc3RpbEBsb2NhbGhvc3QAcG9zdGlscG9zdGls" in between.read


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
@pytest.mark.parametrize(
    ("towards_client", "towards_server", "kind", "why"),
    [
        ("1.3", "1.3", "tls-exporter", "channel-bindings-dont-match"),
        ("1.3", "1.3", "tls-server-end-point", "channel-bindings-dont-match"),
        ("1.2", "1.2", "tls-unique", "channel-bindings-dont-match"),
        ("1.2", "1.3", "tls-unique", "unsupported-channel-binding-type"),
        ("1.3", "1.2", "tls-exporter", "unsupported-channel-binding-type"),
        ("1.3", "1.2", "tls-server-end-point", "channel-bindings-dont-match"),
    ],
)
@pytest.mark.parametrize("mechanism", [PLUS, "SCRAM-SHA-256"])
async def test_plus_fails(
    server: Server,
    tmp_path: Path,
    connect: Connect,
    protocol: str,
    towards_client: str,
    towards_server: str,
    kind: str,
    why: str,
    mechanism: str,
) -> None:
    """Whatever he does with the versions, the right password logs nobody in, and the log warns."""
    with intercepting(
        tmp_path / "mitm",
        server.ports[PORTS[protocol]],
        towards_client=VERSIONS[towards_client],
        towards_server=VERSIONS[towards_server],
    ) as between:
        client = await connect(protocol, between.port, context(between.certificate, towards_client))
        data = client.bind(kind)
        assert data is not None
        answer = await client.scram(
            mechanism, exchange(mechanism, Binding("p", kind, data)), initial=True
        )
        assert not answer.ok and why in answer.text
        assert await client.ended() == (kind == towards_server_exporter(towards_server, kind))
    assert warned(server) == 1


def towards_server_exporter(version: str, kind: str) -> str:
    """The type that the server lets nobody use twice, where it was used."""
    return "tls-exporter" if version == "1.3" and kind == "tls-exporter" else ""


def exchange(mechanism: str, binding: Binding) -> ClientExchange:
    return ClientExchange(
        scram.MECHANISMS[mechanism], LOGIN, PASSWORD, b"nonce.of.the.client", binding=binding
    )


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
async def test_a_shortened_list_is_noticed(
    server: Server, tmp_path: Path, connect: Connect, protocol: str
) -> None:
    """He takes the -PLUS mechanisms out of the list; a client that could bind says so with `y`, and the server refuses."""

    def without_plus(said: bytes) -> bytes:
        for hash_ in (b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-1-PLUS"):
            said = said.replace(b"AUTH=" + hash_ + b" ", b"").replace(hash_ + b" ", b"")
        return said

    port = server.ports[PORTS[protocol]]
    with intercepting(tmp_path / "mitm", port, change=without_plus) as between:
        client = await connect(protocol, between.port, context(between.certificate))
        assert "SCRAM-SHA-256" in client.announced
        chosen = scram_client.choose(client.announced, "tls-exporter", client.bind("tls-exporter"))
        assert chosen is not None and chosen[1].flag == "y"
        answer = await client.scram(chosen[0].name, exchange(chosen[0].name, chosen[1]))
        assert not answer.ok and "server-does-support-channel-binding" in answer.text
    assert warned(server) == 1


async def test_without_him(server: Server, connect: Connect) -> None:
    """The same client, straight: it chooses -PLUS and is in; and this connection cannot be given to somebody else."""
    client = await connect("imap", server.ports["imaps"], context(server.certificate))
    chosen = scram_client.choose(client.announced, "tls-exporter", client.bind("tls-exporter"))
    assert chosen is not None and chosen[0].name == PLUS
    answer = await client.scram(PLUS, exchange(PLUS, chosen[1]))
    assert answer.ok and "UNAUTHENTICATE" not in answer.text
    await client.send("t9 UNAUTHENTICATE")
    assert (await client.line()).startswith("t9 BAD")
    # Bound by another type, or not bound, the connection may be used again.
    client = await connect("imap", server.ports["imaps"], context(server.certificate))
    data = client.bind("tls-server-end-point")
    assert data is not None
    answer = await client.scram(PLUS, exchange(PLUS, Binding("p", "tls-server-end-point", data)))
    assert answer.ok and "UNAUTHENTICATE" in answer.text
    await client.send("t9 UNAUTHENTICATE")
    assert (await client.line()).startswith("t9 OK")
    bound = client.bind("tls-exporter")
    assert bound is not None
    answer = await client.scram(PLUS, exchange(PLUS, Binding("p", "tls-exporter", bound)))
    assert answer.ok and "UNAUTHENTICATE" not in answer.text


async def test_gsasl_notices(
    server: Server, tmp_path: Path, require_tool: Callable[[str, str], str]
) -> None:
    """A client that others wrote is let in straight and kept out through him."""
    gsasl = require_tool("gsasl", "gsasl")

    async def run(port: int, certificate: Path) -> int:
        process = await asyncio.create_subprocess_exec(
            *(gsasl, "--imap", f"--connect=localhost:{port}", "--mechanism=SCRAM-SHA-256-PLUS"),
            *(f"--x509-ca-file={certificate}", f"--authentication-id={LOGIN}"),
            *(f"--authorization-id={LOGIN}", f"--password={PASSWORD}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait()

    assert await run(server.ports["imap"], server.certificate) == 0
    # gsasl begins with STARTTLS, so he has to speak that much IMAP.
    with intercepting(tmp_path / "mitm", server.ports["imaps"], starttls=True) as between:
        assert await run(between.port, between.certificate) != 0
    assert b"cD10bHMtZXhwb3J0ZXI" in between.read  # p=tls-exporter, in vain
