"""FETCH lines of many messages at once: from the arrays in memory, and with what stands ready in the index.

UID, FLAGS, INTERNALDATE and RFC822.SIZE are in memory; ENVELOPE and BODYSTRUCTURE are rows of the index.

RFC 9051 §6.4.5, §7.5.2. A client that comes back asks `FETCH 1:* (UID FLAGS)` of a mailbox of any size; each
line must cost well under a microsecond. So the flag sets of the mailbox are spelled out once into a table, the lines are made in
one comprehension over the arrays, and nothing is looked up per message but its place in the table.
"""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from postil.imap import encode
from postil.imap.fetch import items
from postil.imap.fetch.items import Item
from postil.ports.store import Details

if TYPE_CHECKING:
    from postil.imap.view import SelectedView

FAST: Final = frozenset((items.UID, items.FLAGS, items.INTERNALDATE, items.SIZE))
READY: Final = FAST | {items.ENVELOPE, items.BODYSTRUCTURE}


class Lines:
    """Makes the lines of one command."""

    def __init__(self, selected: SelectedView, wanted: Sequence[Item], *, recent: bool) -> None:
        self._selected = selected
        self._wanted = tuple(wanted)
        self._spans = tuple(selected.recent_spans) if recent else ()
        self._flags: list[str] = []  # by flag set id: `FLAGS (\\Seen)`
        self._recent_flags: list[str] = []

    def write(self, positions: Sequence[int], details: Sequence[Details] = ()) -> bytes:
        """The lines of some messages, in order; `details`, all of them plain, where an item needs them."""
        uids = _pick(self._selected.view.generation.uids, positions)
        if self._wanted == (items.UID, items.FLAGS):
            lines = [
                f"* {position + 1} FETCH (UID {uid} {flags})\r\n"
                for position, uid, flags in zip(
                    positions, uids, self._texts(positions, uids), strict=True
                )
            ]
        else:
            columns = [self._column(item, positions, uids, details) for item in self._wanted]
            lines = [
                f"* {position + 1} FETCH ({' '.join(row)})\r\n"
                for position, row in zip(positions, zip(*columns, strict=True), strict=True)
            ]
        return "".join(lines).encode("ascii")

    def _column(
        self,
        item: Item,
        positions: Sequence[int],
        uids: Sequence[int],
        details: Sequence[Details],
    ) -> Sequence[str]:
        generation = self._selected.view.generation
        if item is items.UID:
            return [f"UID {uid}" for uid in uids]
        if item is items.FLAGS:
            return self._texts(positions, uids)
        if item is items.ENVELOPE:
            return [f"ENVELOPE {row.envelope.decode('ascii')}" for row in details]
        if item is items.BODYSTRUCTURE:
            return [f"BODYSTRUCTURE {row.bodystructure.decode('ascii')}" for row in details]
        if item is items.SIZE:
            return [f"RFC822.SIZE {size}" for size in _pick(generation.sizes, positions)]
        return [
            f"INTERNALDATE {encode.date_time(date)}" for date in _pick(generation.dates, positions)
        ]

    def _texts(self, positions: Sequence[int], uids: Sequence[int]) -> Sequence[str]:
        """`FLAGS (…)` of each message."""
        numbers = _pick(self._selected.view.generation.flags, positions)
        table = self._table()
        if not any(first <= uids[-1] and uids[0] < after for first, after in self._spans):
            return [table[number] for number in numbers]
        recent = self._recent_flags
        if any(first <= uids[0] and uids[-1] < after for first, after in self._spans):
            return [recent[number] for number in numbers]
        is_recent = self._selected.is_recent
        return [
            (recent if is_recent(uid) else table)[number]
            for uid, number in zip(uids, numbers, strict=True)
        ]

    def _table(self) -> list[str]:
        sets = self._selected.view.flagsets
        for number in range(len(self._flags), len(sets)):
            text = sets.text(number)
            self._flags.append(f"FLAGS ({text})")
            self._recent_flags.append(f"FLAGS ({text} \\Recent)" if text else "FLAGS (\\Recent)")
        return self._flags


def _pick(column: array.array[int], positions: Sequence[int]) -> Sequence[int]:
    """The column's values at ascending positions."""
    if isinstance(positions, range) and positions.step == 1:
        return column[positions.start : positions.stop]
    return [column[position] for position in positions]
