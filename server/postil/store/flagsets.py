"""The sets of flags of one mailbox, numbered (`ports.picture.FlagSets`).

RFC 9051 §2.3.2 (flags and keywords). A hundred thousand messages share a few dozen sets, so a message
keeps two octets and FETCH looks up ready text. Names are compared without case and kept as first spelled.
"""

from __future__ import annotations

from collections.abc import Iterable

from postil.store.limits import FLAG_SETS_MAX

_SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
_SYSTEM = {name.lower(): name for name in _SYSTEM_FLAGS}
_SYSTEM_ORDER = {name: number for number, name in enumerate(_SYSTEM_FLAGS)}


class FlagTableFull(Exception):
    """The mailbox has used all numbers a flag set can have."""


class FlagTable:
    """The sets of flags that occur in one mailbox (`ports.picture.FlagSets`)."""

    __slots__ = ("_by_folded", "_matching", "_names", "_spelling", "_texts")

    def __init__(self) -> None:
        self._names: list[frozenset[str]] = []
        self._texts: list[str] = []
        self._by_folded: dict[frozenset[str], int] = {}
        self._spelling: dict[str, str] = dict(_SYSTEM)
        self._matching: dict[str, bytes] = {}
        self.define(0, frozenset())

    def __len__(self) -> int:
        return len(self._names)

    def names(self, number: int) -> frozenset[str]:
        return self._names[number]

    def text(self, number: int) -> str:
        return self._texts[number]

    def matching(self, flag: str) -> bytes:
        folded = flag.lower()
        known = self._matching.get(folded)
        if known is None:
            spelled = self._spelling.get(folded)
            known = bytes(spelled in names for names in self._names)
            self._matching[folded] = known
        return known

    def find(self, flags: Iterable[str]) -> int | None:
        """The number of a set that is known, in any spelling."""
        return self._by_folded.get(frozenset(flag.lower() for flag in flags))

    def keywords(self) -> frozenset[str]:
        """Every keyword that occurs in a set."""
        return frozenset(name for folded, name in self._spelling.items() if folded not in _SYSTEM)

    def spell(self, flags: Iterable[str]) -> frozenset[str]:
        """The flags as this mailbox spells them: system flags as the RFC does, keywords as first seen."""
        return frozenset(self._spelling.get(flag.lower(), flag) for flag in flags)

    def define(self, number: int, flags: Iterable[str]) -> None:
        """Make `number` stand for a set; gaps are filled with the empty set. Idempotent."""
        if number >= FLAG_SETS_MAX:
            raise FlagTableFull(f"flag set {number}")
        unique = {flag.lower(): flag for flag in flags}
        names = frozenset(self._spelling.setdefault(low, flag) for low, flag in unique.items())
        while len(self._names) < number:
            self._names.append(frozenset())
            self._texts.append("")
        if number == len(self._names):
            self._names.append(names)
            self._texts.append(_text(names))
        else:
            self._names[number] = names
            self._texts[number] = _text(names)
        self._by_folded.setdefault(frozenset(unique), number)
        self._matching.clear()

    def intern(self, flags: Iterable[str]) -> int:
        """The number of a set, a new one if it never occurred. FlagTableFull."""
        flags = tuple(flags)
        number = self.find(flags)
        if number is None:
            number = len(self._names)
            self.define(number, flags)
        return number


def _text(names: frozenset[str]) -> str:
    last = len(_SYSTEM_ORDER)
    return " ".join(sorted(names, key=lambda name: (_SYSTEM_ORDER.get(name, last), name)))
