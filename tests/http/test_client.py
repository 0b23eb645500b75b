"""The HTTP client over real connections: bounds on whatever comes back, and one exception for each way to fail."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.authority import root
from tests.support.pebble import Root
from tools.ports import free_port

from postil.http.client import AGENT, NoRoots, connect, links, trust
from postil.http.exchange import Answer, Misused, TimedOut, TooBig, Unreachable, Untrusted

__all__ = ["root"]
NOW = 1_790_000_000.0


@contextlib.asynccontextmanager
async def answering(
    root: Root,
    answer: bytes | Callable[[asyncio.StreamWriter], Awaitable[None]],
    ip: str = "127.0.0.1",
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these octets to everybody; its URL, and what it was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, ip, 0, ssl=root.server())
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


async def ask(
    root: Root, url: str, *, most: int = 1000, seconds: float = 20, body: bytes = b""
) -> Answer:
    async with connect(str(root.ca_file)) as client:
        return await client.send(
            "POST" if body else "GET",
            url,
            fields={"X-One": "1"},
            body=body,
            most=most,
            seconds=seconds,
        )


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nReplay-Nonce: a-b\r\nLink: <https://x>;rel="up"\r\n\r\nhi'


@pytest.mark.rfc(
    "8555", "6.1", "ACME clients MUST send a User-Agent header field, in accordance with [RFC7231]."
)
async def test_exchange(root: Root) -> None:
    """Status, fields, links and body come back; our name goes along, no cookies and no wish for compression."""
    async with answering(root, OK) as (url, asked):
        got = await ask(root, f"{url}/x?y=1", body=b"{}")
    assert (got.status, got.body) == (200, b"hi")
    assert got.fields["replay-nonce"] == "a-b" and got.links == (("up", "https://x"),)
    sent = asked[0].lower()
    assert sent.startswith(b"post /x?y=1 http/1.1\r\n")
    assert b"user-agent: " + AGENT.lower().encode() in sent and b"accept-encoding: identity" in sent
    assert b"x-one: 1" in sent and b"cookie" not in sent


async def test_redirects_are_answers(root: Root) -> None:
    """Nobody is followed anywhere."""
    octets = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"
    async with answering(root, octets) as (url, asked):
        got = await ask(root, url)
    assert got.status == 302 and got.fields["location"] == "http://127.0.0.1/" and len(asked) == 1


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"x" * 500 + b"\r\n1f4\r\n" + b"x" * 500 + b"\r\n1f4\r\n" + b"x" * 500,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000,
    ],
)  # fmt: skip
async def test_too_big(octets: bytes, root: Root) -> None:
    """However the length is told, or not told at all."""
    async with answering(root, octets) as (url, _):
        with pytest.raises(TooBig, match="more than 1000 octets"):
            await ask(root, url)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"\0" * 100_000,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 1_000_000,
    ],
)
async def test_garbage(octets: bytes, root: Root) -> None:
    """What is no HTTP is nobody there, with the name of who is not."""
    async with answering(root, octets) as (url, _):
        with pytest.raises(Unreachable, match="localhost"):
            await ask(root, url)


async def test_too_slow(root: Root) -> None:
    """An answer that never ends, an octet at a time, ends when the caller's time is over."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        for _ in range(900):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with answering(root, drip) as (url, _):
        with pytest.raises(TimedOut, match="did not answer in 0 seconds"):
            await ask(root, url, seconds=0.3)


async def test_nobody_and_strangers(root: Root, tmp_path: Path) -> None:
    """A closed port, a certificate of somebody else's, a certificate for another name."""
    with pytest.raises(Unreachable, match="localhost port"):
        await ask(root, f"https://localhost:{free_port()}")
    async with answering(root, OK) as (url, asked):
        async with connect() as client:
            with pytest.raises(Untrusted, match="localhost"):
                await client.send("GET", url, most=1, seconds=20)
        assert asked == []
    async with answering(root, OK, "127.0.0.2") as (url, asked):
        with pytest.raises(Untrusted, match=r"127\.0\.0\.2"):
            await ask(root, url.replace("localhost", "127.0.0.2"))
        assert asked == []
    for content in (b"", b"no certificate", b"\xff"):
        file = tmp_path / "roots"
        file.write_bytes(content)
        with pytest.raises(NoRoots, match="roots has no certificates to trust"):
            trust(str(file))


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "https:///x",
        "file:///etc/passwd",
        "x",
        "",
        "https://[::1",
    ],
)
async def test_misused(url: str, root: Root) -> None:
    """Only https, and only with somebody to ask."""
    with pytest.raises(Misused):
        await ask(root, url)


async def test_nothing_from_the_environment(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in somebody's environment is not asked."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with answering(root, OK) as (url, _):
        assert (await ask(root, url)).status == 200


async def test_verifies(root: Root) -> None:
    """The context checks names and chains."""
    for context in (trust(), trust(str(root.ca_file))):
        assert context.check_hostname and context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.rfc("9110", "10.2.3", "Retry-After = HTTP-date / delay-seconds")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        (format_datetime(datetime.fromtimestamp(NOW + 60, UTC), usegmt=True), 60.0),
        (format_datetime(datetime.fromtimestamp(NOW - 60, UTC), usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("99999999999999999999", None),
        ("Tue, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Seconds or a date; nonsense is as if it were not there."""
    assert Answer(503, {"retry-after": value}).retry_after(NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_of_anything(value: str) -> None:
    """Never an exception, never a negative wait."""
    found = Answer(503, {"retry-after": value}).retry_after(NOW)
    assert found is None or found >= 0


def test_links() -> None:
    """Several in one field, several relations in one link, with and without quotes; what cannot be read is left out."""
    values = [
        '<https://a>;rel="index up", <b>; title="x, y"; REL=help',
        "nonsense",
        "<c>",
        '<d;rel="x"',
    ]
    assert links(values) == [("index", "https://a"), ("up", "https://a"), ("help", "b")]


def test_long_fields() -> None:
    """A field as long as they come costs no more than it is long."""
    for piece in ("<>;", "<a>;b=c", '<a>;b="', "<a>; ", "<", "<a>;b=c;"):
        began = time.process_time()
        links([piece * (100_000 // len(piece))])
        assert time.process_time() - began < 2
