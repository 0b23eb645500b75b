"""A proxy between a real client and our server that counts what went through: the evidence that a client did something.

It runs in a thread of its own, so that a blocking client in the test does not stop it. Octets are counted in both
directions, commands as lines of the client that look like one (`a1 SELECT …`, `MAIL FROM:…`); inside TLS there are only octets.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

REPORT = Path(__file__).resolve().parents[2] / "build" / "interop.jsonl"

_COMMAND = re.compile(
    rb"(?m)^(?:[A-Za-z0-9.+_-]{1,20} )?(?:UID )?"
    rb"(CAPABILITY|LOGIN|AUTHENTICATE|SELECT|EXAMINE|CREATE|DELETE|RENAME|SUBSCRIBE|UNSUBSCRIBE|LIST|LSUB"
    rb"|NAMESPACE|STATUS|APPEND|FETCH|STORE|SEARCH|COPY|MOVE|EXPUNGE|CLOSE|UNSELECT|IDLE|ENABLE|ID|NOOP|LOGOUT|CHECK"
    rb"|EHLO|HELO|MAIL|RCPT|DATA|RSET|VRFY|QUIT|AUTH|STARTTLS)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Counts:
    """What went through."""

    connections: int = 0
    sent: int = 0  # octets from the client
    received: int = 0  # octets to the client
    commands: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All commands."""
        return sum(self.commands.values())


class CountingProxy:
    """Listens on `port`, passes on to `target`; `close` ends it."""

    def __init__(self, target: int) -> None:
        self.counts = Counts()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="counting-proxy", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj.fileno() >= 0:  # type: ignore[union-attr]
                    # -1: its partner ended in this very round, and closed both
                    self._pass(key.fileobj, *key.data)  # type: ignore[arg-type]

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.counts.connections += 1
        self._selector.register(client, selectors.EVENT_READ, (server, True))
        self._selector.register(server, selectors.EVENT_READ, (client, False))

    def _pass(self, source: socket.socket, target: socket.socket, from_client: bool) -> None:
        try:
            piece = source.recv(1 << 16)
            if piece:
                target.sendall(piece)
        except OSError:
            piece = b""
        if not piece:
            for end in (source, target):
                with contextlib.suppress(KeyError):
                    self._selector.unregister(end)
                end.close()
        elif from_client:
            self.counts.sent += len(piece)
            for found in _COMMAND.finditer(piece):
                name = found.group(1).decode().upper()
                self.counts.commands[name] = self.counts.commands.get(name, 0) + 1
        else:
            self.counts.received += len(piece)

    def close(self) -> None:
        """End the thread and all connections."""
        self._wake.send(b"x")
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        self._wake.close()


@contextlib.contextmanager
def evidence(
    client: str, version: str, target: int, *, encrypted: bool = False
) -> Iterator[CountingProxy]:
    """A proxy to `target` for one client; afterwards what it did is written down, and nothing done is a failure."""
    proxy = CountingProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
    counts = proxy.counts
    assert version.strip(), f"{client} did not say its version"
    assert counts.sent and counts.received, f"{client} exchanged nothing: {counts}"
    assert encrypted or counts.total, f"{client} ran no command we know: {counts}"
    row = {"client": client, "version": version.strip(), "encrypted": encrypted, **asdict(counts)}
    REPORT.parent.mkdir(exist_ok=True)
    file = os.open(REPORT, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (json.dumps(row) + "\n").encode())  # one write: whole lines from any worker
    finally:
        os.close(file)
