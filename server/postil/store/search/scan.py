"""The answer without an index: every message is read and compared.

RFC 9051 §6.4.4. Slow, and right by definition: 0.2 ms for a small message. The loop gets its turn after each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from postil.ports.ids import AccountId
from postil.ports.store import StoreError, TextSearch
from postil.store.search.text import matches


class BodySource(Protocol):
    """Where the index finds the messages."""

    def last_body(self) -> int:
        """The highest id ever given."""
        ...

    def bodies_after(self, after: int, limit: int) -> Sequence[tuple[int, AccountId]]:
        """Ids above `after` and whose they are; committed and published, ascending."""
        ...

    def ids_between(self, first: int, last: int) -> Sequence[int]:
        """All ids from `first` to `last`."""
        ...

    async def octets(self, body: int) -> bytes:
        """The message. StoreError when it cannot be read, LookupError when it is gone."""
        ...


async def scan(source: BodySource, keys: Sequence[int], what: TextSearch) -> set[int]:
    """Those of the bodies that match; one that cannot be read matches nothing."""
    found = set()
    for key in keys:
        try:
            octets = await source.octets(key)
        except (StoreError, LookupError):
            continue
        for step in matches(octets, what):
            if step is None:
                await asyncio.sleep(0)
            elif step:
                found.add(key)
        await asyncio.sleep(0)
    return found
