"""Work that keeps a server busy, each in a process of its own, so that it takes no time from whoever measures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.localserve import LOGIN, PASSWORD

SECONDS = 60
CHUNK = 1 << 16


class Peer:
    """A blocking client that reads lines."""

    def __init__(self, port: int, login: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.file = self.socket.makefile("rb", CHUNK)
        self.file.readline()
        if login:
            self.command(f"LOGIN {LOGIN} {PASSWORD}")

    def command(self, text: str) -> bytes:
        """The tagged line."""
        self.socket.sendall(f"h {text}\r\n".encode())
        return self.tagged()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def tagged(self) -> bytes:
        while line := self.file.readline():
            if line.startswith(b"h "):
                assert line.startswith(b"h OK"), line
                return line
        raise AssertionError("the server closed")


def receive(ports: dict[str, int]) -> None:
    """Three messages of 25 MB, by SMTP."""
    line = b"0123456789" * 7 + b"\r\n"
    body = b"Subject: big\r\n\r\n" + line * (25_000_000 // len(line))
    for _ in range(3):
        peer = Peer(ports["smtp"], login=False)
        for command in (
            b"EHLO x",
            b"MAIL FROM:<a@example.org>",
            b"RCPT TO:<b@example.net>",
            b"DATA",
        ):
            peer.socket.sendall(command + b"\r\n")
            while peer.file.readline()[3:4] == b"-":
                pass
        peer.socket.sendall(body + b".\r\n")
        assert peer.file.readline().startswith(b"250")
        peer.close()


def bring(ports: dict[str, int], count: int = 10_000) -> None:
    """Messages one behind the other without waiting, as an import does."""
    peer = Peer(ports["imap"])
    name = b"import%d" % os.getpid()  # a round after the first needs a mailbox of its own
    peer.command(f"CREATE {name.decode()}")
    octets = (
        b"From: a@example.org\r\nSubject: imported\r\n\r\n" + b"some words of a message\r\n" * 80
    )
    one = b"h APPEND %s (\\Seen) {%d+}\r\n%s\r\n" % (name, len(octets), octets)
    for _ in range(count // 50):
        peer.socket.sendall(one * 50)
        for _ in range(50):
            peer.tagged()


def search(ports: dict[str, int]) -> None:
    """Words that stand everywhere, in a third of the messages, and nowhere, in a big mailbox."""
    peer = Peer(ports["imap"])
    peer.command("SELECT big")
    for needle in ("words", "third", "nowhere", "nd", "message 7"):
        peer.command(f'SEARCH TEXT "{needle}"')


def log_in(ports: dict[str, int], count: int = 200) -> None:
    """New connections, each with its password to be hashed: wrong ones are never remembered."""
    for number in range(count):
        peer = Peer(ports["imap"], login=False)
        peer.socket.sendall(b"h LOGIN %s wrong%d\r\n" % (LOGIN.encode(), number))
        # The answer is delayed on purpose; the hash is what counts, and it has begun.
        peer.close()
    Peer(ports["imap"]).command("LOGOUT")


def fetch(ports: dict[str, int]) -> None:
    """Everything about everything, read as fast as it comes."""
    peer = Peer(ports["imap"])
    peer.command("SELECT big")
    for _ in range(3):
        peer.command("FETCH 1:* (UID FLAGS)")
    peer.command("FETCH 1:20000 (ENVELOPE)")


WORK: dict[str, Callable[[dict[str, int]], None]] = {
    "25 MB by SMTP": receive,
    "import of 10,000": bring,
    "SEARCH TEXT over 100,000": search,
    "200 logins": log_in,
    "FETCH 1:* of 100,000": fetch,
}


@contextmanager
def beside(name: str, ports: dict[str, int]) -> Iterator[subprocess.Popen[bytes]]:
    """The work, until it ends; then it must have gone well."""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.heavy", name, json.dumps(ports)], cwd=root
    )
    try:
        yield process
        assert process.wait(SECONDS) == 0
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    WORK[sys.argv[1]](json.loads(sys.argv[2]))
