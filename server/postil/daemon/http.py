"""HTTP: an ASGI application on the same ports, pump and limits as mail; HTTP/1.1 by uvicorn's parser.

Uvicorn's own server is not used (it would bind sockets, catch signals, configure logging): only its protocol class, which
is handed our transports.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from email.utils import formatdate
from typing import Any, Final, cast

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from postil.base.clock import Clock
from postil.daemon.service import Service, Surroundings
from postil.net.listeners import Spec
from postil.net.transport import Pumped

HEADER_OCTETS: Final = 16 * 1024  # request line and fields; browsers stop at 8 to 16 KiB
AT_ONCE: Final = 200  # requests being answered; each may hold a page in memory
KEEP_ALIVE: Final = 15  # seconds a connection waits for its next request

_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 60\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\ntoo many connections\n"
)

Application = Callable[..., Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def _dated(application: Application, clock: Clock) -> Application:
    """The application with the time on every answer: uvicorn's own comes from the server that is not used here."""

    async def dated(scope: object, receive: object, send: Send) -> None:
        async def stamped(message: MutableMapping[str, Any]) -> None:
            # RFC 9110 §6.6.1: "An origin server with a clock (as defined in Section 5.6.7) MUST generate a Date header
            # field in all 2xx (Successful), 3xx (Redirection), and 4xx (Client Error) responses"
            if message["type"] == "http.response.start":
                date = formatdate(clock.now(), usegmt=True).encode("ascii")
                message["headers"] = [(b"date", date), *message["headers"]]
            await send(message)

        await application(scope, receive, stamped)

    return dated


class HttpService:
    """Serves one ASGI application on any number of ports."""

    def __init__(
        self,
        application: Application,
        surroundings: Surroundings,
        others: Mapping[str, Service] = {},
    ) -> None:
        """`others`: ALPN's name of a protocol -> what speaks it, where a port offers it."""
        self._others = others
        self._config = Config(
            cast(Any, _dated(application, surroundings.clock)),
            loop="none",
            http=H11Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=AT_ONCE,
            timeout_keep_alive=KEEP_ALIVE,
            h11_max_incomplete_event_size=HEADER_OCTETS,
        )
        self._config.load()
        self._state = ServerState()
        self._below: weakref.WeakSet[Pumped] = weakref.WeakSet()
        self._around = surroundings
        self._log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("postil.web")

    def accept(self, spec: Spec) -> Callable[[], asyncio.Protocol]:
        """The factory of connections on one port."""
        metrics = self._around.metrics
        count = metrics.connections.labels(spec.name)
        refused = metrics.refused.labels(spec.name)
        now_open = metrics.open.labels(spec.name)

        def enter(ip: str) -> str | None:
            reason = self._around.admission.enter(ip, self._around.clock.monotonic())
            if reason is not None:
                refused.inc()
                self._log.info("refused", ip=ip, listener=spec.name, reason=reason)
                return reason
            count.inc()
            now_open.inc()
            return None

        def leave(ip: str) -> None:
            now_open.dec()
            self._around.admission.leave(ip)

        def above() -> asyncio.Protocol:
            return H11Protocol(self._config, self._state, {})

        def failed(why: str, name_refused: bool) -> None:
            if why.startswith("PROXY"):
                metrics.proxy_failures.labels(spec.name).inc()
                self._log.info("no proxy header", listener=spec.name, reason=why)
                return
            if not name_refused:
                metrics.handshake_failures.labels(spec.name).inc()
            self._log.debug("no tls", listener=spec.name, reason=why)

        others = {
            protocol: self._others[protocol].accept(spec, admitted=True) for protocol in spec.also
        }

        def factory() -> Pumped:
            below = Pumped(
                self._around.wheel,
                above,
                tls=spec.implicit_tls,
                others=others,
                behind=spec.behind,
                failed=failed,
                enter=enter,
                leave=leave,
                refusal=_REFUSAL,
            )
            self._below.add(below)
            return below

        return factory

    async def drain(self, grace: float) -> None:
        """Let requests that run finish, close the other connections; cut the rest after the grace."""
        for connection in list(self._state.connections):
            connection.shutdown()
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        while self._state.connections and loop.time() < until:
            await asyncio.sleep(0.02)
        for below in list(self._below):
            below.abort()
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.gather(*self._state.tasks, return_exceptions=True)
