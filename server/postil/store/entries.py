"""Room for annotations: an account's limits, and what a mailbox may have in any case.

RFC 5464 §4.1, §4.3. Both stores ask here, inside the transaction that would change the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postil.ports.store import EntriesTooLarge, TooManyEntries
from postil.store.limits import (
    ENTRIES_GRANTED,
    ENTRIES_MAX,
    ENTRY_OCTETS_GRANTED,
    ENTRY_OCTETS_MAX,
)


@dataclass(frozen=True, slots=True)
class Room:
    """What an account's annotations take."""

    entries: int
    octets: int  # of values


def check(before: Room, own: Mapping[str, int], values: Mapping[str, bytes | None]) -> None:
    """TooManyEntries or EntriesTooLarge when the change would go beyond the limits.

    `before` is the whole account's, `own` the sizes by entry of the mailbox (or of the server entries) that changes.
    """
    after = dict(own)
    for entry, value in values.items():
        if value is None:
            after.pop(entry, None)
        else:
            after[entry] = len(value)
    entries = before.entries + len(after) - len(own)
    octets = before.octets + sum(after.values()) - sum(own.values())
    granted = len(after) <= ENTRIES_GRANTED and all(
        size <= ENTRY_OCTETS_GRANTED for size in after.values()
    )
    if granted:
        return
    # RFC 5464 §4.3: "If the server is unable to set a new annotation because the maximum number of allowed annotations has
    # already been reached". Whoever only takes away is never in the way
    if entries > max(ENTRIES_MAX, before.entries):
        raise TooManyEntries("there are too many annotations")
    if octets > max(ENTRY_OCTETS_MAX, before.octets):
        fresh = sum(len(value) for value in values.values() if value is not None)
        room = ENTRY_OCTETS_MAX - (octets - fresh)
        raise EntriesTooLarge(
            max(room, ENTRY_OCTETS_GRANTED if len(after) <= ENTRIES_GRANTED else 0)
        )
