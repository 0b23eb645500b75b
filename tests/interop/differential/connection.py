"""One connection over a raw socket: commands out, lines with their literals in, nothing interpreted that could hide an octet."""

from __future__ import annotations

import re
import socket
import zlib
from dataclasses import dataclass, field

SECONDS = 30
_LITERAL = re.compile(rb"~?\{(\d+)\}\Z")
# A literal as the client writes it; the group is "+" when nobody waits.
_SENT_LITERAL = re.compile(rb"~?\{(\d+)(\+?)\}\r\n")


@dataclass
class Answer:
    """What came back: lines without their last CRLF, the tagged one without its tag."""

    untagged: list[bytes] = field(default_factory=list)
    tagged: bytes = b""  # b"" when the server closed
    asked: int = 0  # how often it said `+`


class Connection:
    """To one of the two servers."""

    def __init__(self, port: int, login: str, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = b""
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None
        self._tags = 0
        self._idle: tuple[bytes, Answer] | None = None
        self.closed = False
        greeting = self._line()
        answer = self.command(f"LOGIN {login} {password}".encode()) if greeting else Answer()
        if not answer.tagged.startswith(b"OK "):
            self.close()
            raise AssertionError(f"no login at port {port}: {greeting!r} {answer}")

    def close(self) -> None:
        self._socket.close()

    # --- octets

    def _receive(self) -> bytes:
        piece = self._socket.recv(65536)
        if piece and self._inflate is not None:
            piece = self._inflate.decompress(piece)
        elif not piece:
            self.closed = True
        return piece

    def _send(self, octets: bytes) -> None:
        if self._deflate is not None:
            octets = self._deflate.compress(octets) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._socket.sendall(octets)

    def _line(self) -> bytes:
        """A line with the literals in it; b"" when the server has closed."""
        whole = b""
        while True:
            while b"\r\n" not in self._held:
                self._held += self._receive()
                if self.closed:
                    assert not self._held, "closed in the middle of a line"
                    return b""
            line, _, self._held = self._held.partition(b"\r\n")
            whole += line
            literal = _LITERAL.search(line)
            if literal is None:
                return whole
            size = int(literal.group(1))
            while len(self._held) < size:
                self._held += self._receive()
                assert not self.closed, "closed in the middle of a literal"
            whole += b"\r\n" + self._held[:size]
            self._held = self._held[size:]

    # --- commands

    def command(self, octets: bytes) -> Answer:
        """A command without tag and CRLF; synchronising literals wait for `+`. IDLE waits for `+`, DONE ends it."""
        if octets.upper() == b"DONE" and self._idle is not None:
            (tag, answer), self._idle = self._idle, None
            self._send(b"DONE\r\n")
            return self._until(tag, answer)
        self._tags += 1
        tag, answer = b"d%d" % self._tags, Answer()
        rest = tag + b" " + octets + b"\r\n"
        while piece := _first_piece(rest):
            self._send(piece)
            rest = rest[len(piece) :]
            if not rest and octets.upper() != b"IDLE":
                break
            if not self._wait(tag, answer):
                return answer  # refused, and the rest is not sent
            if not rest:
                self._idle = (tag, answer)
                return Answer(asked=answer.asked)
        answer = self._until(tag, answer)
        if octets.upper() == b"COMPRESS DEFLATE" and answer.tagged.startswith(b"OK"):
            self._inflate, self._deflate = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)
        return answer

    def wait(self, pattern: bytes, seconds: float = 10) -> list[bytes]:
        """Untagged lines that come by themselves, up to one that fits; without it when none does in time."""
        lines: list[bytes] = []
        self._socket.settimeout(seconds)
        try:
            while line := self._line():
                lines.append(line[2:])
                if re.fullmatch(pattern, line, re.DOTALL):
                    break
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(SECONDS)
        if self._idle is not None:
            self._idle[1].untagged.extend(lines)
            return []
        return lines

    def _wait(self, tag: bytes, answer: Answer) -> bool:
        """Until `+`; False when the command ended instead."""
        while line := self._line():
            if line.startswith(b"+"):
                answer.asked += 1
                return True
            if self._take(tag, line, answer):
                return False
        return False

    def _until(self, tag: bytes, answer: Answer) -> Answer:
        while (line := self._line()) and not self._take(tag, line, answer):
            pass
        return answer

    def _take(self, tag: bytes, line: bytes, answer: Answer) -> bool:
        if line.startswith(tag + b" "):
            answer.tagged = line[len(tag) + 1 :]
            return True
        # An answer to what was no command: the server is out of step.
        answer.untagged.append(line[2:] if line.startswith(b"* ") else b"STRAY")
        return False


def _first_piece(octets: bytes) -> bytes:
    """Up to where the client has to wait."""
    at = 0
    while literal := _SENT_LITERAL.search(octets, at):
        if not literal.group(2):
            return octets[: literal.end()]
        at = literal.end() + int(literal.group(1))
    return octets
