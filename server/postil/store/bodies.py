"""The bodies of a shard as the search index follows them (`search.scan.BodySource`).

Ids ascend in commit order. Only published ones are shown, so that a text is never indexed before the commit that made it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import apsw

from postil.ports.ids import AccountId
from postil.ports.store import Body
from postil.store.database import read_every
from postil.store.limits import READ_MAX


class Published(Protocol):
    """What of a shard is looked at."""

    reader: apsw.Connection
    newest_body: int


class ShardBodies:
    """Ids and octets of stored bodies."""

    def __init__(self, shard: Published, stored_body: Callable[[int], Body]) -> None:
        self._shard = shard
        self._stored_body = stored_body

    def last_body(self) -> int:
        return self._shard.newest_body

    def bodies_after(self, after: int, limit: int) -> Sequence[tuple[int, AccountId]]:
        rows = read_every(
            self._shard.reader,
            "SELECT id, account FROM body WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (after, self._shard.newest_body, limit),
        )
        return [(body, account) for body, account in rows]

    def ids_between(self, first: int, last: int) -> Sequence[int]:
        rows = read_every(
            self._shard.reader, "SELECT id FROM body WHERE id BETWEEN ? AND ?", (first, last)
        )
        return [body for (body,) in rows]

    async def octets(self, body: int) -> bytes:
        """A big one is read in slices; Corrupt when it cannot be read."""
        found = self._stored_body(body)
        if found.size <= READ_MAX:
            return found.buffer()
        pieces = []
        for start in range(0, found.size, READ_MAX):
            pieces.append(found.read(start, READ_MAX))
            await asyncio.sleep(0)
        return b"".join(pieces)
