"""SMTP load: S sessions hand over N messages, one transaction after the other, lockstep or pipelined."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Load:
    """What to send where."""

    port: int
    recipients: tuple[str, ...]  # messages go round them
    bodies: tuple[bytes, ...]
    count: int
    sessions: int = 50
    pipelined: bool = True
    login: tuple[str, str] | None = None
    host: str = "127.0.0.1"


@dataclass(slots=True)
class Result:
    """How it went; `finished` holds the moment of each 250, in order."""

    started: float
    finished: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return self.finished[-1] - self.started

    @property
    def rate(self) -> float:
        """Messages a second."""
        return len(self.finished) / self.wall

    def rate_of(self, start: int, stop: int) -> float:
        """Messages a second between two message numbers, to see whether it gets slower."""
        begin = self.started if start == 0 else self.finished[start - 1]
        return (stop - start) / (self.finished[stop - 1] - begin)


async def _expect(reader: asyncio.StreamReader, first: bytes) -> None:
    while True:
        line = await reader.readline()
        if line[3:4] != b"-":
            if line[:1] != first:
                raise RuntimeError(f"the server said {line!r}")
            return


async def _session(load: Load, numbers: list[int], wire: list[bytes], result: Result) -> None:
    reader, writer = await asyncio.open_connection(load.host, load.port)
    await _expect(reader, b"2")
    writer.write(b"EHLO client.example\r\n")
    await _expect(reader, b"2")
    if load.login:
        user, password = load.login
        token = base64.b64encode(f"\0{user}\0{password}".encode())
        writer.write(b"AUTH PLAIN " + token + b"\r\n")
        await _expect(reader, b"2")
    while numbers:
        number = numbers.pop()
        start = time.perf_counter()
        envelope = (
            b"MAIL FROM:<load@client.example>\r\n",
            b"RCPT TO:<%b>\r\n" % load.recipients[number % len(load.recipients)].encode(),
            b"DATA\r\n",
        )
        if load.pipelined:
            writer.write(b"".join(envelope))
            for first in (b"2", b"2", b"3"):
                await _expect(reader, first)
        else:
            for line, first in zip(envelope, (b"2", b"2", b"3"), strict=True):
                writer.write(line)
                await _expect(reader, first)
        writer.write(wire[number % len(wire)])
        await writer.drain()
        await _expect(reader, b"2")
        now = time.perf_counter()
        result.finished.append(now)
        result.latencies.append(now - start)
    writer.write(b"QUIT\r\n")
    await reader.readline()
    writer.close()


async def _run(load: Load) -> Result:
    wire = [body.replace(b"\r\n.", b"\r\n..") + b".\r\n" for body in load.bodies]
    numbers = list(range(load.count - 1, -1, -1))
    result = Result(time.perf_counter())
    await asyncio.gather(
        *(_session(load, numbers, wire, result) for _ in range(min(load.sessions, load.count)))
    )
    return result


def run(load: Load) -> Result:
    """Send it all; raises when the server refuses anything."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run(load))
    return uvloop.run(_run(load))
