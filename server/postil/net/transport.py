"""The TLS pump as an asyncio transport, for a library that wants one: HTTP runs on the same pump as mail.

Theory of operation. `Pumped` is the protocol of the plain transport below and holds a `Facade`, which the library's protocol
sees as its transport. Octets from the wire go through TLS to the library; what the library writes goes through TLS to
the wire; pause and resume are passed on in both directions. Without a context it passes octets unchanged, so that plain
HTTP has the same limits and the same idle time-out.

The library's protocol hears of a connection only once TLS stands. Where ALPN then chose another protocol (mail on port 443), a `Connection`
of that protocol takes transport and TLS over, and this pump is out of it.

Behind a proxy the PROXY header comes first, and the library sees the addresses it names.

What it does not do: upgrade in the middle (that is `stream`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from postil.net import limits
from postil.net.identities import Chooser
from postil.net.introduction import Introduction, ends
from postil.net.naming import Asked
from postil.net.proxy import Proxied
from postil.net.stream import Connection
from postil.net.tls import NameRefused, Tls, TlsFailed
from postil.net.wheel import Wheel

Octets = bytes | bytearray | memoryview


class Facade(asyncio.Transport):
    """What the library takes for its transport."""

    def __init__(self, pump: Pumped, below: asyncio.Transport, tls: Tls | None) -> None:
        super().__init__()
        self._pump = pump
        self._below = below
        self._tls = tls
        self._protocol: asyncio.BaseProtocol | None = None
        self._closing = False
        self.lost = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        ends = self._pump.ends
        if name == "socket":
            return default  # whoever asks it for its ends would get the proxy's
        if name == "peername" and ends.ip:
            return ends.ip, ends.port
        if name == "sockname" and ends.local_ip:
            return ends.local_ip, ends.local_port
        if self._tls is not None:
            match name:
                case "ssl_object":
                    return self._tls.ssl_object
                case "sslcontext":
                    return self._tls.ssl_object.context
                case "cipher":
                    return self._tls.ssl_object.cipher()
        return self._below.get_extra_info(name, default)

    def write(self, data: Octets) -> None:
        if self._closing:
            return
        if self._tls is None:
            self._below.write(data if isinstance(data, bytes) else bytes(data))
        else:
            self._below.write(b"".join(self._tls.send(data)))
        self._pump.moved()

    def writelines(self, list_of_data: Iterable[Octets]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False  # HTTP/1.1 never half-closes from the server

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if self._tls is not None:
                self._tls.close()
                self._below.write(self._tls.outgoing())
            self._below.close()

    def abort(self) -> None:
        self._closing = True
        self._below.abort()

    def gone(self) -> None:
        """The connection below is lost: what the library still writes goes nowhere."""
        self._closing = self.lost = True

    def is_closing(self) -> bool:
        return self._closing or self._below.is_closing()

    def pause_reading(self) -> None:
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._below.resume_reading()

    def is_reading(self) -> bool:
        return self._below.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        self._pump.switch(cast(asyncio.Protocol, protocol))

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol


class Pumped(asyncio.Protocol):
    """The plain transport's protocol; `above` makes the library's once the connection stands."""

    def __init__(
        self,
        wheel: Wheel,
        above: Callable[[], asyncio.Protocol],
        *,
        tls: ssl.SSLContext | Chooser | None = None,
        others: Mapping[str, Callable[[], Connection]] = {},
        behind: Callable[[str], bool] | None = None,
        failed: Callable[[str, bool], None] = lambda why, named: None,
        enter: Callable[[str], str | None] = lambda ip: None,
        leave: Callable[[str], None] = lambda ip: None,
        refusal: bytes = b"",
        idle: float = limits.HTTP_IDLE,
    ) -> None:
        self._wheel = wheel
        self._make = above
        self._above: asyncio.Protocol | None = None
        self._identity = tls
        self._tls: Tls | None = None
        self._others = others  # ALPN's name of a protocol -> what speaks it
        self._behind = behind
        self._introduction: Introduction | None = None  # while a proxy's header is awaited
        self._failed = (
            failed  # told why no connection came about, and whether it was the name's fault
        )
        self.ends = Proxied()
        self._enter = enter
        self._leave = leave
        self._refusal = refusal
        self._idle = idle
        self._below: asyncio.Transport
        self._facade: Facade | None = None
        self._heir: Connection | None = None
        self._ip: str | None = None
        self.deadline: float | None = None
        self.bucket: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        below = cast(asyncio.Transport, transport)
        below.set_write_buffer_limits(high=limits.WRITE_HIGH, low=limits.WRITE_LOW)
        self._below = below
        own = ends(transport)
        if self._behind is not None and self._behind(own.ip):
            self.ends = own
            self._introduction = Introduction(self._wheel, own, self._unproxied)
        else:
            self._begin(own)

    def _begin(self, both: Proxied) -> None:
        self.ends = both
        if self._identity is not None:
            self._tls = Tls(self._identity, local_ip=both.local_ip)
        self._facade = Facade(self, self._below, self._tls)
        if self._enter(both.ip) is not None:
            if self._tls is None:
                self._below.write(self._refusal)
            self._below.close()
            return
        self._ip = both.ip
        self._wheel.watch(self, self._idle if self._tls is None else limits.HANDSHAKE)
        if self._tls is None:
            self._stands()

    def _introduced(self, introduction: Introduction, data: bytes) -> bytes:
        """What stands behind the proxy's header, once that is whole."""
        told = introduction.feed(data)
        if told is None:
            return b""
        self._introduction = None
        self._begin(told)
        return introduction.rest

    def _unproxied(self, why: str) -> None:
        self._failed(why, False)
        self._below.abort()

    def _stands(self) -> None:
        assert self._facade is not None
        if self._tls is not None and self._tls.asked is Asked.ORDER:
            # RFC 8737 §4: "The "acme-tls/1" protocol does not carry application data."
            self._facade.close()
            return
        if self._tls is not None and (speaks := self._others.get(self._tls.facts.alpn or "")):
            # RFC 7301: the protocol agreed on is not HTTP
            self._wheel.forget(self)
            self._ip = None  # whoever admitted it counts it on
            self._facade.gone()
            self._heir = speaks()
            self._heir.take_over(self._below, self._tls, self.ends)
            return
        above = self._make()
        self._facade.set_protocol(above)
        above.connection_made(self._facade)

    def switch(self, above: asyncio.Protocol) -> None:
        """The library hands its transport to another protocol."""
        self._above = above

    def moved(self) -> None:
        """Octets went by: the idle time begins anew."""
        if self._ip is not None:
            self._wheel.watch(self, self._idle)

    def data_received(self, data: bytes) -> None:
        waits = self._introduction
        if waits is not None and not (data := self._introduced(waits, data)):
            return
        if self._facade is None or self._facade.is_closing() or self._ip is None:
            return
        if self._tls is None:
            self.moved()
            self._give(data)
            return
        try:
            plain = self._tls.receive(data)
        except TlsFailed as error:
            if not self._tls.established:
                self._failed(f"TLS: {error}", isinstance(error, NameRefused))
            self._below.write(self._tls.outgoing())
            self._below.close()
            return
        self._below.write(self._tls.outgoing())
        if self._tls.established:
            if self._above is None:
                self._stands()
            self.moved()  # before that the handshake's own time runs
        for piece in plain:
            self._give(piece)
        if self._tls.ended:
            self._ended()

    def _give(self, data: bytes) -> None:
        if self._heir is not None:
            self._heir.arrived(data)
        elif self._above is not None:
            self._above.data_received(data)

    def _ended(self) -> None:
        if self._heir is not None:
            self._heir.eof_received()
        elif self._above is not None and not self._above.eof_received():
            assert self._facade is not None
            self._facade.close()

    def eof_received(self) -> bool:
        if self._above is not None:
            return bool(self._above.eof_received())
        return False

    def pause_writing(self) -> None:
        if self._above is not None:
            self._above.pause_writing()

    def resume_writing(self) -> None:
        if self._above is not None:
            self._above.resume_writing()

    def expired(self) -> None:
        """Nothing went by for too long."""
        self.abort()

    def abort(self) -> None:
        """End at once; idempotent."""
        if self._facade is not None and not self._facade.lost:
            self._facade.abort()
        elif self._introduction is not None:
            self._below.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wheel.forget(self)
        if self._introduction is not None:
            self._introduction.forget()
        if self._ip is not None:
            self._leave(self._ip)
            self._ip = None
        if self._facade is not None:
            self._facade.gone()
        if self._above is not None:
            self._above.connection_lost(exc)
