"""What one session was told about its selected mailbox, and what it may be told next.

RFC 9051 §2.3.1.2 (sequence numbers), §5.2, §7.4.1, §7.5.1, §7.5.2; RFC 3501 §2.3.2, §7.3.2 (`\\Recent`).

Theory of operation. The store's view stands on a generation: parallel arrays in which a message never changes
its position and an expunged one is only marked dead. `count` says how many positions the client knows of, so while no EXPUNGE is told a
sequence number is a position plus one. `expunges()` tells of the dead among them and at once advances to a generation without
them; `arrivals()` raises `count` to the generation's length; `flag_updates()` tells flags with a modseq above the last one told. The session
calls the three at the end of commands and in IDLE, `expunges()` only where it is allowed. Handlers that have shown flags
themselves say so with `told`, so that nothing is said twice.

A message that came and went between two commands is never mentioned. It does not write to the stream and never awaits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from postil.imap import sequence
from postil.imap.errors import Bad
from postil.imap.sequence import SequenceSet
from postil.message.part import Part
from postil.ports.ids import Seq, Uid
from postil.ports.picture import View
from postil.ports.store import Mailbox

SYSTEM_FLAGS: Final = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class SelectedView:
    """The selected mailbox as this client knows it."""

    def __init__(self, view: View, mailbox: Mailbox, *, read_only: bool) -> None:
        self.view = view
        self.mailbox = mailbox
        self.read_only = read_only
        self.count = 0
        self.by_uid = False  # RFC 9586: the client does not count messages
        self._recent: list[tuple[int, int]] = []  # uids from … up to but not including
        self._modseq = view.highest_modseq
        # Everything up to this modseq has been told, expunges too: what HIGHESTMODSEQ may say (RFC 7162 §3.2).
        self.settled: int = view.highest_modseq
        self._told: dict[int, int] = {}  # uid: modseq of the flags shown since the last update
        self._flag_sets = 0
        self._keywords: frozenset[str] = frozenset()
        self.parsed: tuple[int, Part] | None = (
            None  # FETCH: uid and parts of the last message parsed
        )

    # --- numbers

    def seq_of(self, position: int) -> Seq | None:
        """The sequence number of a position; None while the client does not know of it."""
        return Seq(position + 1) if position < self.count else None

    def subject(self, position: int) -> str:
        """Which message a FETCH response is about: `5 FETCH`, or `25996 UIDFETCH`."""
        # RFC 9586 §3.3: "When UIDONLY is enabled, all FETCH responses that would be returned by UID FETCH / UID STORE are
        # replaced by UIDFETCH responses."
        if self.by_uid:
            return f"{self.view.generation.uids[position]} UIDFETCH"
        return f"{position + 1} FETCH"

    def position_of_seq(self, seq: int) -> int:
        """The position of a sequence number; Bad when there is none."""
        if not 1 <= seq <= self.count:
            # RFC 9051 §9: seq-number: BAD for numbers above the count, and for * in an empty mailbox
            raise Bad(f"no message {seq}: the mailbox has {self.count}")
        return seq - 1

    def uid_at(self, seq: int) -> Uid:
        """The uid of a sequence number."""
        return Uid(self.view.generation.uids[self.position_of_seq(seq)])

    def positions_of(
        self, numbers: SequenceSet, uid: bool, saved: Sequence[Uid] = ()
    ) -> Sequence[int]:
        """The positions a set means, ascending, each once; messages expunged but not told included.

        Unknown uids are left out, unknown sequence numbers are Bad. `saved` is what `$` stands for.
        """
        if numbers.saved:
            return self.positions_of_uids(saved)
        if uid:
            generation = self.view.generation
            return numbers.positions_of_uids(generation.uids, self.count, self.view.uidnext)
        if numbers.largest_named > self.count or (numbers.has_star and not self.count):
            # RFC 9051 §9: seq-number: BAD for numbers above the count, and for * in an empty mailbox
            raise Bad(f"the mailbox has {self.count} messages, the set names more")
        return numbers.positions_of_seqs(self.count)

    def positions_of_uids(self, uids: Iterable[Uid]) -> list[int]:
        """Where known uids are; those that are gone or not told are left out."""
        position = self.view.generation.position
        places = (position(uid) for uid in uids)
        return [place for place in places if place is not None and place < self.count]

    def is_dead(self, position: int) -> bool:
        """Is the message expunged, though the client was not told?"""
        dead = self.view.generation.dead_positions()
        at = bisect_left(dead, position)
        return at < len(dead) and dead[at] == position

    def alive(self, positions: Sequence[int]) -> Sequence[int]:
        """Those of the positions that are not expunged."""
        if not self.view.generation.dead:
            return positions
        dead = set(self.view.generation.dead_positions())
        return [position for position in positions if position not in dead]

    def uids(self, positions: Iterable[int]) -> list[Uid]:
        """The uids at positions."""
        uids = self.view.generation.uids
        return [Uid(uids[position]) for position in positions]

    # --- \Recent, for clients of RFC 3501

    def claim(self, first: int, after_last: int) -> None:
        """Messages with uids from `first` up to `after_last` are recent for this session."""
        if first < after_last:
            self._recent.append((first, after_last))

    @property
    def recent_spans(self) -> Sequence[tuple[int, int]]:
        """Uids this session sees as \\Recent: from, up to but not including."""
        return self._recent

    def is_recent(self, uid: int) -> bool:
        """Does this session see \\Recent on the message?"""
        return any(first <= uid < after for first, after in self._recent)

    def recent_count(self) -> int:
        """How many messages the client knows of are recent (RFC 3501 §7.3.2)."""
        uids = self.view.generation.uids
        return sum(
            bisect_left(uids, after, 0, self.count) - bisect_left(uids, first, 0, self.count)
            for first, after in self._recent
        )

    # --- flags

    def flags_text(self, position: int, *, recent: bool) -> str:
        """The flags of a message as FETCH shows them, without parentheses."""
        generation = self.view.generation
        text = self.view.flagsets.text(generation.flags[position])
        if recent and self._recent and self.is_recent(generation.uids[position]):
            return f"{text} \\Recent" if text else "\\Recent"
        return text

    @property
    def told_modseq(self) -> int:
        """Flags with a modseq up to this one are known to the client."""
        return self._modseq

    def told(self, positions: Iterable[int]) -> None:
        """The client has just seen the flags of these messages, or knows them (`.SILENT`)."""
        generation = self.view.generation
        uids, modseqs = generation.uids, generation.modseqs
        self._told.update((uids[position], modseqs[position]) for position in positions)

    def untold(self) -> frozenset[int]:
        """Positions whose flags somebody changed and the client has not seen."""
        generation = self.view.generation
        return frozenset(
            position
            for position in self.view.changed_since(self._modseq)
            if position < self.count
            and generation.modseqs[position] > self._told.get(generation.uids[position], 0)
        )

    def keywords(self) -> frozenset[str]:
        """Every keyword in use in the mailbox."""
        sets = self.view.flagsets
        if len(sets) != self._flag_sets:
            for number in range(self._flag_sets, len(sets)):
                self._keywords |= sets.names(number)
            self._keywords = self._keywords.difference(SYSTEM_FLAGS)
            self._flag_sets = len(sets)
        return self._keywords

    def flags_line(self) -> bytes:
        """`* FLAGS (…)`: the system flags and every keyword (RFC 9051 §7.3.5)."""
        names = [*SYSTEM_FLAGS, *sorted(self.keywords())]
        return f"* FLAGS ({' '.join(names)})\r\n".encode("ascii")

    def keyword_news(self) -> bytes:
        """FLAGS again when keywords have come into use that the client was not told of."""
        before = self._keywords
        return self.flags_line() if self.keywords() != before else b""

    # --- updates

    def expunges(self, *, vanished: bool = False) -> bytes:
        """EXPUNGE for every message that is gone, or VANISHED with their uids; afterwards positions are others."""
        generation = self.view.generation
        if not generation.dead:
            return b""
        told = [p for p in generation.dead_positions() if p < self.count]
        if vanished:
            # RFC 7162 §3.2.10.2: "servers MUST NOT send UIDs for previously expunged messages or messages that were not
            # announced to the client via EXISTS."
            uids = sequence.write([generation.uids[position] for position in told])
            lines = b"* VANISHED " + uids + b"\r\n" if uids else b""
        else:
            # Highest first: no number depends on the one before, and a client's array shrinks from its end.
            lines = "".join(
                [f"* {position + 1} EXPUNGE\r\n" for position in reversed(told)]
            ).encode()
        self.view.advance()
        self.count -= len(told)
        return lines

    @property
    def holds_back(self) -> bool:
        """Are there expunges that could not be told yet?"""
        return bool(self.view.generation.dead)

    def shows(self, uid: Uid) -> bool:
        """Does the client count this message, gone or not?"""
        position = self.view.generation.position(uid)
        return position is not None and position < self.count

    def has_arrivals(self) -> bool:
        """Are there messages the client was not told of?"""
        return len(self.view.generation.uids) > self.count

    def arrivals(self, *, recent: bool) -> bytes:
        """EXISTS when there are more messages than told, with RECENT for RFC 3501."""
        # RFC 9051 §5.2: "A server MUST send mailbox size updates automatically if a mailbox size change is
        # observed during the processing of a command."
        length = len(self.view.generation.uids)
        if length <= self.count:
            return b""
        self.count = length
        lines = f"* {length} EXISTS\r\n"
        if recent:
            lines += f"* {self.recent_count()} RECENT\r\n"
        return lines.encode("ascii")

    def flag_updates(self, known: int, *, uid: bool, recent: bool, modseq: bool = False) -> bytes:
        """FETCH with FLAGS for what others changed among the first `known` messages."""
        # RFC 9051 §5.2: "A server SHOULD send message flag updates automatically, without requiring the client
        # to request such updates explicitly."
        highest = self.view.highest_modseq
        if highest == self._modseq and not self._told:
            return b""
        uids, modseqs = self.view.generation.uids, self.view.generation.modseqs
        lines = []
        for position in sorted(self.untold()):
            if position < known:
                flags = self.flags_text(position, recent=recent)
                # RFC 9051 §7.5.2: "If the server chooses to send unsolicited FETCH responses, they MUST
                # include UID FETCH item." RFC 3501 clients may be surprised, so only once rev2 is enabled
                number = f"UID {uids[position]} " if uid and not self.by_uid else ""
                # RFC 7162 §3.2.4: "Once a CONDSTORE enabling command is issued by the client, the server MUST
                # automatically include both UID and mod-sequence data in all subsequent untagged FETCH responses"
                change = f" MODSEQ ({modseqs[position]})" if modseq else ""
                lines.append(f"* {self.subject(position)} ({number}FLAGS ({flags}){change})\r\n")
        self._modseq = highest
        if not self.holds_back:
            self.settled = highest
        self._told.clear()
        return "".join(lines).encode("ascii")

    def close(self) -> None:
        """Let go of the store's view; idempotent."""
        self.view.close()
