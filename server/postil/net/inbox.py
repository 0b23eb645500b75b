"""What has arrived on a connection and is not read yet, and whether more will come.

Theory of operation. Plaintext (above TLS) waits in `chunks` until the session takes it. What came before our last plaintext write is `stale`: if
the session then begins TLS, that was put there by somebody in between, and is thrown away (RFC 3207 §4.2, RFC 9051 §6.2.1).

With COMPRESS (RFC 4978) it stays compressed until it is read, so that `have` counts what came over the wire, and a little that inflates to a lot costs no
memory.

`stream` adds to `chunks` and `have` itself: that happens for every packet, and a call would cost as much as the rest.
"""

from __future__ import annotations

from postil.base.deflate import Inflater, Parting
from postil.net import limits
from postil.ports.stream import StreamBroken


class Inbox:
    """The octets of one connection."""

    __slots__ = ("chunks", "ended", "have", "inflater", "parting", "stale")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.have = 0  # octets in `chunks`
        self.stale = 0  # those of them that came before our last plaintext write
        self.ended = False  # the peer sends no more
        self.inflater: Inflater | None = None
        self.parting: Parting | None = None  # from DEFLATE, which leaves something behind

    def pending(self) -> bool:
        """Would `next` give anything?"""
        return bool(self.chunks) or (self.inflater is not None and self.inflater.more)

    def next(self) -> bytes:
        """What a read gives without waiting; b"" when there is nothing; StreamBroken."""
        if self.inflater is None:
            octets = b""
            while self.chunks and not octets:
                octets = self._take()
                if self.parting is not None:
                    octets = self._parted(self.parting, octets)
            return octets
        inflater = self.inflater
        while self.chunks or inflater.more:
            # What the inflater holds back comes first: it takes no more before, so little is ever inflated.
            octets = inflater.feed(b"" if inflater.more else self._take())
            if octets:
                return octets
            if inflater.broken:
                break
        if inflater.ended:
            self.ended = True  # whatever comes behind, and whether or not the connection ends too
        if inflater.broken:
            raise StreamBroken(f"DEFLATE: {inflater.broken}")
        return b""

    def _take(self) -> bytes:
        first = self.chunks[0]
        if len(self.chunks) == 1 and len(first) <= limits.READ_MOST:
            data = first
            self.chunks.clear()
        else:
            everything = b"".join(self.chunks)
            data = everything[: limits.READ_MOST]
            rest = everything[limits.READ_MOST :]
            self.chunks[:] = [rest] if rest else []
        self.have -= len(data)
        self.stale = max(0, self.stale - len(data))
        return data

    def fresh(self) -> bytes:
        """What came after our last plaintext write; nothing is left."""
        octets = b"".join(self.chunks)[self.stale :]
        self.clear()
        self.stale = 0
        return octets

    def put_back(self, octets: bytes) -> None:
        """Read too much: these come first again."""
        if octets:
            self.chunks.insert(0, octets)
            self.have += len(octets)

    def part(self, unread: int) -> None:
        """What comes is compressed no longer; `unread` octets of what was read come first again."""
        assert self.inflater is not None
        self.parting = self.inflater.part(unread)
        self.inflater = None
        self.put_back(self._parted(self.parting, b""))

    def _parted(self, parting: Parting, data: bytes) -> bytes:
        """What is plain of it, perhaps nothing yet."""
        plain = parting.feed(data)
        if parting.done:
            self.parting = None
        return plain

    def clear(self) -> None:
        """Throw away what waits."""
        self.chunks.clear()
        self.have = 0
