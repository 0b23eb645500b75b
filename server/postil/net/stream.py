"""A connection as a protocol session reads and writes it: `ports.stream.Stream` on a transport of the loop.

Theory of operation. The loop calls `data_received`; TLS, when there is any, turns it into plaintext; plaintext waits in
the `inbox` until the session reads. Above `READ_HIGH` we stop taking octets from the kernel, so the peer's own window
stops it. What the session writes is encrypted at once and given to the transport, which calls `pause_writing` above
`WRITE_HIGH`; `drain` waits then (`waiting`).

STARTTLS. What has arrived before the go-ahead was written is plaintext somebody put there, and is thrown away
(RFC 3207 §4.2, RFC 9051 §6.2.1). What arrives after it goes to TLS: the client's hello, or garbage that fails the handshake.
Either way no octet of it reaches the session.

COMPRESS stands above TLS (RFC 4978 §3: "MUST be first COMPRESS, then SASL, and finally TLS"): the inbox inflates what is read, `write` deflates.

Ends. The peer may close its direction and still read (`read` gives b"", writing goes on). `close` sends what is queued, then
our closure, then waits briefly for the peer's: closing a socket with unread octets resets it, and the last
answer (`221`, `BYE`) would be lost.

Behind a proxy (`behind` says which addresses are ones), the PROXY header comes first (`introduction`), before TLS; nobody hears of the
connection until it is there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import Callable
from typing import cast

from postil.base.deflate import Deflater, Inflater
from postil.net import binding, limits
from postil.net.identities import Chooser
from postil.net.inbox import Inbox
from postil.net.introduction import Introduction, ends
from postil.net.naming import Asked
from postil.net.proxy import Proxied
from postil.net.tls import NameRefused, Tls, TlsFailed
from postil.net.waiting import Waiting
from postil.net.wheel import Wheel
from postil.ports.channel import OPEN, Channel
from postil.ports.peer import Peer
from postil.ports.stream import StreamBroken, StreamClosed, StreamTimeout


class Connection(asyncio.Protocol):
    """One accepted connection; implements `ports.stream.Stream`."""

    __slots__ = (
        "_behind", "_closing", "_deflater", "_farewell", "_held", "_implicit", "_inbox", "_introduction", "_loop", "_lost", "_made",
        "_on_lost", "_peer", "_start_context", "_thrown", "_tls", "_transport", "_turn", "_waiting", "_wheel",
        "_woken", "_write_full", "name_refused", "received", "sent", "why",
    )  # fmt: skip

    def __init__(
        self,
        wheel: Wheel,
        *,
        listener: str,
        connection: str,
        made: Callable[[Connection], None],
        lost: Callable[[Connection], None] | None = None,
        implicit_tls: ssl.SSLContext | Chooser | None = None,
        start_tls: ssl.SSLContext | Chooser | None = None,
        behind: Callable[[str], bool] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._wheel = wheel
        self._made = made
        self._on_lost = lost
        self._peer = Peer("", 0, "", 0, listener, connection)
        self._tls: Tls | None = None
        self._implicit = implicit_tls
        self._start_context = start_tls
        self._behind = behind
        self._introduction: Introduction | None = None  # while a proxy's header is awaited
        self._deflater: Deflater | None = None  # above TLS
        self._inbox = Inbox()
        self._waiting = Waiting(self._loop, wheel)
        self._transport: asyncio.Transport | None = None
        self._held = False  # we stopped taking octets
        self._lost = False
        self._closing = False
        self._thrown = 0  # octets thrown away while closing
        self._write_full = False
        self._turn = 0  # octets written since others last ran
        self._woken = False
        self._farewell: bytes | None = None
        self.received = 0  # octets on the wire, for logs and metrics
        self.sent = 0
        self.name_refused = False  # TLS did not come about for the name asked for: no fault of ours
        self.why = ""  # what ended it, if not one of the sides in good order

    # --- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=limits.WRITE_HIGH, low=limits.WRITE_LOW)
        own = ends(transport)
        if self._behind is not None and self._behind(own.ip):
            self._introduction = Introduction(self._wheel, own, self._unproxied)
            self._between(own)
        else:
            self._begin(own)

    def _between(self, both: Proxied) -> None:
        self._peer = dataclasses.replace(
            self._peer,
            ip=both.ip,
            port=both.port,
            local_ip=both.local_ip,
            local_port=both.local_port,
        )

    def _begin(self, both: Proxied) -> None:
        self._between(both)
        if self._implicit is not None:
            self._tls = Tls(self._implicit, local_ip=both.local_ip)
        self._made(self)

    def _introduced(self, introduction: Introduction, data: bytes) -> bytes:
        """What stands behind the proxy's header, once that is whole."""
        told = introduction.feed(data)
        if told is None:
            return b""
        self._introduction = None
        self._begin(told)
        return introduction.rest

    def _unproxied(self, why: str) -> None:
        self.why = why
        self.abort()

    def take_over(self, transport: asyncio.Transport, tls: Tls, both: Proxied) -> None:
        """Go on with a connection that another protocol began: its TLS stands (ALPN chose us)."""
        self._transport = transport
        transport.set_write_buffer_limits(high=limits.WRITE_HIGH, low=limits.WRITE_LOW)
        transport.set_protocol(self)
        self._between(both)
        self._tls = tls
        self._made(self)

    def arrived(self, plain: bytes) -> None:
        """Plaintext that was decrypted before the connection was taken over."""
        self._arrived(plain)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not self.why:
            self.why = str(exc) or type(exc).__name__
        self._lost = self._inbox.ended = True
        self._waiting.forget()
        if self._introduction is not None:
            self._introduction.forget()
        self._waiting.stir()
        if self._on_lost is not None:
            self._on_lost(self)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        waits = self._introduction
        if waits is not None and not (data := self._introduced(waits, data)):
            return
        if self._closing:
            self._throw_away(len(data))
        elif self._tls is None:
            self._arrived(data)
        else:
            self._from_wire(self._tls, data)

    def eof_received(self) -> bool:
        if self._tls is not None and not self._closing:
            try:
                for plain in self._tls.receive_end():
                    self._arrived(plain)
            except TlsFailed as error:
                self.why = self.why or f"TLS: {error}"
        self._inbox.ended = True
        self._waiting.stir()
        return True  # it may still read

    def pause_writing(self) -> None:
        self._write_full = True

    def resume_writing(self) -> None:
        self._write_full = False
        self._let_flow()
        self._waiting.stir()

    # --- octets in

    def _from_wire(self, tls: Tls, data: bytes) -> None:
        established = tls.established
        try:
            for plain in tls.receive(data):
                self._arrived(plain)
        except TlsFailed as error:
            self.why = f"TLS: {error}"
            self.name_refused = isinstance(error, NameRefused)
            self._flush(tls)
            self._end_transport()
            return
        self._flush(tls)
        if tls.ended:
            self._inbox.ended = True
        if tls.ended or tls.established != established:
            self._waiting.stir()

    def _arrived(self, plain: bytes) -> None:
        inbox = self._inbox
        inbox.chunks.append(plain)
        inbox.have += len(plain)
        if inbox.have >= limits.READ_HIGH:
            self._hold()
        self._waiting.stir()

    def _hold(self) -> None:
        if not self._held and not self._lost and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    def _let_flow(self) -> None:
        if self._held and self._inbox.have <= limits.READ_LOW and not self._lost:
            assert self._transport is not None
            if self._transport.get_write_buffer_size() <= limits.WRITE_STOP:
                self._held = False
                self._transport.resume_reading()

    def _throw_away(self, count: int) -> None:
        self._thrown += count
        if self._thrown > limits.LINGER_OCTETS:
            self.abort()

    # --- Stream

    @property
    def peer(self) -> Peer:
        return self._peer

    async def read(self, timeout: float) -> bytes:
        until = self._loop.time() + timeout
        while True:
            self._leave_if_told()
            try:
                octets = self._inbox.next()
            except StreamBroken as error:
                self.why = str(error)
                raise
            if self._held:
                self._let_flow()
            if octets:
                return octets
            if self._inbox.ended:
                return b""
            await self._waiting.wait(until)

    async def read_or_wake(self, timeout: float) -> bytes | None:
        until = self._loop.time() + timeout
        while True:
            self._leave_if_told()
            if self._woken:
                self._woken = False
                return None
            try:
                octets = self._inbox.next()
            except StreamBroken as error:
                self.why = str(error)
                raise
            if self._held:
                self._let_flow()
            if octets:
                return octets
            if self._inbox.ended:
                return b""
            await self._waiting.wait(until)

    def wake(self) -> None:
        self._woken = True
        self._waiting.stir()

    def pending(self) -> bool:
        return self._inbox.pending()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._lost or self._closing:
            raise StreamClosed
        assert self._transport is not None
        if self._deflater is not None:
            data = self._deflater.send(data)
        self._turn += len(data)
        if self._tls is None:
            self._inbox.stale = self._inbox.have
            self.sent += len(data)
            # The transport may keep what it cannot send at once; a caller's buffer changes.
            self._transport.write(data if isinstance(data, bytes) else bytes(data))
            return
        try:
            records = self._tls.send(data)
        except TlsFailed as error:
            self.why = f"TLS: {error}"
            self.abort()
            raise StreamClosed from error
        for record in records:
            self.sent += len(record)
        self._transport.write(records[0] if len(records) == 1 else b"".join(records))

    def _flush(self, tls: Tls) -> None:
        octets = tls.outgoing()
        if octets and not self._lost:
            assert self._transport is not None
            self.sent += len(octets)
            self._transport.write(octets)
            if self._transport.get_write_buffer_size() > limits.WRITE_STOP:
                self._hold()

    async def drain(self) -> None:
        if not self._write_full and self._turn >= limits.TURN:
            self._turn = 0
            await asyncio.sleep(0)
        until = self._loop.time() + limits.WRITE_STALL
        while self._write_full and not self._lost:
            self._turn = 0
            await self._waiting.wait(until)
        if self._lost:
            raise StreamClosed

    # --- TLS

    @property
    def can_start_tls(self) -> bool:
        return self._tls is None and self._start_context is not None

    async def start_tls(self) -> None:
        # RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client" so octets
        # that came before our go-ahead (CVE-2011-0411 and its kin) go to nobody.
        assert self._tls is None and self._start_context is not None
        hello = self._inbox.fresh()
        tls = self._tls = Tls(self._start_context, local_ip=self._peer.local_ip)
        self._let_flow()
        if hello:
            self._from_wire(tls, hello)
        await self.handshake()

    async def handshake(self) -> None:
        """Wait until TLS stands; StreamClosed when it does not come about."""
        tls = self._tls
        assert tls is not None
        until = self._loop.time() + limits.HANDSHAKE
        while not tls.established:
            if self._inbox.ended or self._farewell is not None:
                self.why = self.why or "the peer left during the handshake"
                raise StreamClosed(self.why)
            try:
                await self._waiting.wait(until)
            except StreamTimeout:
                self.why = "TLS: the handshake took too long"
                self.abort()
                raise StreamClosed(self.why) from None
        if tls.asked is Asked.ORDER:
            # RFC 8737 §4: "The "acme-tls/1" protocol does not carry application data." So no session greets the authority.
            self.why = "the authority has seen the proof"
            raise StreamClosed(self.why)
        facts = tls.facts
        self._peer = dataclasses.replace(
            self._peer,
            tls=facts.version,
            cipher=facts.cipher,
            server_name=facts.server_name,
            client_key=facts.client_key,
        )

    @property
    def tls(self) -> Tls | None:
        """The TLS below, for channel binding and what was agreed."""
        return self._tls

    @property
    def channel(self) -> Channel:
        return OPEN if self._tls is None else binding.channel(self._tls.ssl_object)

    # --- compression

    @property
    def compressed(self) -> bool:
        return self._deflater is not None

    def compress(self, early: bytes) -> None:
        assert self._deflater is None
        self._inbox.inflater, self._deflater = Inflater(), Deflater()
        self._inbox.put_back(early)

    def uncompress(self, unread: int) -> None:
        self._deflater = None
        self._inbox.part(unread)

    # --- the end

    def farewell(self, last: bytes, why: str = "the server stops") -> None:
        """Before its next read (now, if it waits in one) the session ends.

        `last` goes out between two answers of the session, never inside one, and the read raises StreamClosed.
        """
        self._farewell = last
        self.why = self.why or why
        self._waiting.stir()

    def _leave_if_told(self) -> None:
        if self._farewell is None:
            return
        last, self._farewell = self._farewell, b""
        if last and not self._lost and not self._closing:
            self.write(last)
        raise StreamClosed(self.why)

    async def close(self) -> None:
        transport = self._transport
        if transport is None or self._closing or self._lost:
            return
        if self._tls is not None:
            self._tls.close()
            self._flush(self._tls)
        self._closing = True
        self._inbox.clear()
        self._let_flow()
        transport.set_write_buffer_limits(high=0)
        try:
            until = self._loop.time() + limits.FLUSH
            while self._write_full and not self._lost:
                await self._waiting.wait(until)
            if not self._lost and not self._inbox.ended:
                transport.write_eof()
                until = self._loop.time() + limits.LINGER
                while not self._inbox.ended and not self._lost:
                    await self._waiting.wait(until)
        except StreamTimeout:
            self.abort()
        except BaseException:
            self.abort()
            raise
        if not self._lost:
            transport.close()

    def _end_transport(self) -> None:
        """After a TLS failure: the alert that explains it goes out, then the connection ends."""
        self._inbox.ended = True
        self._closing = True
        if self._transport is not None:
            self._transport.close()
        self._waiting.stir()

    def abort(self) -> None:
        self._closing = True
        if self._transport is not None and not self._lost:
            self._transport.abort()
        self._inbox.ended = True
        self._waiting.stir()
