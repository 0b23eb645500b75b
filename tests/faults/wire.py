"""Clients for tests that kill the server: just enough IMAP and SMTP, over real sockets, and a dead server is an EOFError."""

from __future__ import annotations

import asyncio
import contextlib
import re

_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class Connection:
    """Lines to and from a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, octets: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()

    async def line(self) -> bytes:
        """A line, with the literals in it."""
        whole = b""
        while True:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                raise EOFError
            whole += line
            literal = _LITERAL.search(line)
            if literal is None:
                return whole
            try:
                whole += await self._reader.readexactly(int(literal[1]))
            except asyncio.IncompleteReadError as error:
                raise EOFError from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # the other end died first
            await self._writer.wait_closed()


class Imap(Connection):
    """An IMAP client that waits for each answer."""

    _tags = 0

    @classmethod
    async def login(cls, host: str, port: int, user: str, password: str) -> Imap:
        client = cls(*await asyncio.open_connection(host, port, limit=1 << 20))
        await client.line()
        await client.command(b'LOGIN "%s" "%s"' % (user.encode(), password.encode()))
        return client

    async def command(self, text: bytes, literal: bytes | None = None) -> list[bytes]:
        """The untagged answers, and last the tagged one, which must be OK."""
        answers = await self.any_answer(text, literal)
        assert answers[-1].startswith(b"t%d OK" % self._tags), (text, answers[-1])
        return answers

    async def any_answer(self, text: bytes, literal: bytes | None = None) -> list[bytes]:
        """The untagged answers, and last the tagged one, whatever it is."""
        self._tags += 1
        tag = b"t%d " % self._tags
        if literal is None:
            await self.send(tag + text + b"\r\n")
        else:
            await self.send(tag + text + b" {%d}\r\n" % len(literal))
            early = []
            while not (line := await self.line()).startswith(b"+"):
                early.append(line)
                if line.startswith(tag):
                    return early  # refused
                assert line.startswith(b"*"), line
            await self.send(literal + b"\r\n")
        answers = []
        while not (line := await self.line()).startswith(tag):
            answers.append(line)
        return [*answers, line]


class Smtp(Connection):
    """An SMTP client."""

    @classmethod
    async def hello(cls, host: str, port: int) -> Smtp:
        client = cls(*await asyncio.open_connection(host, port))
        await client._reply()
        await client._command(b"EHLO client.example.org")
        return client

    async def _reply(self) -> bytes:
        while (line := await self.line())[3:4] == b"-":
            pass
        return line

    async def _command(self, text: bytes) -> bytes:
        await self.send(text + b"\r\n")
        return await self._reply()

    async def deliver(self, octets: bytes) -> None:
        """Returns when the server has taken the responsibility."""
        await self._command(b"MAIL FROM:<a@example.org>")
        await self._command(b"RCPT TO:<b@example.net>")
        await self._command(b"DATA")
        reply = await self._command(octets + b"\r\n.")
        assert reply.startswith(b"250"), reply
