"""Header fields that clients have asked for, kept in memory: each phone that comes back asks for the same of the newest messages.

RFC 9051 §6.4.5. A message never changes and neither mailbox ids nor uids are used twice, so what is kept cannot go stale; it is only bounded. Shared by
the sessions of a listener.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from postil.imap import limits

_ENTRY = 150  # octets of the objects around a text
_COLUMN = 400


class Remembered:
    """Answers by mailbox, item of FETCH and uid; the item asked for longest ago is forgotten first."""

    def __init__(self, most: int = limits.REMEMBERED_OCTETS) -> None:
        self._most = most
        self._columns: OrderedDict[tuple[int, bytes], dict[int, str]] = OrderedDict()
        self.octets = 0

    def answers(self, mailbox: int, label: bytes) -> Mapping[int, str]:
        """What is known, by uid."""
        column = self._columns.get((mailbox, label))
        if column is None:
            return {}
        self._columns.move_to_end((mailbox, label))
        return column

    def add(self, mailbox: int, label: bytes, answers: Mapping[int, str]) -> None:
        """Keep answers that were not known."""
        column = self._columns.get((mailbox, label))
        if column is None:
            column = self._columns[mailbox, label] = {}
            self.octets += _COLUMN + len(label)
        column.update(answers)
        self.octets += sum(map(len, answers.values())) + _ENTRY * len(answers)
        while self.octets > self._most:
            (_, old_label), old = self._columns.popitem(last=False)
            self.octets -= sum(map(len, old.values())) + _ENTRY * len(old)
            self.octets -= _COLUMN + len(old_label)
