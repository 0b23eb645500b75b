"""Where the bodies of messages lie, remembered, and what is read from there.

`readers` reads a body whose place is known. Compaction moves bodies while places are remembered, so a place is only a hint: as long as its
file is there it is right, and when the file has gone the index knows better.
"""

from __future__ import annotations

from array import array
from typing import Protocol

import apsw

from postil.ports.store import Body, Corrupt
from postil.store.database import read_every
from postil.store.limits import HEADER_CACHE_OCTETS, PLACES_AHEAD, PLACES_KEPT
from postil.store.readers import (
    FileBody,
    Location,
    LogBody,
    OpenSegment,
    Segments,
    read_header,
)

_LOCATION = "b.segment, b.offset, b.length, b.crc, b.header_size, b.header_crc, b.prefix, s.blocks"
_PLACES = (
    f"SELECT b.id, {_LOCATION} FROM carray(?) AS c CROSS JOIN body AS b ON b.id=c.value"
    " CROSS JOIN segment AS s ON s.number=b.segment"
)


class Files(Protocol):
    """What of a shard is looked at."""

    reader: apsw.Connection
    segments: Segments


class Places:
    """Those of one shard, by the bodies' own ids."""

    def __init__(self, shard: Files) -> None:
        self._shard = shard
        self._places: dict[int, Location] = {}

    def headers(self, keys: array[int]) -> dict[int, bytes]:
        """The headers of at most 8 KiB; one that cannot be read is left to `body`, which says so."""
        heads: dict[int, bytes] = {}
        missing = [key for key in keys if key not in self._places]
        if missing:
            self._look_up(array("q", missing))
            if len(missing) < len(keys):  # the others may have been forgotten to make room
                self._look_up(array("q", [key for key in keys if key not in self._places]))
        for key in keys:
            where = self._places.get(key)
            if where is None or where.header_size > HEADER_CACHE_OCTETS:
                continue
            try:
                where, segment = self._find(key)  # compaction may have moved it
                heads[key] = read_header(segment, where)
            except Corrupt:
                continue
        return heads

    def body_in(self, keys: array[int], position: int) -> Body:
        """The body of one of a mailbox's messages. Corrupt when it cannot be read."""
        key = keys[position]
        if key not in self._places:
            # One after the other: look up those that will be asked for next, too.
            ahead = PLACES_AHEAD if position and keys[position - 1] in self._places else 1
            self._look_up(keys[position : position + ahead])
        return self.body(key)

    def body(self, key: int) -> Body:
        """A body by its own id. Corrupt when it cannot be read."""
        where, segment = self._find(key)
        return LogBody(segment, where) if where.blocks is None else FileBody(segment, where)

    def _find(self, key: int) -> tuple[Location, OpenSegment]:
        for _ in range(3):
            if key not in self._places:
                self._look_up(array("Q", (key,)))
            where = self._places.get(key)
            if where is None:
                break
            try:
                return where, self._shard.segments.get(where.segment)
            except FileNotFoundError:
                # Compaction moved it and removed the file: look again. As long as the file is there, the old place is right too.
                del self._places[key]
        raise Corrupt("a message has lost its file; run postil verify")

    def _look_up(self, keys: array[int]) -> None:
        if not keys:
            return
        if len(self._places) > PLACES_KEPT:
            self._places.clear()
        rows = read_every(self._shard.reader, _PLACES, (apsw.carray(array("q", keys)),))
        for key, *place in rows:
            self._places[key] = Location(*place)
