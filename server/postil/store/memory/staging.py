"""Bodies on their way in, kept in memory until they are appended or discarded."""

from __future__ import annotations

from dataclasses import dataclass

from postil.ports.store import Staged, StoreUnavailable
from postil.store.ingest import Ingested, ingest
from postil.store.limits import READ_MAX


@dataclass(frozen=True, slots=True)
class Ready:
    """A finished body."""

    octets: bytes
    record: Ingested


class Stage:
    """All bodies that are finished and not discarded."""

    def __init__(self) -> None:
        self._ready: dict[int, Ready] = {}
        self._last = 0

    def get(self, body: Staged) -> Ready:
        """StoreUnavailable when it was discarded."""
        ready = self._ready.get(body.number)
        if ready is None:
            raise StoreUnavailable("the message was thrown away before it was stored")
        return ready

    def add(self, ready: Ready) -> Staged:
        """Keep a finished body."""
        self._last += 1
        self._ready[self._last] = ready
        return Staged(self._last, len(ready.octets))

    def discard(self, body: Staged) -> None:
        """Forget it; idempotent."""
        self._ready.pop(body.number, None)

    def __len__(self) -> int:
        return len(self._ready)


class MemoryWriter:
    """Collects pieces (`ports.store.BodyWriter`)."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pieces: list[bytes] | None = []

    async def write(self, piece: bytes | memoryview) -> None:
        if self._pieces is None:
            raise StoreUnavailable("the message was thrown away before it was complete")
        self._pieces.append(bytes(piece))

    async def finish(self) -> Staged:
        if self._pieces is None:
            raise StoreUnavailable("the message was thrown away before it was complete")
        octets = b"".join(self._pieces)
        self._pieces = None
        return self._stage.add(Ready(octets, await ingest(octets)))

    async def abort(self) -> None:
        self._pieces = None


class MemoryBody:
    """A stored message's octets (`ports.store.Body`)."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @property
    def size(self) -> int:
        return len(self._octets)

    def read(self, start: int, length: int) -> bytes:
        return self._octets[start : start + min(length, READ_MAX)]

    def buffer(self) -> bytes:
        return self._octets
