"""A connection that we open: octets in, octets out, TLS and DEFLATE between, for the clients beside it.

RFC 9051 §6.2.1, RFC 3207 §4 (STARTTLS, the client's side), RFC 4978 §3, RFC 8437 §4.1 (DEFLATE), RFC 9266, RFC 5929 (binding).

Theory of operation. As in `stream`: the loop calls `data_received`, TLS turns it into plaintext, which waits in `_chunks` until somebody reads; above
`READ_HIGH` nothing is taken from the kernel. One coroutine reads and one writes: each has a waiter. What is deflated stays so until it is read.
The layers change between two reads, when the reader says so; what it had read too far it gives back.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from postil.base.deflate import Deflater, Inflater, Parting
from postil.net import binding, limits
from postil.net.tls import Tls, TlsFailed
from postil.ports.stream import StreamBroken, StreamClosed


class Dialled(asyncio.Protocol):
    """One connection, from `dial`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._tls: Tls | None = None
        self._inflater: Inflater | None = None
        self._parting: Parting | None = None  # from DEFLATE, which leaves something behind
        self._deflater: Deflater | None = None
        self._chunks: list[bytes] = []
        self._have = 0
        self._held = False  # we take nothing from the kernel
        self._full = False  # the kernel takes nothing from us
        self._ended = False
        self._lost = self._loop.create_future()
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self.why = ""  # what ended it, if it was no orderly end

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=limits.WRITE_HIGH, low=limits.WRITE_LOW)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self.why:
            self.why = str(exc) or type(exc).__name__
        self._ended = True
        if not self._lost.done():
            self._lost.set_result(None)
        _wake(self._reading)
        _wake(self._writing)

    def data_received(self, data: bytes) -> None:
        if self._tls is None:
            self._arrived(data)
            return
        try:
            for plain in self._tls.receive(data):
                self._arrived(plain)
        except TlsFailed as error:
            self._tls_failed(error)
            return
        self._flush()
        self._ended = self._ended or self._tls.ended
        _wake(self._reading)

    def eof_received(self) -> bool:
        if self._tls is not None:
            try:
                for plain in self._tls.receive_end():
                    self._arrived(plain)
            except TlsFailed as error:
                self.why = self.why or f"TLS: {error}"
        self._ended = True
        _wake(self._reading)
        return False

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writing)

    # --- octets

    def _arrived(self, plain: bytes) -> None:
        self._chunks.append(plain)
        self._have += len(plain)
        if self._have >= limits.READ_HIGH and not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()
        _wake(self._reading)

    def _take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self._have = 0
        if self._held and self._transport is not None and not self._lost.done():
            self._held = False
            self._transport.resume_reading()
        return taken

    def _next(self) -> bytes:
        inflater = self._inflater
        if inflater is None:
            octets = b""
            while self._chunks and not octets:
                octets = self._take()
                if self._parting is not None:
                    octets = self._part(self._parting, octets)
            return octets
        while self._chunks or inflater.more:
            octets = inflater.feed(b"" if inflater.more else self._take())
            if octets:
                return octets
            if inflater.broken:
                raise StreamBroken(f"DEFLATE: {inflater.broken}")
        if inflater.ended:
            self._ended = True
        return b""

    async def read(self) -> bytes:
        """What has come, at least one octet; b"" when the peer sends no more. StreamBroken."""
        while True:
            if octets := self._next():
                return octets
            if self._ended:
                return b""
            await self._wait_to_read()

    async def _wait_to_read(self) -> None:
        assert self._reading is None, "one coroutine reads"
        self._reading = self._loop.create_future()
        try:
            await self._reading
        finally:
            self._reading = None

    def write(self, data: bytes) -> None:
        """Queue octets; StreamClosed when nobody takes them."""
        if self._transport is None or self._lost.done() or self._transport.is_closing():
            raise StreamClosed(self.why or "the connection has ended")
        if self._deflater is not None:
            data = self._deflater.send(data)
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            records = self._tls.send(data)
        except TlsFailed as error:
            self._tls_failed(error)
            raise StreamClosed(self.why) from error
        self._transport.write(b"".join(records))

    async def drain(self) -> None:
        """Wait while the peer is behind; StreamClosed when it is gone."""
        while self._full and not self._lost.done():
            assert self._writing is None, "one coroutine writes"
            self._writing = self._loop.create_future()
            try:
                await self._writing
            finally:
                self._writing = None
        if self._lost.done():
            raise StreamClosed(self.why or "the connection has ended")

    # --- TLS

    async def start_tls(self, context: ssl.SSLContext, name: str | None) -> None:
        """The handshake; StreamClosed says why it failed. Nothing may have come before it that was not read."""
        if self._chunks:
            # Whoever put it there wants it to be taken for what the server says inside TLS.
            self.abort("plaintext came behind the answer to STARTTLS")
            raise StreamClosed(self.why)
        tls = self._tls = Tls(context, server=False, server_name=name)
        try:
            tls.start()
        except TlsFailed as error:
            self._tls_failed(error)
        self._flush()
        while not tls.established:
            if self._ended:
                raise StreamClosed(self.why or "the server left during the TLS handshake")
            await self._wait_to_read()

    @property
    def tls(self) -> Tls | None:
        """The TLS below."""
        return self._tls

    def channel(self) -> tuple[str, bytes] | None:
        """What a login may be bound to: type and data, or None."""
        if self._tls is None or binding.self_test() is not None:
            return None
        tls = self._tls.ssl_object
        for kind in binding.types(tls):
            found = binding.data(tls, kind, server=False)
            if found is not None:
                return kind, found
        return None

    def _flush(self) -> None:
        assert self._tls is not None
        octets = self._tls.outgoing()
        if octets and self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)

    def _tls_failed(self, error: TlsFailed) -> None:
        self.why = self.why or f"TLS: {error}"
        self._flush()
        self._ended = True
        if self._transport is not None:
            self._transport.close()
        _wake(self._reading)

    # --- DEFLATE

    @property
    def compressed(self) -> bool:
        """Is what comes in deflated?"""
        return self._inflater is not None

    def compress(self, early: bytes) -> None:
        """From here on both directions are raw DEFLATE; `early` was read already and is of it."""
        assert self._inflater is None
        self._inflater, self._deflater = Inflater(), Deflater()
        self._put_back(early)

    def end_deflating(self) -> None:
        """What is written from here on is plain again."""
        self._deflater = None

    def end_inflating(self, unread: int) -> None:
        """What came before the last `unread` octets read was the last of DEFLATE."""
        assert self._inflater is not None
        self._parting = self._inflater.part(unread)
        self._inflater = None
        self._put_back(self._part(self._parting, b""))

    def _part(self, parting: Parting, data: bytes) -> bytes:
        """What is plain of it, perhaps nothing yet."""
        plain = parting.feed(data)
        if parting.done:
            self._parting = None
        return plain

    def _put_back(self, octets: bytes) -> None:
        if octets:
            self._chunks.insert(0, octets)
            self._have += len(octets)

    # --- the end

    async def close(self) -> None:
        """End in good order, but not for longer than LINGER."""
        if self._transport is None or self._lost.done():
            return
        if self._tls is not None:
            self._tls.close()
            self._flush()
        self._chunks.clear()
        self._transport.close()
        await asyncio.wait([self._lost], timeout=limits.LINGER)
        if not self._lost.done():
            self.abort("the server does not take our last octets")

    def abort(self, why: str = "") -> None:
        """End at once."""
        self.why = self.why or why
        self._ended = True
        if self._transport is not None:
            self._transport.abort()
        _wake(self._reading)
        _wake(self._writing)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


async def dial(
    host: str, port: int, *, context: ssl.SSLContext | None = None, name: str | None = None
) -> Dialled:
    """Connect; with a context, TLS from the first octet. OSError, or StreamClosed for TLS."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Dialled, host, port)
    if context is not None:
        try:
            await connection.start_tls(context, name)
        except BaseException:
            connection.abort()
            raise
    return connection
