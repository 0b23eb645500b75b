"""Raw DEFLATE in both directions of a connection, decoded as far as bits have arrived.

RFC 1951; RFC 4978 §3, §4. `Deflater` ends every piece with a sync flush, so the peer can read all of it. `Inflater` gives at most
`MOST` octets at a time whatever comes in: a megabyte of zeros that arrives as a kilobyte waits, compressed, until the reader has
use for it. `Parting` finds the first octet that is plain again. None of them knows what the octets mean.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from typing import Final

# Octets out of one call of `feed`: what a read of a connection gives elsewhere (`net.limits.READ_HIGH`).
MOST: Final = 64 * 1024
# Level 1 needs a third of level 6's time for a tenth more octets; windows of 8 KiB keep an idle session below 100 KiB.
_LEVEL: Final = 1
_WINDOW: Final = -13
_MEMORY: Final = 5
# What can stand behind the last octet of data: the end of its block, at most three octets of bits, with an empty stored block
# (a flush), and an empty last block (the stream's end). A line of text holds neither NUL nor 0xff.
_FLUSH: Final = re.compile(rb".{0,3}?\x00\x00\xff\xff(?:\x03\x00|\x01\x00\x00\xff\xff)?", re.DOTALL)
_FLUSH_OCTETS: Final = 12
# The bits of a partial flush, of which zlib keeps back what does not fill an octet.
_BITS: Final = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x20\x80]*")


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
        self._before = self._z.copy()  # as it was before `_last`
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
        self._before = self._z.copy()
        self._last = data
        try:
            out = self._z.decompress(data, MOST)
        except zlib.error as error:
            self.broken = str(error)
            out = self._salvage()
        self._given = len(out)
        self._full = len(out) == MOST
        return out

    def part(self, unread: int) -> Parting:
        """The peer has left off compressing `unread` octets before the end of what was given last."""
        z, wanted = self._before.copy(), self._given - unread
        # zlib reads the code behind the last octet it may give: the last one is taken by itself, and the input in octets.
        got = len(z.decompress(self._last, wanted - 1)) if wanted > 1 else 0
        rest = z.unconsumed_tail if wanted > 1 else self._last
        got += len(z.decompress(b"", 1)) if wanted > 1 else 0
        at = 0
        while got < wanted and at < len(rest):
            got += len(z.decompress(rest[at : at + 1], 1))
            at += 1
        return Parting(z, rest[at:])

    def _salvage(self) -> bytes:
        """What stood before the octet that makes no sense."""
        out, z, rest = bytearray(), self._before.copy(), self._last
        step = MOST // 16
        while step:
            again = z.copy()
            try:
                piece = again.decompress(rest, step)
            except zlib.error:
                step //= 16
                continue
            out += piece
            z, rest = again, again.unconsumed_tail
            if not piece:
                break
        with contextlib.suppress(zlib.error):
            for octet in rest:
                out += z.decompress(bytes((octet,)))
        return bytes(out)


class Parting:
    """The way back to plain text: what stands behind the last octet of compressed data, in any pieces.

    The peer's compressor ended its block, its flush or its stream there, and nobody can tell how many octets that takes before the first
    line that is plain has come.
    """

    __slots__ = ("_held", "_z", "done")

    def __init__(self, z: zlib._Decompress, held: bytes) -> None:
        self._z = z
        self._held = held
        self.done = False  # what comes from now on is plain

    def feed(self, data: bytes) -> bytes:
        """The plain octets, as soon as it is clear where they begin."""
        held = self._held = self._held + data
        if self._z.eof:
            self.done = True
            return self._z.unused_data + held
        if len(held) < _FLUSH_OCTETS and b"\r\n" not in held:
            return b""
        self.done = True
        if flush := _FLUSH.match(held):
            return held[flush.end() :]
        if (behind := self._behind_the_end(held[:3])) is not None:
            return behind + held[3:]
        bits = _BITS.match(held)
        return held[bits.end() :] if bits else held

    def _behind_the_end(self, octets: bytes) -> bytes | None:
        """What of these octets is behind the end of the stream, if that is in them."""
        try:
            self._z.decompress(octets)
        except zlib.error:
            return None
        return self._z.unused_data if self._z.eof else None
