"""Disks that a power cut could leave, from a record of what was written and synced.

The model is as hostile as POSIX allows. What was not synced is there or not, each write by itself and in any order; a write can be torn
into sectors, of which some have arrived, some have not, and one holds rubbish. A name made or removed since the last sync of its folder is there or not,
and it is not made durable by a sync of the file. What was synced stays.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .recorder import Entry, FolderSynced, Made, Recorder, Removed, Synced, Truncated, Written

SECTOR = 512


class Mode(enum.Enum):
    """What becomes of everything that was not synced."""

    KEPT = "all of it arrived: a kill -9"
    DROPPED = "none of it"
    SOME = "any of it, whatever the order"
    TORN = "any sector of it"
    MIXED = "each file in another way"


@dataclass(slots=True)
class _Inode:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Written | Truncated] = field(default_factory=list)


class Disk:
    """The disk under one folder; feed it the record entry by entry, and ask at any time for what a crash leaves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inodes: dict[int, _Inode] = {}
        self._names: dict[Path, int] = {}  # durable; 0 is a folder
        self._changes: dict[Path, list[Made | Removed]] = {}  # by folder, since its last sync

    @classmethod
    def found(cls, root: Path, recorder: Recorder) -> Disk:
        """A disk that begins with what lies in a folder, all of it durable."""
        disk = cls(root)
        for number, path in enumerate(sorted(root.rglob("*")), 1):
            if path.is_dir():
                disk._names[path] = 0
            else:
                disk._names[path] = number
                disk._inodes[number] = _Inode(bytearray(path.read_bytes()))
                recorder.known(path, number)
        return disk

    def take(self, entry: Entry) -> None:
        """The next entry of the record."""
        match entry:
            case Made(path, inode):
                if inode:
                    self._inodes[inode] = _Inode()
                self._changes.setdefault(path.parent, []).append(entry)
            case Removed(path):
                self._changes.setdefault(path.parent, []).append(entry)
            case Written(inode) | Truncated(inode):
                self._inodes[inode].pending.append(entry)
            case Synced(inode):
                there = self._inodes[inode]
                for change in there.pending:
                    _apply(there.durable, change)
                there.pending.clear()
            case FolderSynced(path):
                for name in self._changes.pop(path, ()):
                    _rename(self._names, name)

    def crash(self, mode: Mode, dice: random.Random, target: Path) -> None:
        """Write what is left into the folder `target`."""
        names = dict(self._names)
        for folder in sorted(self._changes):
            how = _choose(mode, dice)
            for change in self._changes[folder]:
                if how is Mode.KEPT or (how is not Mode.DROPPED and dice.random() < 0.5):
                    _rename(names, change)
        for path in sorted(names):
            place = target / path.relative_to(self.root)
            if not place.parent.is_dir():
                continue  # the folder above has not survived
            inode = names[path]
            if inode == 0:
                place.mkdir()
            else:
                place.write_bytes(_left(self._inodes[inode], _choose(mode, dice), dice))


def _choose(mode: Mode, dice: random.Random) -> Mode:
    if mode is Mode.MIXED:
        return dice.choice((Mode.KEPT, Mode.DROPPED, Mode.SOME, Mode.TORN))
    return mode


def _rename(names: dict[Path, int], change: Made | Removed) -> None:
    if isinstance(change, Made):
        names[change.path] = change.inode
    else:
        names.pop(change.path, None)


def _apply(octets: bytearray, change: Written | Truncated) -> None:
    if isinstance(change, Truncated):
        if change.size < len(octets):
            del octets[change.size :]
        else:
            octets.extend(bytes(change.size - len(octets)))
        return
    if change.offset > len(octets):
        octets.extend(bytes(change.offset - len(octets)))
    octets[change.offset : change.offset + len(change.octets)] = change.octets


def _left(inode: _Inode, mode: Mode, dice: random.Random) -> bytearray:
    octets = bytearray(inode.durable)
    if mode is Mode.DROPPED:
        return octets
    for change in inode.pending:
        if mode is Mode.KEPT:
            _apply(octets, change)
        elif isinstance(change, Truncated) or mode is Mode.SOME:
            if dice.random() < 0.5:
                _apply(octets, change)
        else:
            for piece in _torn(change, dice):
                _apply(octets, piece)
    return octets


def _torn(change: Written, dice: random.Random) -> Iterator[Written]:
    """Sectors of a write that arrived; now and then one holds rubbish."""
    at = 0
    while at < len(change.octets):
        end = min(len(change.octets), at + SECTOR - (change.offset + at) % SECTOR)
        piece = change.octets[at:end]
        luck = dice.random()
        if luck < 0.05:
            piece = dice.randbytes(len(piece))
        if luck < 0.5:
            yield Written(change.inode, change.offset + at, piece)
        at = end
