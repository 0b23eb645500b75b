"""Somebody who sits between: takes the client's TLS with a certificate the client trusts, and opens TLS of his own to the server.

One connection, in a thread of its own with blocking sockets.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed, server_context

V13 = ssl.TLSVersion.TLSv1_3
PATIENCE = 20  # seconds


@dataclass
class Interceptor:
    """Where to connect, what to trust, and what he could read."""

    port: int
    certificate: Path
    read: bytearray = field(default_factory=bytearray)


@contextlib.contextmanager
def intercepting(
    folder: Path,
    port: int,
    *,
    towards_client: ssl.TLSVersion = V13,
    towards_server: ssl.TLSVersion = V13,
    change: Callable[[bytes], bytes] = lambda said: said,
    starttls: bool = False,
) -> Iterator[Interceptor]:
    """Runs until the block ends. `change` may alter what the server says; `starttls`: he speaks that much IMAP first."""
    folder.mkdir(exist_ok=True)
    certificate, key = self_signed(folder, ["localhost", "127.0.0.1"], SystemClock())
    ours = server_context(certificate, key)
    ours.minimum_version = ours.maximum_version = towards_client
    theirs = ssl.create_default_context()
    theirs.check_hostname = False
    theirs.verify_mode = ssl.CERT_NONE
    theirs.minimum_version = theirs.maximum_version = towards_server
    listener = socket.create_server(("127.0.0.1", 0))
    stop, stopped = socket.socketpair()
    made = Interceptor(listener.getsockname()[1], certificate)

    def serve() -> None:
        with contextlib.suppress(OSError):
            if stopped in select.select([listener, stopped], [], [], PATIENCE)[0]:
                return
            plain, _ = listener.accept()
            with plain:
                plain.settimeout(PATIENCE)
                if starttls:
                    _starttls(plain)
                with (
                    ours.wrap_socket(plain, server_side=True) as client,
                    socket.create_connection(("127.0.0.1", port), PATIENCE) as up,
                    theirs.wrap_socket(up) as server,
                ):
                    if starttls:
                        server.recv(65536)  # the greeting: his own went out already
                    _pump(client, server, stopped, made.read, change)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield made
    finally:
        stop.close()
        thread.join(PATIENCE)
        stopped.close()
        listener.close()
        assert not thread.is_alive()


def _starttls(plain: socket.socket) -> None:
    plain.sendall(b"* OK ready\r\n")
    lines = plain.makefile("rb", buffering=0)
    while not (line := lines.readline()).endswith(b"STARTTLS\r\n"):
        tag = line.split(b" ")[0]
        plain.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK\r\n")
    plain.sendall(line.split(b" ")[0] + b" OK go\r\n")


def _pump(
    client: ssl.SSLSocket,
    server: ssl.SSLSocket,
    stopped: socket.socket,
    read: bytearray,
    change: Callable[[bytes], bytes],
) -> None:
    while True:
        waiting = [one for one in (client, server) if one.pending()]
        ready = waiting or select.select([client, server, stopped], [], [], PATIENCE)[0]
        if not ready or stopped in ready:
            return
        for one in ready:
            octets = one.recv(65536)
            if not octets:
                return
            if one is client:
                read += octets
                server.sendall(octets)
            else:
                client.sendall(change(octets))
