"""A connection as sessions use it, against real sockets and real TLS clients, on both event loops."""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib

import pytest
from tests.net.conftest import Pair, Serve

from postil.net import limits
from postil.net.stream import Connection
from postil.ports.stream import StreamClosed, StreamTimeout


async def echo(stream: Connection) -> None:
    while data := await stream.read(30):
        stream.write(data)
        await stream.drain()
    await stream.close()


async def test_octets_come_back_in_order(serve: Serve) -> None:
    """A megabyte goes in and out unchanged while neither side waits for the other to finish."""
    sent = bytes(range(256)) * 4096
    async with serve(echo) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == sent
        writer.close()
        await writer.wait_closed()


async def test_octets_come_back_in_order_over_tls(serve: Serve, pair: Pair) -> None:
    """The same through the pump, and the session sees what TLS agreed on."""
    sent = bytes(range(256)) * 4096
    async with serve(echo, implicit=True) as running:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", running.port, ssl=pair.client(), server_hostname="localhost"
        )
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        peer = running.connections[0].peer
        assert (peer.tls, peer.server_name) == ("TLSv1.3", "localhost")
        assert peer.ip == "127.0.0.1" and peer.local_port == running.port
        writer.close()
        await writer.wait_closed()


async def test_half_close(serve: Serve) -> None:
    """A client that has ended its direction still gets everything it asked for."""

    async def session(stream: Connection) -> None:
        asked = b""
        while data := await stream.read(30):
            asked += data
        for _ in range(20):
            stream.write(asked * 1000)
            await stream.drain()
        await stream.close()

    async with serve(session) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"question\r\n")
        writer.write_eof()
        assert len(await reader.read()) == 20 * 1000 * 10
        writer.close()
        await writer.wait_closed()


async def test_tls_half_close(serve: Serve, pair: Pair) -> None:
    """RFC 8446 §6.1: after the client's closure alert the server may still send, and closes with its own alert."""

    async def session(stream: Connection) -> None:
        while await stream.read(30):
            pass
        stream.write(b"after your alert")
        await stream.close()

    async with serve(session, implicit=True) as running:

        def client() -> bytes:
            with socket.create_connection(("127.0.0.1", running.port)) as plain:
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = pair.client().wrap_bio(incoming, outgoing, server_hostname="localhost")

                def pump(step: object) -> bytes:
                    while True:
                        try:
                            done = step()  # type: ignore[operator]
                        except ssl.SSLWantReadError:
                            plain.sendall(outgoing.read())
                            incoming.write(plain.recv(65536))
                            continue
                        plain.sendall(outgoing.read())
                        return bytes(done or b"")

                pump(tls.do_handshake)
                with pytest.raises(ssl.SSLWantReadError):
                    tls.unwrap()
                plain.sendall(outgoing.read())
                got = pump(lambda: tls.read(100))
                # The alert, not a bare end of TCP: the read ends without SSLEOFError.
                with pytest.raises(ssl.SSLZeroReturnError):
                    pump(lambda: tls.read(100) or (_ for _ in ()).throw(ssl.SSLZeroReturnError))
                return got

        assert await asyncio.to_thread(client) == b"after your alert"


@pytest.mark.parametrize("tls", [False, True])
async def test_slow_reader_stops_the_writer(serve: Serve, pair: Pair, tls: bool) -> None:
    """A peer that takes nothing makes `drain` wait; what we hold for it stays under the high-water mark and one write."""
    piece = b"x" * 48 * 1024
    written = 0

    async def session(stream: Connection) -> None:
        nonlocal written
        await stream.read(30)
        while written < 64 * 1024 * 1024:
            stream.write(piece)
            written += len(piece)
            await stream.drain()
        await stream.close()

    async with serve(session, implicit=tls) as running:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", running.port))
        if tls:
            plain, tls_client = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = pair.client().wrap_bio(plain, tls_client, server_hostname="localhost")
            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await loop.sock_sendall(raw, tls_client.read())
                    plain.write(await loop.sock_recv(raw, 65536))
            client.write(b"go")
            await loop.sock_sendall(raw, tls_client.read())
        else:
            await loop.sock_sendall(raw, b"go")
        while True:  # until the session stands still
            before = written
            for _ in range(50):
                await asyncio.sleep(0.001)
            if written == before and written:
                break
        connection = running.connections[0]
        assert connection._transport is not None
        held = connection._transport.get_write_buffer_size()
        assert held <= limits.WRITE_HIGH + len(piece) + 4096
        assert written < 32 * 1024 * 1024
        raw.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_slow_session_stops_the_peer(serve: Serve, pair: Pair, tls: bool) -> None:
    """A session that does not read makes the peer wait; what we hold for it is bounded."""
    go_on = asyncio.Event()
    total = 0

    async def session(stream: Connection) -> None:
        nonlocal total
        await go_on.wait()
        while data := await stream.read(30):
            assert len(data) <= limits.READ_MOST
            total += len(data)
        await stream.close()

    async with serve(session, implicit=tls) as running:
        _reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            running.port,
            ssl=pair.client() if tls else None,
            server_hostname="localhost" if tls else None,
        )
        size = 32 * 1024 * 1024
        writer.write(b"y" * size)
        connection = running.connections[0]
        while not connection._held:
            await asyncio.sleep(0.001)
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert connection._inbox.have <= limits.READ_HIGH + 256 * 1024
        go_on.set()
        if tls:
            await writer.drain()
            writer.close()
        else:
            writer.write_eof()
        await running.ended[0]
        assert total == size
        writer.close()


async def test_deflate_that_inflates_to_nothing(serve: Serve) -> None:
    """Empty blocks above the limit do not stop the peer for ever: what is read makes room, whatever it comes to."""
    got: list[bytes] = []

    async def session(stream: Connection) -> None:
        stream.compress(b"")
        while not stream._held:
            await asyncio.sleep(0.001)
        got.append(await stream.read(30))

    async with serve(session) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        deflate = zlib.compressobj(wbits=-15)
        nothing = deflate.flush(zlib.Z_FULL_FLUSH) + b"\x00\x00\x00\xff\xff" * 2_000_000
        writer.write(nothing + deflate.compress(b"hello") + deflate.flush(zlib.Z_SYNC_FLUSH))
        await running.ended[0]
        assert got == [b"hello"]
        writer.close()


async def test_read_timeout(serve: Serve) -> None:
    """`read` gives up after its time, and the connection goes on."""
    late: list[BaseException] = []

    async def session(stream: Connection) -> None:
        try:
            await stream.read(0.01)
        except StreamTimeout as error:
            late.append(error)
        stream.write(b"late")
        await echo(stream)

    async with serve(session) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        assert await reader.readexactly(4) == b"late"
        writer.write(b"more")
        assert await reader.readexactly(4) == b"more"
        assert len(late) == 1
        writer.close()
        await writer.wait_closed()


async def test_a_peer_that_takes_nothing_times_out(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`drain` does not wait for ever."""
    monkeypatch.setattr(limits, "WRITE_STALL", 0.05)

    async def session(stream: Connection) -> None:
        while True:
            stream.write(b"z" * 64 * 1024)
            await stream.drain()

    async with serve(session) as running:
        with socket.create_connection(("127.0.0.1", running.port)):
            pass_to_session = asyncio.get_running_loop().time() + 30
            while not running.ended or not running.ended[0].done():
                assert asyncio.get_running_loop().time() < pass_to_session
                await asyncio.sleep(0.005)
        assert isinstance(running.ended[0].exception(), StreamTimeout)


async def test_wake(serve: Serve) -> None:
    """`wake` ends a waiting `read_or_wake` once, also when it was called before; octets are not lost by it."""

    async def session(stream: Connection) -> None:
        stream.wake()
        stream.wake()
        assert await stream.read_or_wake(30) is None
        asyncio.get_running_loop().call_soon(stream.wake)
        assert await stream.read_or_wake(30) is None
        stream.write(b"now")
        assert await stream.read_or_wake(30) == b"octets"
        assert not stream.pending()
        await stream.close()

    async with serve(session) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        assert await reader.readexactly(3) == b"now"
        writer.write(b"octets")
        assert await reader.read() == b""
        writer.close()
        await running.ended[0]


@pytest.mark.rfc("3207", "4.2", "The server MUST discard any knowledge obtained from the client")
async def test_starttls_drops_what_came_before_it(serve: Serve, pair: Pair) -> None:
    """Octets pipelined behind STARTTLS in plaintext never reach the session; after the handshake it reads only the client's."""
    got: list[bytes] = []

    async def session(stream: Connection) -> None:
        assert await stream.read(30) == b"STARTTLS\r\n"
        stream.write(b"seen\r\n")
        while not stream.pending():  # what was injected has arrived and waits to be read
            await asyncio.sleep(0.001)
        stream.write(b"go\r\n")
        await stream.start_tls()
        assert not stream.pending()
        got.append(await stream.read(30))
        stream.write(b"thanks")
        await stream.close()

    async with serve(session, start=True) as running:

        def client() -> bytes:
            plain = socket.create_connection(("127.0.0.1", running.port))
            plain.sendall(b"STARTTLS\r\n")
            assert plain.recv(100) == b"seen\r\n"
            plain.sendall(b"EVIL\r\n")
            assert plain.recv(100) == b"go\r\n"
            with pair.client().wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(b"honest")
                return tls.recv(100)

        assert await asyncio.to_thread(client) == b"thanks"
        assert got == [b"honest"]
        assert running.connections[0].peer.tls == "TLSv1.3"
        assert not running.connections[0].can_start_tls


async def test_starttls_hello_that_overtakes_the_session(serve: Serve, pair: Pair) -> None:
    """The client's hello may arrive before the session gets to `start_tls`: it is kept, for it came after the go-ahead."""

    async def session(stream: Connection) -> None:
        await stream.read(30)
        stream.write(b"go\r\n")
        while not stream.pending():
            await asyncio.sleep(0.001)
        await stream.start_tls()
        await echo(stream)

    async with serve(session, start=True) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"STARTTLS\r\n")
        assert await reader.readexactly(4) == b"go\r\n"
        await writer.start_tls(pair.client(), server_hostname="localhost")
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        await writer.wait_closed()


async def test_plaintext_after_the_go_ahead_fails_the_handshake(serve: Serve) -> None:
    """Somebody who injects after the go-ahead gains nothing: TLS takes it for a broken hello and the connection ends."""
    outcome: list[str] = []

    async def session(stream: Connection) -> None:
        await stream.read(30)
        stream.write(b"go\r\n")
        try:
            await stream.start_tls()
        except StreamClosed as error:
            outcome.append(str(error))
        await stream.close()

    async with serve(session, start=True) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"STARTTLS\r\n")
        assert await reader.readexactly(4) == b"go\r\n"
        writer.write(b"NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n")
        answer = await reader.read()
        assert b"NOOP" not in answer
        await running.ended[0]
        assert outcome and outcome[0].startswith("TLS: ")
        writer.close()


async def test_the_last_answer_arrives(serve: Serve) -> None:
    """A peer that goes on sending still gets our last words: closing at once would reset the connection."""

    async def session(stream: Connection) -> None:
        await stream.read(30)
        stream.write(b"421 enough\r\n")
        await stream.close()

    async with serve(session) as running:

        def client() -> bytes:
            with socket.create_connection(("127.0.0.1", running.port)) as plain:
                plain.sendall(b"a" * 300_000)
                got = b""
                while piece := plain.recv(100):
                    got += piece
                return got

        assert await asyncio.to_thread(client) == b"421 enough\r\n"
        assert running.connections[0].why == ""


async def test_farewell_ends_a_waiting_session(serve: Serve) -> None:
    """A session that waits for a command hears of the stop at once; its peer gets the words, then the end."""
    waiting = asyncio.Event()

    async def session(stream: Connection) -> None:
        stream.write(b"hello\r\n")
        waiting.set()
        try:
            await stream.read(30)
        finally:
            await stream.close()

    async with serve(session) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        await waiting.wait()
        running.connections[0].farewell(b"bye\r\n")
        assert await reader.read() == b"hello\r\nbye\r\n"
        writer.close()
        await asyncio.gather(*running.ended, return_exceptions=True)
        assert isinstance(running.ended[0].exception(), StreamClosed)


async def test_farewell_waits_for_the_answer(serve: Serve) -> None:
    """A session in the middle of an answer finishes it before the words go out."""
    in_answer, go_on = asyncio.Event(), asyncio.Event()

    async def session(stream: Connection) -> None:
        await stream.read(30)
        stream.write(b"first half ")
        in_answer.set()
        await go_on.wait()
        stream.write(b"second half\r\n")
        try:
            await stream.read(30)
        finally:
            await stream.close()

    async with serve(session) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"ask\r\nnever answered\r\n")
        await in_answer.wait()
        running.connections[0].farewell(b"bye\r\n")
        go_on.set()
        assert await reader.read() == b"first half second half\r\nbye\r\n"
        writer.close()
        await asyncio.gather(*running.ended, return_exceptions=True)


async def test_writing_to_nobody(serve: Serve) -> None:
    """After the peer has reset the connection writing raises StreamClosed, and so does draining."""
    gone = asyncio.Event()
    raised: list[str] = []

    async def session(stream: Connection) -> None:
        await stream.read(30)
        while not stream._lost:
            await asyncio.sleep(0.001)
        for what in ("write", "drain"):
            try:
                if what == "write":
                    stream.write(b"x")
                else:
                    await stream.drain()
            except StreamClosed:
                raised.append(what)
        await stream.close()
        gone.set()

    async with serve(session) as running:
        client = socket.create_connection(("127.0.0.1", running.port))
        client.sendall(b"x")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        while not running.connections:
            await asyncio.sleep(0.001)
        client.close()  # a reset
        await asyncio.wait_for(gone.wait(), 30)
        assert raised == ["write", "drain"]
