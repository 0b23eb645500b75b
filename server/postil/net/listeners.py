"""Sockets bound, connections accepted, and the refusal of those too many.

A listener is a port, what TLS it has, and who serves a connection. All ports are bound before any connection is served,
so that a port in use ends the start with one sentence and nothing half done.

Ready means ready: `open` returns when every port accepts.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from postil.net import limits
from postil.net.admission import Admission
from postil.net.identities import Chooser

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class PortTaken(Exception):
    """A port cannot be bound; the text names it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One port to listen on."""

    name: str  # "imap", "imaps" …: the name in logs and metrics
    ip: str
    port: int  # 0: any free one
    implicit_tls: ssl.SSLContext | Chooser | None = None
    start_tls: ssl.SSLContext | Chooser | None = None
    also: tuple[str, ...] = ()  # protocols beside HTTP, by ALPN's names
    proxies: tuple[Network, ...] = ()  # from there a PROXY header comes first

    @property
    def behind(self) -> Callable[[str], bool] | None:
        """Is that address a proxy? None: there are none."""
        return self._is_proxy if self.proxies else None

    def _is_proxy(self, ip: str) -> bool:
        if not ip:
            return False
        address = ipaddress.ip_address(ip)
        return any(address in network for network in self.proxies)


@dataclass(slots=True)
class Listeners:
    """The bound ports of a server."""

    admission: Admission
    ports: dict[str, int] = field(default_factory=dict)  # name -> the port it got
    _sockets: list[tuple[Spec, socket.socket]] = field(default_factory=list)
    _servers: list[asyncio.Server] = field(default_factory=list)

    def bind(self, spec: Spec) -> int:
        """Take the port; PortTaken when somebody has it, or it is not ours to take."""
        family = socket.AF_INET6 if ":" in spec.ip else socket.AF_INET
        try:
            listener = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # a machine without IPv6
            raise PortTaken(f"cannot listen on {_shown(spec)}: {error.strerror}") from error
        try:
            # After a restart the old connections still linger in the kernel.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Accepted sockets inherit it: a phone that lost its network is found out in about two hours.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.setblocking(False)
            listener.bind((spec.ip, spec.port))
            # Binding alone does not find out another socket that was bound, with SO_REUSEADDR, and not yet listening.
            listener.listen(limits.BACKLOG)
        except OSError as error:
            listener.close()
            raise PortTaken(_sentence(spec, error)) from error
        self._sockets.append((spec, listener))
        port = int(listener.getsockname()[1])
        self.ports[spec.name] = port
        return port

    async def open(self, accept: Callable[[Spec], Callable[[], asyncio.Protocol]]) -> None:
        """Accept on every port bound; `accept` gives the protocol factory of a port."""
        loop = asyncio.get_running_loop()
        while self._sockets:
            spec, listener = self._sockets.pop(0)
            server = await loop.create_server(
                accept(spec), sock=listener, backlog=limits.BACKLOG, start_serving=True
            )
            self._servers.append(server)

    def close(self) -> None:
        """Accept no more; connections that exist go on."""
        for server in self._servers:
            server.close()
        for _, listener in self._sockets:
            listener.close()
        self._servers.clear()
        self._sockets.clear()


def _shown(spec: Spec) -> str:
    return f"[{spec.ip}]:{spec.port}" if ":" in spec.ip else f"{spec.ip}:{spec.port}"


def _sentence(spec: Spec, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {spec.port} ({spec.name}) is in use by another program on {spec.ip}"
        case errno.EACCES:
            return f"port {spec.port} ({spec.name}) needs the right to bind ports below 1024"
        case errno.EADDRNOTAVAIL:
            return f"this machine has no address {spec.ip} to listen on ({spec.name})"
    return f"cannot listen on {_shown(spec)} ({spec.name}): {error.strerror or error}"
