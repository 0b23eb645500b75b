"""Raw DEFLATE in both directions of a connection, decoded as far as bits have arrived.

RFC 1951; RFC 4978 §3, §4. `Deflater` ends every piece with a sync flush, so the peer can read all of it. `Inflater` gives at most
`MOST` octets at a time whatever comes in: a megabyte of zeros that arrives as a kilobyte waits, compressed, until the reader has
use for it. Neither knows what the octets mean.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

# Octets out of one call of `feed`: what a read of a connection gives elsewhere (`net.limits.READ_HIGH`).
MOST: Final = 64 * 1024
# Input up to here can be gone through again, octet by octet: it is where commands are; bigger input is mail.
REPLAY: Final = 4 * 1024
# Level 1 needs a third of level 6's time for a tenth more octets; windows of 8 KiB keep an idle session below 100 KiB.
_LEVEL: Final = 1
_WINDOW: Final = -13
_MEMORY: Final = 5
# What a flush leaves behind the last octet of data: at most two octets of bits, then an empty stored block.
_FLUSH: Final = re.compile(rb"[^\r\n]{0,2}?\x00\x00\xff\xff", re.DOTALL)


class Deflater:
    """One outgoing stream."""

    __slots__ = ("_z",)

    def __init__(self) -> None:
        self._z = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)

    def send(self, data: bytes | bytearray | memoryview) -> bytes:
        """The octets for the wire; with them the peer can decode all of `data`."""
        return self._z.compress(data) + self._z.flush(zlib.Z_SYNC_FLUSH)


class Inflater:
    """One incoming stream."""

    __slots__ = ("_before", "_full", "_given", "_last", "_z", "broken")

    def __init__(self) -> None:
        # RFC 4978 §4: "The windowBits value must be in the range -8 to -15": the peer may use the largest
        self._z = zlib.decompressobj(-15)
        self._before: zlib._Decompress | None = None  # as it was before `_last`
        self._last = b""  # input of the last call
        self._given = 0  # octets out of it
        self._full = False  # stopped at MOST, there may be more
        self.broken = ""  # why nothing can be decoded any more

    @property
    def more(self) -> bool:
        """Can `feed(b"")` give something?"""
        return self._full and not self.broken

    @property
    def ended(self) -> bool:
        """Has the peer ended its stream?"""
        return self._z.eof

    def feed(self, data: bytes) -> bytes:
        """What can be decoded now, at most MOST octets; `broken` says when the rest makes no sense."""
        if self.broken or self._z.eof:
            return b""
        data = self._z.unconsumed_tail + data
        self._before = self._z.copy() if len(data) <= REPLAY else None
        self._last = data
        try:
            out = self._z.decompress(data, MOST)
        except zlib.error as error:
            self.broken = str(error)
            out = self._salvage()
        self._given = len(out)
        self._full = len(out) == MOST
        return out

    def plain_behind(self, unread: int) -> bytes:
        """The peer has left off compressing `unread` octets before the end of what was given last: what it sent then.

        The octets up to there are gone through again, since those behind were no DEFLATE at all. What a flush
        put between the two is left out.
        """
        if self._z.eof:
            return self._z.unused_data
        if self._before is None or unread > self._given:
            return b""
        again = self._before.copy()
        wanted, got, at = self._given - unread, 0, 0
        while got < wanted and at < len(self._last):
            got += len(again.decompress(self._last[at : at + 1]))
            at += 1
        rest = self._last[at:]
        flush = _FLUSH.match(rest)
        return rest[flush.end() :] if flush else rest

    def _salvage(self) -> bytes:
        """What stood before the octet that makes no sense."""
        out = b""
        if self._before is not None:
            again = self._before.copy()
            try:
                for at in range(len(self._last)):
                    out += again.decompress(self._last[at : at + 1])
            except zlib.error:
                pass
        return out
