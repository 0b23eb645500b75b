"""What FETCH sends of a message beside its octets, read from the table `shape`: ENVELOPE, BODYSTRUCTURE, ids, preview.

RFC 9051 §7.5.2. Each row is compared with its checksum when it is first read (2 us), and which were is remembered by body id, an octet each. A list of
mail then needs one column of rows that lie side by side, which SQLite joins into one text: a third of what rows cost.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final, Protocol

import apsw

from postil.ports.store import Column, Corrupt
from postil.store.database import Row, read_every
from postil.store.schema import is_whole

# What is known of a row.
_UNKNOWN, _WHOLE, _PLAIN = 0, 1, 2

_BETWEEN = "\0"  # no IMAP string but literal8 carries it
_COLUMNS: Final = {Column.ENVELOPE: "envelope", Column.BODYSTRUCTURE: "bodystructure"}


class Reader(Protocol):
    """What of a shard is looked at."""

    reader: apsw.Connection


class Shapes:
    """The rows of one shard."""

    def __init__(self, shard: Reader) -> None:
        self._shard = shard
        self._known = bytearray()  # by body id

    def rows(self, keys: array[int]) -> list[Row]:
        """plain, envelope, bodystructure, object id, thread and preview of each; Corrupt unless all are whole."""
        found = {
            row[0]: row[1:]
            for row in read_every(
                self._shard.reader,
                "SELECT h.body, h.plain, h.envelope, h.bodystructure, h.object_id, h.thread, h.preview, h.crc"
                " FROM carray(?) AS c CROSS JOIN shape AS h ON h.body=c.value",
                (apsw.carray(keys),),
            )
        }
        known = self._known
        known.extend(bytes(max(0, max(keys) + 1 - len(known))))
        rows = []
        for key in keys:
            row = found.get(key)
            if row is None or not (known[key] or is_whole(row)):
                raise Corrupt("the record of a message is damaged; run postil verify")
            known[key] = _PLAIN if row[0] else _WHOLE
            rows.append(row[:-1])
        return rows

    def ready(self, keys: array[int], columns: Sequence[Column]) -> list[Sequence[str]] | None:
        """The columns, None unless every row is plain; Corrupt as `rows`."""
        names = [_COLUMNS[column] for column in columns]
        known, top = self._known, max(keys) + 1
        known.extend(bytes(max(0, top - len(known))))
        count, start = len(keys), keys[0]
        together = keys[-1] - start == count - 1 and keys == array("q", range(start, start + count))
        if not (together and known.count(_PLAIN, start, start + count) == count):
            fresh = array("q", [key for key in keys if not known[key]])
            if fresh:
                self.rows(fresh)
            if not all(known[key] == _PLAIN for key in keys):
                return None
        joined = self._joined(start, count, names) if together else None
        return joined or self._picked(keys, names)

    def _joined(self, start: int, count: int, names: Sequence[str]) -> list[Sequence[str]] | None:
        """Rows side by side; None when they are not all there."""
        asked = ", ".join(f"group_concat({name}, char(0))" for name in names)
        (texts,) = read_every(
            self._shard.reader,
            f"SELECT {asked} FROM (SELECT {', '.join(names)} FROM shape WHERE body BETWEEN ? AND ?"
            " ORDER BY body)",
            (start, start + count - 1),
        )
        found = [(text or "").split(_BETWEEN) for text in texts]
        return found if all(len(column) == count for column in found) else None

    def _picked(self, keys: array[int], names: Sequence[str]) -> list[Sequence[str]]:
        asked = ", ".join(f"CAST(h.{name} AS TEXT)" for name in names)
        rows: list[tuple[Any, ...]] = read_every(
            self._shard.reader,
            f"SELECT h.body, {asked} FROM carray(?) AS c CROSS JOIN shape AS h ON h.body=c.value",
            (apsw.carray(keys),),
        )
        found = {row[0]: row for row in rows}
        if not all(key in found for key in keys):
            raise Corrupt("the record of a message is missing; run postil verify")
        return [[found[key][place] for key in keys] for place in range(1, len(names) + 1)]
