"""An IMAP client that costs little: sends lines, counts what comes back, parses only what a measurement needs."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterable

_EXISTS = re.compile(rb"\* (\d+) EXISTS\r\n")


class Client:
    """One connection, blocking."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._tag = 0
        self.exists = 0  # messages at the last `select`
        self._until(b"\r\n", 0)

    def _until(self, end: bytes, start: int) -> bytes:
        while (at := self._buffer.find(end, start)) < 0:
            start = max(len(self._buffer) - len(end), 0)
            piece = self._socket.recv(1 << 20)
            if not piece:
                raise EOFError("the server closed the connection")
            self._buffer += piece
        piece, self._buffer = self._buffer[: at + len(end)], self._buffer[at + len(end) :]
        return piece

    def command(self, line: str | bytes) -> bytes:
        """Send one command and return everything up to its tagged OK."""
        self._tag += 1
        tag = b"a%d" % self._tag
        self._socket.sendall(
            tag + b" " + (line.encode() if isinstance(line, str) else line) + b"\r\n"
        )
        return self._answer(tag)

    def _answer(self, tag: bytes) -> bytes:
        # The tagged line is looked for in the last piece only: answers have millions of octets.
        pieces = [self._buffer]
        needle = b"\r\n" + tag + b" "
        tail = b"\r\n" + self._buffer
        while not (needle in tail and tail.endswith(b"\r\n")):
            piece = self._socket.recv(1 << 20)
            if not piece:
                raise EOFError("the server closed the connection")
            pieces.append(piece)
            tail = tail[-200:] + piece
        self._buffer = b""
        whole = b"".join(pieces)
        last = whole[whole.rfind(tag + b" ", max(0, len(whole) - 1000)) :]
        if not last.startswith(tag + b" OK"):
            raise RuntimeError(f"the server said {last!r}")
        return whole

    def login(self, user: str, password: str) -> Client:
        """LOGIN with quoted strings."""
        self.command(f'LOGIN "{user}" "{password}"')
        return self

    def select(self, mailbox: str) -> int:
        """SELECT; how many messages there are."""
        found = _EXISTS.search(self.command(f"SELECT {mailbox}"))
        assert found is not None
        self.exists = int(found[1])
        return self.exists

    def exists_in(self, mailbox: str) -> int:
        """Messages of a mailbox that need not be selected."""
        found = re.search(rb"MESSAGES (\d+)", self.command(f"STATUS {mailbox} (MESSAGES)"))
        assert found is not None
        return int(found[1])

    def drop(self, mailbox: str) -> None:
        """DELETE, if it is there: a run that was broken off leaves things behind."""
        with contextlib.suppress(RuntimeError):
            self.command(f"DELETE {mailbox}")

    def fill(self, mailbox: str, messages: Iterable[bytes], window: int = 50) -> int:
        """APPEND with non-synchronising literals, `window` in flight; returns how many."""
        flying: list[bytes] = []
        count = 0
        for message in messages:
            self._tag += 1
            tag = b"a%d" % self._tag
            self._socket.sendall(
                b'%b APPEND "%b" {%d+}\r\n%b\r\n' % (tag, mailbox.encode(), len(message), message)
            )
            flying.append(tag)
            count += 1
            if len(flying) >= window:
                self._reap(flying)
        self._reap(flying)
        return count

    def _reap(self, flying: list[bytes]) -> None:
        while flying:
            line = self._until(b"\r\n", 0)
            if line.startswith(flying[0] + b" "):
                if not line.startswith(flying[0] + b" OK"):
                    raise RuntimeError(f"APPEND: {line!r}")
                del flying[0]

    def close(self) -> None:
        """LOGOUT and close."""
        with contextlib.suppress(EOFError):
            self.command("LOGOUT")
        self._socket.close()
