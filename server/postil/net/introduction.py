"""The ends of a connection, and the wait for a proxy that has still to tell them.

A connection from the address of a proxy begins with a PROXY header (`proxy`), before TLS, and within a few seconds; nobody hears of the connection
before.

A proxy elsewhere may name a loopback address: somebody on its machine has connected to it there. That is not our machine, whose programs
are exempt from limits, so such a connection is taken for the proxy's own, as its health checks are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from postil.net import limits
from postil.net.admission import is_loopback
from postil.net.proxy import BadProxyHeader, Proxied, ProxyReader
from postil.net.wheel import Wheel


def ends(transport: asyncio.BaseTransport) -> Proxied:
    """The connection's own."""
    return Proxied(
        *_endpoint(transport.get_extra_info("peername")),
        *_endpoint(transport.get_extra_info("sockname")),
    )


def _endpoint(address: object) -> tuple[str, int]:
    """IP without zone and port of what a transport calls a peer or socket name."""
    match address:
        case (str() as ip, int() as port, *_):
            return ip.partition("%")[0], port
    return "", 0


class Introduction:
    """A header that is awaited; `failed` is told why none came, and ends the connection."""

    __slots__ = ("_failed", "_own", "_reader", "_wheel", "bucket", "deadline")

    def __init__(self, wheel: Wheel, own: Proxied, failed: Callable[[str], None]) -> None:
        self._wheel = wheel
        self._own = own
        self._failed = failed
        self._reader = ProxyReader()
        self.deadline: float | None = None
        self.bucket: float | None = None
        wheel.watch(self, limits.PROXY)

    @property
    def rest(self) -> bytes:
        """What came behind the header."""
        return self._reader.rest

    def feed(self, data: bytes) -> Proxied | None:
        """Whose connection it is, once the header is whole; the proxy's own where it speaks for itself."""
        try:
            told = self._reader.feed(data)
        except BadProxyHeader as error:
            self._failed(f"PROXY: {error}")
            return None
        if told is None:
            return None
        self.forget()
        return told if told.ip and not self._of_itself(told) else self._own

    def _of_itself(self, told: Proxied) -> bool:
        """Is that the proxy's machine and not ours? What of ours comes in without limits must not be had by a header from elsewhere."""
        return is_loopback(told.ip) and not is_loopback(self._own.ip)

    def expired(self) -> None:
        """The wheel says that it took too long."""
        self._failed("PROXY: no header came")

    def forget(self) -> None:
        """It is awaited no longer."""
        self._wheel.forget(self)
