"""COMPRESS=DEFLATE over real sockets, with zlib as the peer: any cut, any flush, and what is no DEFLATE."""

from __future__ import annotations

import resource
import socket
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from tests.support.localserve import LOGIN, PASSWORD, Localserve

SECONDS = 30


class Peer:
    """A client that compresses with zlib itself."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname="localhost") if context else raw
        self.plain = b""
        self.inflate: zlib._Decompress | None = None
        self.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.tags = 0
        self.closed = False

    def line(self) -> bytes:
        while b"\r\n" not in self.plain:
            piece = self.socket.recv(65536)
            if not piece:
                self.closed = True
                return b""
            self.plain += self.inflate.decompress(piece) if self.inflate else piece
        line, _, self.plain = self.plain.partition(b"\r\n")
        return line

    def until(self, tag: str) -> list[bytes]:
        lines = []
        while True:
            line = self.line()
            if self.closed:
                break
            lines.append(line)
            if line.startswith(tag.encode() + b" "):
                break
        return lines

    def plainly(self, text: str) -> list[bytes]:
        self.tags += 1
        self.socket.sendall(f"p{self.tags} {text}\r\n".encode())
        return self.until(f"p{self.tags}")

    def packed(self, text: str, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return self.deflate.compress(text.encode()) + self.deflate.flush(flush)

    def command(self, text: str) -> list[bytes]:
        self.tags += 1
        self.socket.sendall(self.packed(f"c{self.tags} {text}\r\n"))
        return self.until(f"c{self.tags}")

    def begin(self) -> None:
        """Log in, COMPRESS, and compress from there on."""
        self.line()
        assert b" OK " in self.plainly(f"LOGIN {LOGIN} {PASSWORD}")[-1]
        assert b" OK " in self.plainly("COMPRESS DEFLATE")[-1]
        self.inflate = zlib.decompressobj(-15)


@contextmanager
def peer(server: Localserve, how: str = "imap") -> Iterator[Peer]:
    made = Peer(server.ports[how], server.context() if how == "imaps" else None)
    try:
        yield made
    finally:
        made.socket.close()


@pytest.mark.parametrize("how", ["imap", "imaps"])
@pytest.mark.rfc(
    "4978",
    "3",
    "the server MUST compress starting immediately after the CRLF which ends the tagged OK response.",
)
@pytest.mark.rfc(
    "4978",
    "3",
    "the sending order of the three extensions MUST be first COMPRESS, then SASL, and finally TLS.",
)
@pytest.mark.rfc("4978", "3", "When receiving data, the processing order MUST be reversed.")
def test_session(localserve: Localserve, how: str) -> None:
    """A whole session, in plain TCP and inside TLS."""
    with peer(localserve, how) as client:
        client.begin()
        assert client.command("NOOP") == [b"c3 OK NOOP completed"]
        text = "Subject: x\r\n\r\n" + "words and words\r\n" * 5000
        assert b" OK " in client.command(f"CREATE compressed-{how}")[-1]
        client.socket.sendall(client.packed(f"a1 APPEND compressed-{how} {{{len(text)}}}\r\n"))
        assert client.line().startswith(b"+ ")
        client.socket.sendall(client.packed(text + "\r\n"))
        assert b"APPENDUID" in client.until("a1")[-1]
        client.command(f"SELECT compressed-{how}")
        answer = b"\r\n".join(client.command("FETCH * BODY.PEEK[]"))
        assert text.encode() in answer
        # RFC 4978 §3: COMPRESS active already
        assert b" BAD " in client.command("COMPRESS DEFLATE")[-1]
        assert client.command("LOGOUT")[0].startswith(b"* BYE")
        assert client.line() == b""


@pytest.mark.rfc(
    "4978", "5", "Implementations MUST accept these strings in a case-insensitive fashion."
)
def test_starttls_before(localserve: Localserve) -> None:
    """STARTTLS, then COMPRESS: compressed first, then encrypted."""
    with peer(localserve) as client:
        client.line()
        client.plainly("STARTTLS")
        client.socket = localserve.context().wrap_socket(client.socket, server_hostname="localhost")
        client.plainly(f"LOGIN {LOGIN} {PASSWORD}")
        client.plainly("COMPRESS deflate")
        client.inflate = zlib.decompressobj(-15)
        assert client.command("NOOP") == [b"c4 OK NOOP completed"]


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_FULL_FLUSH])
def test_octet_by_octet(localserve: Localserve, flush: int) -> None:
    """Each command is answered as soon as its bits are there, whichever flush and whatever the packets."""
    with peer(localserve) as client:
        client.begin()
        for number in range(20):
            for octet in client.packed(f"o{number} NOOP\r\n", flush):
                client.socket.sendall(bytes([octet]))
            assert client.until(f"o{number}") == [f"o{number} OK NOOP completed".encode()]


def test_early_octets(localserve: Localserve) -> None:
    """What came in one packet with COMPRESS, behind its CRLF, is of the compressed stream."""
    with peer(localserve) as client:
        client.line()
        client.plainly(f"LOGIN {LOGIN} {PASSWORD}")
        client.socket.sendall(b"a COMPRESS DEFLATE\r\n" + client.packed("b NOOP\r\nc NOOP\r\n"))
        assert client.line() == b"a OK DEFLATE active"
        client.inflate = zlib.decompressobj(-15)
        # It may have come along with the OK.
        client.plain = client.inflate.decompress(client.plain)
        assert client.until("c") == [b"b OK NOOP completed", b"c OK NOOP completed"]


def test_garbage(localserve: Localserve) -> None:
    """What is no DEFLATE ends the session with a BYE that the peer can read."""
    with peer(localserve) as client:
        client.begin()
        client.socket.sendall(b"\xff\xff\xff\xff plain text\r\n")
        assert client.line().startswith(b"* BYE This is not compressed as agreed")
        assert client.line() == b""


def test_good_before_garbage(localserve: Localserve) -> None:
    """A command in the same packet before the garbage is still done."""
    with peer(localserve) as client:
        client.begin()
        client.socket.sendall(client.packed("a NOOP\r\n") + b"\xff\xff\xff\xff")
        assert client.line() == b"a OK NOOP completed"
        assert client.line().startswith(b"* BYE")


def test_end_of_stream(localserve: Localserve) -> None:
    """A peer that ends its DEFLATE stream has left, even if the connection stays; one that tears it too."""
    for end in (zlib.Z_FINISH, None):
        with peer(localserve) as client:
            client.begin()
            octets = client.packed("a NOOP\r\n", end) if end else client.packed("a NOOP\r\n")[:4]
            client.socket.sendall(octets)
            if not end:
                client.socket.shutdown(socket.SHUT_WR)
            assert client.until("a") == ([b"a OK NOOP completed"] if end else [])
            assert client.line() == b""


def test_bomb(localserve: Localserve) -> None:
    """A line that inflates to hundreds of megabytes ends the session; memory stays where it was."""
    assert localserve.process is not None
    with peer(localserve) as client:
        client.begin()
        client.command("NOOP")
        before = _peak(localserve.process.pid)
        bomb = b"".join([client.deflate.compress(b" " * 1_000_000) for _ in range(300)])
        assert len(bomb) < 1_000_000
        with suppress(ConnectionError):  # it may have seen enough
            client.socket.sendall(bomb + client.deflate.flush(zlib.Z_SYNC_FLUSH))
        assert client.line().startswith(b"* BAD [TOOBIG]")
        assert client.line().startswith(b"* BYE [TOOBIG]")
        assert _peak(localserve.process.pid) - before < 16 << 20


def test_bomb_of_a_literal(localserve: Localserve) -> None:
    """The limit of a literal is told by its announced size, however small it came."""
    with peer(localserve) as client:
        client.begin()
        zeros = client.deflate.compress(b"a APPEND INBOX {900000000+}\r\n")
        zeros += b"".join([client.deflate.compress(b"\0" * 1_000_000) for _ in range(100)])
        with suppress(ConnectionError):
            client.socket.sendall(zeros)
        assert b"TOOBIG" in client.line()
        assert client.line().startswith(b"* BYE [TOOBIG]")


def _peak(pid: int) -> int:
    """The largest memory a process ever had, in octets."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


@pytest.mark.rfc(
    "4978",
    "3",
    "If the server issues a BAD or NO response, the server MUST NOT turn on compression.",
)
def test_refused(localserve: Localserve) -> None:
    """After BAD everything stays plain."""
    with peer(localserve) as client:
        client.line()
        client.plainly(f"LOGIN {LOGIN} {PASSWORD}")
        assert b" BAD " in client.plainly("COMPRESS BROTLI")[-1]
        assert client.plainly("NOOP") == [b"p3 OK NOOP completed"]


@pytest.mark.parametrize("cut", [-8, -6, -5, -1, 1])
def test_unauthenticate_in_pieces(localserve: Localserve, cut: int) -> None:
    """What the flush behind UNAUTHENTICATE leaves is no part of the next command, even when it comes later."""
    with peer(localserve) as client:
        client.begin()
        octets = client.packed("u UNAUTHENTICATE\r\n")
        wire = octets + f"v LOGIN {LOGIN} {PASSWORD}\r\n".encode()
        client.socket.sendall(wire[: len(octets) + cut])
        answer = b""
        if cut > -6:
            # The command is whole: the rest comes when its answer is here.
            assert client.inflate is not None
            while b"u OK Log in again\r\n" not in answer:
                answer += client.inflate.decompress(client.socket.recv(65536))
        client.socket.sendall(wire[len(octets) + cut :])
        plain = b""
        while b"v OK" not in plain:
            piece = client.socket.recv(65536)
            assert piece
            plain += piece


def test_unauthenticate_behind_much(localserve: Localserve) -> None:
    """In one packet with a message before it and many commands behind it."""
    with peer(localserve) as client:
        client.begin()
        client.command("CREATE behind-much")
        text = "Subject: x\r\n\r\n" + "".join(f"{n * n:x} words\r\n" for n in range(5000))
        command = f"a APPEND behind-much {{{len(text)}+}}\r\n{text}\r\nu UNAUTHENTICATE\r\n"
        noops = b"".join(b"n%d NOOP\r\n" % n for n in range(1000))
        client.socket.sendall(
            client.packed(command) + f"v LOGIN {LOGIN} {PASSWORD}\r\n".encode() + noops
        )
        wire = b""
        while b"n999 OK NOOP completed\r\n" not in wire:
            piece = client.socket.recv(65536)
            assert piece
            wire += piece
        assert b"\r\nv OK [CAPABILITY " in wire or b"\xffv OK [CAPABILITY " in wire


@pytest.mark.parametrize("flush", [zlib.Z_SYNC_FLUSH, zlib.Z_FINISH])
def test_unauthenticate_ends_it(localserve: Localserve, flush: int) -> None:
    """Behind the CRLF of UNAUTHENTICATE, and behind its OK, everything is plain: in one packet with what follows."""
    with peer(localserve) as client:
        client.begin()
        client.command("SELECT INBOX")
        octets = client.packed("u UNAUTHENTICATE\r\n", flush)
        client.socket.sendall(octets + f"v LOGIN {LOGIN} {PASSWORD}\r\nw NOOP\r\n".encode())
        assert client.inflate is not None
        wire = client.plain
        while b"w OK" not in wire:
            wire += client.socket.recv(65536)
        answer, _, rest = wire.partition(b"\x00\x00\xff\xff")
        assert client.inflate.decompress(answer + b"\x00\x00\xff\xff") == b"u OK Log in again\r\n"
        assert rest.startswith(b"v OK [CAPABILITY ")
        client.inflate = None
        client.plain = b""
        # It can be begun again.
        assert b" OK " in client.plainly("COMPRESS DEFLATE")[-1]
        client.inflate = zlib.decompressobj(-15)
        client.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        assert b" OK " in client.command("NOOP")[-1]


def test_slow_reader(localserve: Localserve) -> None:
    """A peer that vanishes in the middle of an answer disturbs nobody."""
    with peer(localserve) as client:
        client.begin()
        client.command("CREATE vanish")
        text = "Subject: x\r\n\r\n" + "0123456789\r\n" * 80_000
        client.socket.sendall(client.packed(f"a APPEND vanish {{{len(text)}+}}\r\n{text}\r\n"))
        client.until("a")
        client.command("SELECT vanish")
        client.socket.sendall(client.packed("".join(f"x{n} FETCH 1 BODY[]\r\n" for n in range(50))))
        client.socket.recv(1000)
    with peer(localserve) as client:
        client.begin()
        assert b" OK " in client.command("NOOP")[-1]
