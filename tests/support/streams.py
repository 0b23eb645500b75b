"""A Stream in memory: what a protocol core writes can be read by the test, and the other way round."""

from __future__ import annotations

import asyncio
import dataclasses

from postil.base.deflate import Deflater, Inflater, Parting
from postil.ports.channel import OPEN, Channel
from postil.ports.peer import Peer
from postil.ports.stream import StreamBroken, StreamClosed, StreamTimeout

PEER = Peer(
    ip="127.0.0.1",
    port=40000,
    local_ip="127.0.0.1",
    local_port=143,
    listener="imap",
    connection="test",
)


# TLS 1.3 whose exporter gives ones.
BOUND = Channel(True, True, ("tls-exporter",), {"tls-exporter": b"\1" * 32}.get)


class MemoryStream:
    """The server's side; `client_*` methods are the other side."""

    def __init__(self, peer: Peer = PEER, *, can_start_tls: bool = True) -> None:
        self._peer = peer
        self._can_start_tls = can_start_tls
        self._in = bytearray()
        self._eof = False
        self._woken = False
        self._news = asyncio.Event()
        self._out = bytearray()
        self._written = asyncio.Event()
        self.closed = False
        self.bound = Channel(tls=True, supported=False)
        self._deflate: tuple[Inflater, Deflater] | None = None
        self._parting: Parting | None = None

    # --- Stream

    @property
    def peer(self) -> Peer:
        return self._peer

    async def read(self, timeout: float) -> bytes:
        while True:
            if octets := self._take():
                return octets
            if self._eof:
                return b""
            await self._wait(timeout)

    async def read_or_wake(self, timeout: float) -> bytes | None:
        while True:
            if self._woken:
                self._woken = False
                return None
            if octets := self._take():
                return octets
            if self._eof:
                return b""
            await self._wait(timeout)

    async def _wait(self, timeout: float) -> None:
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), timeout)
        except TimeoutError:
            raise StreamTimeout from None

    def _take(self) -> bytes:
        if self._deflate is None:
            octets = b""
            while self._in and not octets:
                octets = self._take_raw()
                if self._parting is not None:
                    octets = self._part(self._parting, octets)
            return octets
        inflater = self._deflate[0]
        while self._in or inflater.more:
            piece = inflater.feed(b"" if inflater.more else self._take_raw())
            if piece:
                return piece
            if inflater.broken:
                break
        if inflater.ended:
            self._eof = True
        if inflater.broken:
            raise StreamBroken(inflater.broken)
        return b""

    def _take_raw(self) -> bytes:
        piece = bytes(self._in[: 256 * 1024])
        del self._in[: len(piece)]
        return piece

    def wake(self) -> None:
        self._woken = True
        self._news.set()

    def pending(self) -> bool:
        return bool(self._in) or (self._deflate is not None and self._deflate[0].more)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed:
            raise StreamClosed
        self._out += data if self._deflate is None else self._deflate[1].send(data)
        self._written.set()

    async def drain(self) -> None:
        if self.closed:
            raise StreamClosed
        await asyncio.sleep(0)

    @property
    def can_start_tls(self) -> bool:
        return self._can_start_tls and self._peer.tls is None

    async def start_tls(self) -> None:
        self._in.clear()
        self._peer = dataclasses.replace(self._peer, tls="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384")

    @property
    def channel(self) -> Channel:
        return OPEN if self._peer.tls is None else self.bound

    @property
    def compressed(self) -> bool:
        return self._deflate is not None

    def compress(self, early: bytes) -> None:
        self._deflate = (Inflater(), Deflater())
        self._in[:0] = early

    def uncompress(self, unread: int) -> None:
        assert self._deflate is not None
        self._parting = self._deflate[0].part(unread)
        self._deflate = None
        self._in[:0] = self._part(self._parting, b"")

    def _part(self, parting: Parting, data: bytes) -> bytes:
        plain = parting.feed(data)
        if parting.done:
            self._parting = None
        return plain

    async def close(self) -> None:
        self.closed = True
        self._written.set()

    def abort(self) -> None:
        self.closed = True
        self._written.set()

    # --- the client's side

    def client_write(self, data: bytes) -> None:
        self._in += data
        self._news.set()

    def client_eof(self) -> None:
        self._eof = True
        self._news.set()

    async def client_read_until(self, end: bytes, timeout: float = 10) -> bytes:
        """All octets up to and including `end`; what was written so far when the server closes."""
        async with asyncio.timeout(timeout):
            while (at := self._out.find(end)) < 0:
                if self.closed:
                    at = len(self._out)
                    end = b""
                    break
                self._written.clear()
                await self._written.wait()
        stop = at + len(end)
        piece = bytes(self._out[:stop])
        del self._out[:stop]
        return piece

    async def client_line(self, timeout: float = 10) -> bytes:
        return await self.client_read_until(b"\r\n", timeout)

    def client_output(self) -> bytes:
        """What the server wrote and nobody read yet; it stays there."""
        return bytes(self._out)

    async def client_octets(self, count: int, timeout: float = 10) -> bytes:
        """The next `count` octets; fewer when the server closes."""
        async with asyncio.timeout(timeout):
            while len(self._out) < count and not self.closed:
                self._written.clear()
                await self._written.wait()
        piece = bytes(self._out[:count])
        del self._out[:count]
        return piece
