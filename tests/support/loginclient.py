"""A client that logs in over a real socket with real TLS, IMAP or SMTP, and can be told to do it wrongly."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from postil.net import binding
from postil.sasl.scram_client import ClientExchange

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
NO_EXTENDED_MASTER_SECRET = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET


def context(certificate: Path, version: str = "1.3", options: int = 0) -> ssl.SSLContext:
    """A client's context that trusts this certificate and speaks this version only."""
    made = ssl.create_default_context(cafile=str(certificate))
    made.minimum_version = made.maximum_version = VERSIONS[version]
    made.options |= options
    return made


@dataclass
class Answer:
    """What became of a login: the server's last line, and whether it ended the connection."""

    ok: bool
    text: str
    closed: bool = False


class Client:
    """One connection, greeted; for SMTP behind EHLO."""

    def __init__(
        self, protocol: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.protocol = protocol
        self.reader = reader
        self.writer = writer
        self.announced: frozenset[str] = frozenset()
        self._tags = 0

    @classmethod
    async def open(
        cls,
        protocol: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        host: str = "127.0.0.1",
        local: str | None = None,
    ) -> Client:
        reader, writer = await asyncio.open_connection(
            host,
            port,
            ssl=tls,
            server_hostname="localhost" if tls else None,
            local_addr=(local, 0) if local else None,
        )
        client = cls(protocol, reader, writer)
        await client._greeted()
        return client

    async def _greeted(self) -> None:
        line = await self.line()
        if self.protocol == "imap":
            words = line.split("]")[0].split()
            self.announced = frozenset(
                word.removeprefix("AUTH=") for word in words if word.startswith("AUTH=")
            )
            return
        await self.send("EHLO client.example")
        while (line := await self.line())[3:4] == "-":
            if line[4:].startswith("AUTH "):
                self.announced = frozenset(line[9:].split())

    @property
    def tls(self) -> ssl.SSLObject:
        found = self.writer.get_extra_info("ssl_object")
        assert found is not None
        return found

    def bind(self, kind: str) -> bytes | None:
        """The data of a type, as this end sees it."""
        return binding.data(self.tls, kind, server=False)

    async def send(self, line: str) -> None:
        self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def line(self) -> str:
        return (await self.reader.readline()).decode().removesuffix("\r\n")

    async def ended(self) -> bool:
        """Does the server end the connection, with its BYE or 421, instead of answering NOOP?"""
        await self.send("t99 NOOP" if self.protocol == "imap" else "NOOP")
        return (await self.line()).startswith(("* BYE", "421"))

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()

    # --- exchanges

    async def begin(self, mechanism: str, initial: bytes | None) -> None:
        text = "" if initial is None else " " + (base64.b64encode(initial).decode() or "=")
        if self.protocol == "imap":
            self._tags += 1
            await self.send(f"t{self._tags} AUTHENTICATE {mechanism}{text}")
        else:
            await self.send(f"AUTH {mechanism}{text}")

    async def challenge(self) -> bytes | Answer:
        """The next challenge, or how it ended."""
        line = await self.line()
        go_on = "+ " if self.protocol == "imap" else "334 "
        if line.startswith(go_on):
            return base64.b64decode(line[len(go_on) :])
        if self.protocol == "imap":
            return Answer(line.startswith(f"t{self._tags} OK"), line)
        return Answer(line.startswith("235"), line)

    async def respond(self, response: bytes | None) -> None:
        """Answer a challenge; None gives up."""
        await self.send("*" if response is None else base64.b64encode(response).decode())

    async def scram(
        self,
        mechanism: str,
        exchange: ClientExchange,
        *,
        initial: bool = True,
        spoil: Callable[[bytes], bytes | None] = lambda final: final,
    ) -> Answer:
        """A whole login; `spoil` may change the client's final message, or give up (None)."""
        await self.begin(mechanism, exchange.first() if initial else None)
        said = await self.challenge()
        if not initial and isinstance(said, bytes):
            assert said == b""
            await self.respond(exchange.first())
            said = await self.challenge()
        if isinstance(said, Answer):
            return said
        await self.respond(spoil(exchange.final(said)))
        said = await self.challenge()
        if isinstance(said, Answer):
            return said
        exchange.finish(said)
        await self.respond(b"")
        last = await self.challenge()
        assert isinstance(last, Answer)
        return last

    async def plain(self, login: str, password: str, authorize: str = "") -> Answer:
        await self.begin("PLAIN", f"{authorize}\0{login}\0{password}".encode())
        answer = await self.challenge()
        assert isinstance(answer, Answer)
        return answer
