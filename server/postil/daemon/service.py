"""The life of a connection: let in, served, ended; the same for every mail protocol.

Theory of operation. `accept` gives the loop a factory of connections for one port. A connection that is let in becomes a task:
TLS handshake where the port begins with it, then the session until it returns. The session ends by returning, by
`StreamClosed` or `StreamTimeout` (all normal), or by any other exception, which is a fault of ours: logged with the
connection's id, counted, answered with the protocol's "it is us".

Stopping. `drain` stops nobody in the middle of an answer: each session gets the farewell before its next read. What has
not ended after the grace is cut. A session whose login is withdrawn is asked to leave in the same way, with other words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from prometheus_client import Counter

from postil.base.clock import Clock
from postil.base.ids import connection_id
from postil.base.tasks import Tasks
from postil.daemon.metrics import Metrics
from postil.daemon.sessions import LoggedIn
from postil.net.admission import Admission
from postil.net.listeners import Spec
from postil.net.stream import Connection
from postil.net.wheel import Wheel
from postil.ports.accounts import Account
from postil.ports.logins import Gate, OpenGate
from postil.ports.sessions import Ended
from postil.ports.stream import Stream, StreamClosed, StreamTimeout

DISMISS_SECONDS: Final = (
    3.0  # a dismissed session that is still sending something after them is cut off
)

RunSession = Callable[[Stream], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Words:
    """How a protocol says what the daemon has to say."""

    refuse: Callable[[str], bytes]  # reason -> instead of a greeting
    farewell: bytes  # the server stops
    fault: bytes  # an error of ours ended the session
    dismiss: Callable[[Ended], bytes]  # what the session's login rested on is withdrawn


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all services of a server share."""

    wheel: Wheel
    admission: Admission
    metrics: Metrics
    clock: Clock
    gate: Gate = field(default_factory=OpenGate)  # who may try to log in
    sessions: LoggedIn = field(default_factory=LoggedIn)


# Not logged even when a session reports it: what could be a secret or somebody's mail; and the connection's id, which
# every line has anyway.
_LEFT_OUT: Final = frozenset(
    {"connection", "password", "secret", "token", "initial", "text", "body", "data"}
)


# What an operator should look at: somebody may sit between a client and us.
_WARNINGS: Final = frozenset({"interception"})


def _shown(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if name not in _LEFT_OUT}


class Service:
    """Serves one protocol on any number of ports."""

    def __init__(
        self, protocol: str, words: Words, run: RunSession, surroundings: Surroundings
    ) -> None:
        self.protocol = protocol
        self._words = words
        self._run = run
        self._around = surroundings
        self._log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"postil.{protocol}")
        self._level = logging.getLogger(f"postil.{protocol}")
        self._counts: dict[str, Counter] = {}  # by event; `labels` looks it up under a lock
        self._tasks = Tasks(self._task_failed)
        self._connections: set[Connection] = set()
        self._early: set[Connection] = set()  # whose proxy has not told yet whose they are
        self._stopping = False

    # --- what sessions report (the `event` and `failure` of their settings)

    def event(self, what: str, facts: Mapping[str, object]) -> None:
        """Log and count what a session says happened."""
        count = self._counts.get(what)
        if count is None:
            count = self._counts[what] = self._around.metrics.events.labels(self.protocol, what)
        count.inc()
        if what in _WARNINGS:
            self._log.warning(what, **_shown(facts))
            return
        # Asked of the stdlib, since structlog binds a logger before it looks at the level.
        if not self._level.isEnabledFor(logging.INFO):
            return
        self._log.info(what, **_shown(facts))

    def failure(self, error: BaseException) -> None:
        """A fault of ours that the session survived."""
        self._around.metrics.faults.labels(self.protocol).inc()
        self._log.error("fault", exc_info=error)

    def present(self, stream: Stream, account: Account) -> Callable[[], None]:
        """Somebody has logged in (the `present` of the sessions' settings); gives what to call when that is over."""
        assert isinstance(stream, Connection), "`accept` makes nothing else"

        def end(why: Ended) -> None:
            self.event("dismissed", {"account": account.name, "reason": why.value})
            stream.farewell(self._words.dismiss(why), why.value)
            asyncio.get_running_loop().call_later(DISMISS_SECONDS, stream.abort)

        return self._around.sessions.enter(account.id, account.credential, end)

    def _task_failed(self, name: str, error: BaseException) -> None:
        self.failure(error)

    # --- connections

    def accept(self, spec: Spec, *, admitted: bool = False) -> Callable[[], Connection]:
        """The factory of connections on one port; `admitted`: they come from another service, which has counted them."""
        metrics = self._around.metrics
        count = metrics.connections.labels(spec.name)
        now_open = metrics.open.labels(spec.name)
        refused = metrics.refused.labels(spec.name)

        def made(connection: Connection) -> None:
            self._early.discard(connection)
            if not admitted:
                ip, now = connection.peer.ip, self._around.clock.monotonic()
                reason = self._around.admission.enter(ip, now)
                if reason is not None or self._stopping:
                    refused.inc()
                    self._refuse(connection, spec, reason or "")
                    return
                count.inc()
                now_open.inc()
            self._connections.add(connection)
            self._tasks.start(f"{spec.name} {connection.peer.connection}", self._serve(connection))
            if self._stopping:
                connection.farewell(self._words.farewell)

        def lost(connection: Connection) -> None:
            if connection in self._early:
                self._early.discard(connection)
                metrics.proxy_failures.labels(spec.name).inc()
                self._log.info("no proxy header", ip=connection.peer.ip, reason=connection.why)
            if connection in self._connections:
                self._connections.discard(connection)
                self._around.admission.leave(connection.peer.ip)
                now_open.dec()
                metrics.octets.labels(spec.name, "in").inc(connection.received)
                metrics.octets.labels(spec.name, "out").inc(connection.sent)

        def factory() -> Connection:
            connection = Connection(
                self._around.wheel,
                listener=spec.name,
                connection=connection_id(),
                made=made,
                lost=lost,
                implicit_tls=spec.implicit_tls,
                start_tls=spec.start_tls,
                behind=spec.behind,
            )
            if spec.proxies and not admitted:
                self._early.add(connection)
            return connection

        return factory

    def _refuse(self, connection: Connection, spec: Spec, reason: str) -> None:
        """In the protocol's words; where TLS comes first there is no way to say it for less than a handshake."""
        if reason:
            self._log.info("refused", ip=connection.peer.ip, listener=spec.name, reason=reason)
        if spec.implicit_tls is not None:
            connection.abort()
            return
        connection.write(self._words.refuse(reason) if reason else self._words.farewell)
        self._tasks.start("refusal", connection.close())

    async def _serve(self, connection: Connection) -> None:
        peer = connection.peer
        structlog.contextvars.bind_contextvars(cid=peer.connection)
        began = self._around.clock.monotonic()
        self._log.debug("connected", ip=peer.ip, port=peer.port, listener=peer.listener)
        why = ""
        try:
            if connection.tls is not None and not await self._handshake(connection):
                return
            await self._run(connection)
        except StreamTimeout:
            why = "nothing came, or nothing was taken, for too long"
        except StreamClosed as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 (this is the one place)
            self.failure(error)
            why = "our fault"
            self._excuse(connection)
        finally:
            self._note_tls(connection)
            await connection.close()
            self._log.debug(
                "disconnected",
                seconds=round(self._around.clock.monotonic() - began, 3),
                received=connection.received,
                sent=connection.sent,
                why=why or connection.why,
            )

    async def _handshake(self, connection: Connection) -> bool:
        try:
            await connection.handshake()
        except StreamClosed:
            return False
        peer = connection.peer
        self._log.debug("tls", version=peer.tls, cipher=peer.cipher, server_name=peer.server_name)
        return True

    def _note_tls(self, connection: Connection) -> None:
        """TLS was begun, with the connection or by STARTTLS, and did not come about."""
        if connection.tls is None or connection.tls.established:
            return
        if not connection.name_refused:
            self._around.metrics.handshake_failures.labels(connection.peer.listener).inc()
        self._log.debug("no tls", reason=connection.why)

    def _excuse(self, connection: Connection) -> None:
        try:
            connection.write(self._words.fault)
        except StreamClosed:
            return  # nobody is left to hear it

    # --- the end

    def __len__(self) -> int:
        return len(self._connections)

    async def drain(self, grace: float) -> None:
        """Ask every session to leave, wait, cut the rest."""
        self._stopping = True
        for connection in list(self._early):
            connection.abort()
        for connection in list(self._connections):
            connection.farewell(self._words.farewell)
        loop = asyncio.get_running_loop()
        until = loop.time() + grace
        while len(self._tasks) and loop.time() < until:
            await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.abort()
        await self._tasks.close()
