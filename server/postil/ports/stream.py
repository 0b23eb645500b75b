"""A connection as a protocol core sees it: octets in, octets out, TLS in between, no sockets.

The core runs as one coroutine per connection and awaits only this and the other ports. `net` implements it on
transports; tests implement it in memory.
"""

from __future__ import annotations

from typing import Protocol

from postil.ports.channel import Channel
from postil.ports.peer import Peer


class StreamClosed(Exception):
    """The peer is gone, or we closed; nothing more can be written."""


class StreamTimeout(Exception):
    """Nothing came within the time given, or the peer did not take our octets for too long."""


class StreamBroken(Exception):
    """What comes in cannot be decoded; what goes out still can be read by the peer."""


class Stream(Protocol):
    """One connection."""

    @property
    def peer(self) -> Peer:
        """The other end; another object after `start_tls`."""
        ...

    async def read(self, timeout: float) -> bytes:
        """The next octets, at most 256 KiB; b"" when the peer will send no more. StreamTimeout."""
        ...

    async def read_or_wake(self, timeout: float) -> bytes | None:
        """As `read`, but None as soon as `wake` was called (once for any number of calls)."""
        ...

    def wake(self) -> None:
        """Let a `read_or_wake` that waits, or the next one, return None."""
        ...

    def pending(self) -> bool:
        """Have octets arrived that `read` would give without waiting?"""
        ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue octets to the peer; cheap to call once per ~48 KiB, dear once per line."""
        ...

    async def drain(self) -> None:
        """Wait while the peer is behind; StreamClosed, StreamTimeout when it is gone or asleep."""
        ...

    @property
    def can_start_tls(self) -> bool:
        """Is there a certificate, and no TLS yet?"""
        ...

    async def start_tls(self) -> None:
        """Everything received and not yet read is thrown away, then the handshake runs.

        RFC 3207 §4.2, RFC 9051 §6.2.1: what came in plaintext must not be taken for protected. The caller has
        written its go-ahead before; StreamClosed when the handshake fails.
        """
        ...

    @property
    def channel(self) -> Channel:
        """What a login may be bound to, as of now."""
        ...

    @property
    def compressed(self) -> bool:
        """Is everything deflated?"""
        ...

    def compress(self, early: bytes) -> None:
        """From here on everything is raw DEFLATE (RFC 4978), above TLS; `early` was read already and is of it.

        `read` then raises StreamBroken when the octets are none.
        """
        ...

    def uncompress(self, unread: int) -> None:
        """The end of it on both sides, before the last `unread` octets read; what came behind is read again, plain."""
        ...

    async def close(self) -> None:
        """Send what is queued, then end; idempotent."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...
