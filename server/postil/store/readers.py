"""Reading bodies back: slices of segment files, verified before they are given out.

Inline in the event loop: a `pread` of 10 KB from the page cache takes 4 us, a thread hop 60. A record of a log is read and verified whole (at most
256 KiB); of a message in its own file, the 64 KiB blocks that a slice touches. A broken checksum is `Corrupt` for that message and nothing else.

A reader of a body keeps its file open, so compaction may remove the name meanwhile.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from postil.ports.store import Corrupt, StoreUnavailable
from postil.store.files import Files
from postil.store.limits import BLOCK_OCTETS, OPEN_SEGMENTS, READ_MAX
from postil.store.segments import segment_path


class OpenSegment:
    """A segment file open for reading; closed when nobody refers to it."""

    __slots__ = ("_files", "fd")

    def __init__(self, files: Files, path: Path) -> None:
        self._files = files
        self.fd = files.open(path)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self._files.close(self.fd)

    def read(self, length: int, offset: int) -> bytes:
        """Exactly so many octets; Corrupt when the file is shorter."""
        try:
            data = self._files.read(self.fd, length, offset)
        except OSError as error:
            raise Corrupt(f"the disk does not give back a message: {error.strerror}") from error
        if len(data) != length:
            raise Corrupt("a message is shorter on disk than when it was stored")
        return data


class Segments:
    """The segment files of a shard, the last used ones open."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._open: OrderedDict[int, OpenSegment] = OrderedDict()

    def get(self, number: int) -> OpenSegment:
        """Raises FileNotFoundError when compaction has removed it."""
        segment = self._open.get(number)
        if segment is not None:
            self._open.move_to_end(number)
            return segment
        try:
            segment = OpenSegment(self._files, segment_path(self._folder, number))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailable(f"cannot open a segment: {error.strerror}") from error
        self._open[number] = segment
        if len(self._open) > OPEN_SEGMENTS:
            self._open.popitem(last=False)
        return segment

    def forget(self, number: int) -> None:
        """The file is gone; whoever still reads it keeps it open."""
        self._open.pop(number, None)

    def close(self) -> None:
        self._open.clear()


class Location(NamedTuple):
    """Where the index says a body is; its octets stay there for as long as the file does."""

    segment: int
    offset: int
    length: int
    crc: int
    header_size: int
    header_crc: int
    prefix: bytes | None  # before the payload, when that is shared by several
    blocks: bytes | None  # checksums when it has a file of its own


class LogBody:
    """A small message (`ports.store.Body`): read once, verified, kept."""

    __slots__ = ("_octets",)

    def __init__(self, segment: OpenSegment, where: Location) -> None:
        octets = segment.read(where.length, where.offset)
        if crc32(octets) != where.crc:
            raise Corrupt("a message on disk fails its checksum")
        self._octets = where.prefix + octets if where.prefix else octets

    @property
    def size(self) -> int:
        return len(self._octets)

    def read(self, start: int, length: int) -> bytes:
        return self._octets[start : start + min(length, READ_MAX)]

    def buffer(self) -> bytes:
        return self._octets


class FileBody:
    """A big message (`ports.store.Body`): own prefix, then the payload of its file, verified by blocks."""

    __slots__ = ("_blocks", "_offset", "_payload", "_prefix", "_segment")

    def __init__(self, segment: OpenSegment, where: Location) -> None:
        self._segment = segment
        self._offset = where.offset
        self._payload = where.length
        self._prefix = where.prefix or b""
        assert where.blocks is not None
        self._blocks = struct.unpack(f"<{len(where.blocks) // 4}I", where.blocks)

    @property
    def size(self) -> int:
        return len(self._prefix) + self._payload

    def read(self, start: int, length: int) -> bytes:
        length = min(length, READ_MAX, self.size - start)
        if length <= 0:
            return b""
        ahead = len(self._prefix)
        if start >= ahead:
            return self._slice(start - ahead, length)
        first = self._prefix[start : start + length]
        rest = length - len(first)
        return first + self._slice(0, rest) if rest else first

    def buffer(self) -> bytes:
        parts = [self._prefix]
        for start in range(0, self._payload, READ_MAX):
            parts.append(self._slice(start, min(READ_MAX, self._payload - start)))
        return b"".join(parts)

    def _slice(self, start: int, length: int) -> bytes:
        """Octets of the payload out of whole blocks, each verified."""
        first = start // BLOCK_OCTETS
        last = (start + length - 1) // BLOCK_OCTETS
        begin = first * BLOCK_OCTETS
        end = min((last + 1) * BLOCK_OCTETS, self._payload)
        octets = memoryview(self._segment.read(end - begin, self._offset + begin))
        for number in range(first, last + 1):
            at = (number - first) * BLOCK_OCTETS
            if crc32(octets[at : at + BLOCK_OCTETS]) != self._blocks[number]:
                raise Corrupt("a message on disk fails its checksum")
        return bytes(octets[start - begin : start - begin + length])


def read_header(segment: OpenSegment, where: Location) -> bytes:
    """The message header alone, verified by its own checksum."""
    octets = (where.prefix or b"")[: where.header_size]
    rest = where.header_size - len(octets)
    if rest:
        octets += segment.read(rest, where.offset)
    if crc32(octets) != where.header_crc:
        raise Corrupt("a message header on disk fails its checksum")
    return octets
