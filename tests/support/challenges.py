"""The two ports where an authority looks: http-01 by the server's own web application, tls-alpn-01 by a responder of the tests."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from prometheus_client import CollectorRegistry

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed
from postil.web.application import Parts, application


@dataclass
class Responders:
    """Implements `ports.certs.Challenges`."""

    http_port: int = 0
    tls_port: int = 0
    texts: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)  # what was shown, ever
    hidden: list[str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)  # SNI of every handshake

    def show_tls(self, name: str, certificate_pem: bytes, key_pem: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / "certificate", Path(folder) / "key"]
            for file, octets in zip(files, (certificate_pem, key_pem), strict=True):
                file.write_bytes(octets)
            context.load_cert_chain(*files)
        context.set_alpn_protocols(["acme-tls/1"])
        self.contexts[name] = context
        self.seen.append(name)

    def hide_tls(self, name: str) -> None:
        if self.contexts.pop(name, None):
            self.hidden.append(name)

    def show_http(self, token: str, text: str) -> None:
        self.texts[token] = text
        self.seen.append(token)

    def hide_http(self, token: str) -> None:
        if self.texts.pop(token, None):
            self.hidden.append(token)

    def choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """The SNI callback."""
        self.asked.append(name)
        context = self.contexts.get(name or "")
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context
        return None


@contextlib.asynccontextmanager
async def responders(
    folder: Path, *, http: int = 0, tls: int = 0, ip: str = "127.0.0.1"
) -> AsyncIterator[Responders]:
    """Both ports, until the block ends; 0: any."""
    own = Responders()

    async def ready() -> str | None:
        return None

    app = application(
        Parts(CollectorRegistry(), ready, loopback_names_only=False, challenges=own.texts)
    )
    listening = socket.create_server(
        (ip, http), family=socket.AF_INET6 if ":" in ip else socket.AF_INET
    )
    own.http_port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.get_running_loop().create_task(server._serve(sockets=[listening]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(folder, ("nobody.invalid",), SystemClock()))
    context.set_alpn_protocols(["acme-tls/1"])
    context.sni_callback = own.choose  # type: ignore[assignment]

    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    secure = await asyncio.start_server(closed, ip, tls, ssl=context)
    own.tls_port = secure.sockets[0].getsockname()[1]
    try:
        yield own
    finally:
        secure.close()
        server.should_exit = True
        await serving
