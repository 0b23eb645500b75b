"""The life of a connection: refused in the protocol's words, served, excused, stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from postil.base.clock import SystemClock
from postil.daemon import imap, smtp
from postil.daemon.metrics import Metrics
from postil.daemon.service import Service, Surroundings, Words
from postil.net.admission import Admission, Allowed
from postil.net.certificates import self_signed, server_context
from postil.net.listeners import Listeners, Spec
from postil.net.wheel import Wheel
from postil.ports.stream import Stream

WORDS = Words(
    lambda reason: f"no: {reason}\r\n".encode(),
    b"bye\r\n",
    b"our fault\r\n",
    lambda why: f"go: {why.value}\r\n".encode(),
)


class World:
    """One service on one port."""

    def __init__(self, service: Service, listeners: Listeners, metrics: Metrics) -> None:
        self.service = service
        self.listeners = listeners
        self.metrics = metrics

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listeners.ports["test"])

    async def all_said(self) -> bytes:
        reader, writer = await self.connect()
        said = await reader.read()
        writer.close()
        return said

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def world(
    session: Callable[[Stream], Awaitable[None]],
    allowed: Allowed | None = None,
    words: Words = WORDS,
    tls: Path | None = None,
) -> AsyncIterator[World]:
    async def run(stream: Stream) -> None:
        await session(stream)

    wheel = Wheel(asyncio.get_running_loop())
    around = Surroundings(wheel, Admission(allowed or Allowed()), Metrics(), SystemClock())
    service = Service("test", words, run, around)
    listeners = Listeners(around.admission)
    context = server_context(*self_signed(tls, ["localhost"], SystemClock())) if tls else None
    listeners.bind(Spec("test", "127.0.0.1", 0, implicit_tls=context))
    await listeners.open(service.accept)
    yield World(service, listeners, around.metrics)
    listeners.close()
    await service.drain(0.2)
    wheel.close()


async def greet(stream: Stream) -> None:
    stream.write(b"hello\r\n")
    while await stream.read(30):
        pass
    await stream.close()


@pytest.mark.parametrize("words", [imap.WORDS, smtp.words("mx.example")])
async def test_refused_in_the_protocols_words(words: Words) -> None:
    """One connection too many hears why, in one line, and then the end; those before it are not disturbed."""
    async with world(greet, Allowed(total=1), words) as w:
        reader, writer = await w.connect()
        assert await reader.readline() == b"hello\r\n"
        refusal = await w.all_said()
        assert refusal.startswith(
            (b"* BYE [UNAVAILABLE] too many", b"421 4.7.0 mx.example too many")
        )
        assert refusal.count(b"\r\n") == 1
        assert w.count("postil_connections_refused_total", listener="test") == 1
        writer.close()
        while len(w.service):
            await asyncio.sleep(0.001)
        again, other = await w.connect()
        assert await again.readline() == b"hello\r\n"
        other.close()


async def test_refused_where_tls_comes_first(tmp_path: Path) -> None:
    """On a TLS port a connection too many ends without a handshake: no plaintext is sent there."""
    async with world(greet, Allowed(total=0), tls=tmp_path) as w:
        with contextlib.suppress(ConnectionError):
            assert await w.all_said() == b""


async def test_our_fault_ends_one_connection(caplog: pytest.LogCaptureFixture) -> None:
    """An exception nobody expected is counted and excused; other connections go on."""

    async def session(stream: Stream) -> None:
        if (await stream.read(30)).startswith(b"break"):
            raise ZeroDivisionError("a fault of ours")
        stream.write(b"fine\r\n")
        await stream.close()

    async with world(session) as w:
        good, good_writer = await w.connect()
        bad, bad_writer = await w.connect()
        bad_writer.write(b"break\r\n")
        assert await bad.read() == b"our fault\r\n"
        good_writer.write(b"go on\r\n")
        assert await good.read() == b"fine\r\n"
        assert w.count("postil_faults_total", protocol="test") == 1
        for writer in (good_writer, bad_writer):
            writer.close()


async def test_open_connections_are_counted() -> None:
    """The gauge goes up and down again, octets are counted, and nothing is left in the count of those let in."""
    async with world(greet) as w:
        reader, writer = await w.connect()
        await reader.readline()
        assert w.count("postil_connections_open", listener="test") == 1
        writer.write(b"12345")
        writer.close()
        while len(w.service):
            await asyncio.sleep(0.001)
        assert w.count("postil_connections_open", listener="test") == 0
        assert w.count("postil_connections_total", listener="test") == 1
        assert w.count("postil_octets_total", listener="test", direction="in") == 5
        assert w.count("postil_octets_total", listener="test", direction="out") == 7


async def test_drain_lets_an_answer_finish_and_cuts_the_rest() -> None:
    """Who is in the middle of something finishes within the grace; who does not finish is cut; new ones are turned away."""
    started = asyncio.Event()

    async def session(stream: Stream) -> None:
        asked = await stream.read(30)
        if asked == b"long":
            started.set()
            await asyncio.sleep(3600)
        stream.write(b"answer\r\n")
        await stream.read(30)

    async with world(session) as w:
        idle, idle_writer = await w.connect()
        stuck, stuck_writer = await w.connect()
        stuck_writer.write(b"long")
        await started.wait()
        while len(w.service) < 2:
            await asyncio.sleep(0.001)
        await w.service.drain(0.1)
        assert await idle.read() == b"bye\r\n"
        with contextlib.suppress(ConnectionError):
            assert await stuck.read() == b""
        assert len(w.service) == 0
        assert await w.all_said() == b"bye\r\n"
        for writer in (idle_writer, stuck_writer):
            writer.close()


async def test_secrets_in_events_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Even when a session reports one by mistake."""
    async with world(greet) as w:
        w.service.event("login", {"account": "ann", "password": "canary", "text": "canary"})
        assert w.count("postil_events_total", protocol="test", event="login") == 1
    output = capsys.readouterr()
    assert "canary" not in output.out + output.err
