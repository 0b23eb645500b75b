"""The mailbox in memory: generations of parallel arrays, and the views that pin them.

Implements `ports.picture`. RFC 9051 §2.3.1.2 (sequence numbers), RFC 7162 §3.1 (modseqs).

Theory of operation. A `MailboxPicture` is shared by every session of a mailbox. It has a *current* generation and older
ones that a view still stands on. The store calls `append`, `change_flags`, `expunge` and `delete` in the event loop, in commit order,
before the change is acknowledged; each is applied to all live generations. An expunged message is only marked dead, because
sequence numbers of other sessions still count it; `View.advance` makes (or joins) a compacted generation. A generation that no view stands on and that is not
current is dropped.

Bodies: `expunge` and `delete` answer with the keys of messages that some open view still sees; for each of
them `on_release` is called exactly once, when the last such view has advanced or closed.

It does no I/O, knows no SQL, and is not thread safe: the event loop is its lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.store.flagsets import FlagTable
from postil.store.generation import Columns, Generation, Row
from postil.store.limits import CHANGE_LOG_UIDS, SURRENDER_DEAD_MAX


class MailboxPicture:
    """One mailbox as all its sessions see it; only the store that made it changes it."""

    __slots__ = (
        "_current",
        "_held",
        "_log",
        "_log_from",
        "_log_uids",
        "_older",
        "_on_release",
        "deleted",
        "flagsets",
        "highest_modseq",
        "mailbox",
        "uidnext",
        "uidvalidity",
    )

    def __init__(
        self,
        mailbox: MailboxId,
        uidvalidity: int,
        uidnext: Uid,
        highest_modseq: ModSeq,
        flagsets: FlagTable,
        columns: Columns,
        on_release: Callable[[Sequence[int]], None],
    ) -> None:
        self.mailbox = mailbox
        self.uidvalidity = uidvalidity
        self.uidnext = uidnext
        self.highest_modseq = highest_modseq
        self.deleted = False
        self.flagsets = flagsets
        self._current = Generation(columns)
        self._older: list[Generation] = []
        self._on_release = on_release
        # uid of a dead message -> how many pinned generations still show it
        self._held: dict[int, int] = {}
        # The last commits as (modseq, uids), complete for every modseq above `_log_from`.
        self._log: deque[tuple[int, Sequence[int]]] = deque()
        self._log_uids = 0
        self._log_from: int = highest_modseq

    @property
    def current(self) -> Generation:
        """The newest generation; it may have dead."""
        return self._current

    @property
    def views(self) -> int:
        """How many views are open: with none the store may forget this picture."""
        return self._current.pins + sum(old.pins for old in self._older)

    # --- commits, in order

    def append(self, rows: Sequence[Row], modseq: ModSeq) -> None:
        """New messages, uids ascending and above all others."""
        if not rows:
            return
        for generation in self._live():
            for row in rows:
                generation.uids.append(row.uid)
                generation.flags.append(row.flags)
                generation.modseqs.append(modseq)
                generation.sizes.append(row.size)
                generation.dates.append(row.date)
                generation.save_dates.append(row.save_date)
                generation.keys.append(row.key)
        self.uidnext = Uid(max(self.uidnext, rows[-1].uid + 1))
        self._note(modseq, [row.uid for row in rows])

    def change_flags(self, changes: Sequence[tuple[int, int]], modseq: ModSeq) -> None:
        """Pairs of uid and flag set number; all get the modseq. Unknown and dead uids are passed over."""
        for generation in self._live():
            for uid, number in changes:
                position = generation.alive_position(uid)
                if position is not None:
                    generation.flags[position] = number
                    generation.modseqs[position] = modseq
        self._note(modseq, [uid for uid, _ in changes])

    def expunge(self, uids: Iterable[int], modseq: ModSeq) -> list[int]:
        """Mark dead; gives the body keys that an open view still sees (`on_release` follows for each)."""
        wanted = sorted(uids)
        held: dict[int, int] = {}
        for generation in self._live():
            found = [
                (uid, position)
                for uid in wanted
                if (position := generation.alive_position(uid)) is not None
            ]
            generation.kill([position for _, position in found])
            if generation.pins:
                for uid, position in found:
                    self._held[uid] = self._held.get(uid, 0) + 1
                    held[uid] = generation.keys[position]
        self.raise_modseq(modseq)
        return list(held.values())

    def delete(self) -> list[int]:
        """The mailbox is gone; sessions keep what they see. Keys as for `expunge`."""
        self.deleted = True
        held: dict[int, int] = {}
        for generation in self._live():
            if not generation.pins:
                continue
            dead = set(generation.dead_positions())
            for position, uid in enumerate(generation.uids):
                if position not in dead:
                    self._held[uid] = self._held.get(uid, 0) + 1
                    held[uid] = generation.keys[position]
        return list(held.values())

    def raise_modseq(self, modseq: ModSeq) -> None:
        """Something else of the mailbox changed, such as an annotation."""
        self.highest_modseq = max(self.highest_modseq, modseq)

    def _live(self) -> Sequence[Generation]:
        return (self._current, *self._older) if self._older else (self._current,)

    def _note(self, modseq: ModSeq, uids: Sequence[int]) -> None:
        self.raise_modseq(modseq)
        self._log.append((modseq, uids))
        self._log_uids += len(uids)
        while self._log_uids > CHANGE_LOG_UIDS and self._log:
            self._log_from, dropped = self._log.popleft()
            self._log_uids -= len(dropped)

    # --- views

    def open(self) -> PinnedView:
        """A view on a generation without dead."""
        self._compact()
        self._current.pins += 1
        return PinnedView(self, self._current)

    def changed_since(self, generation: Generation, modseq: int) -> Sequence[int]:
        """See `ports.picture.View.changed_since`."""
        if modseq >= self.highest_modseq:
            return ()
        if modseq < self._log_from:
            found = [place for place, own in enumerate(generation.modseqs) if own > modseq]
            if generation.dead:
                dead = set(generation.dead_positions())
                found = [place for place in found if place not in dead]
            return found
        uids: set[int] = set()
        for own, changed in reversed(self._log):
            if own <= modseq:
                break
            uids.update(changed)
        return sorted(
            place for uid in uids if (place := generation.alive_position(uid)) is not None
        )

    def move_pin(self, generation: Generation) -> Generation:
        """From one generation to a current one without dead; for views."""
        if (
            generation is self._current
            and generation.pins == 1
            and generation.dead <= SURRENDER_DEAD_MAX
        ):
            # Nobody else counts by it: its arrays can be shortened where they are.
            if generation.dead:
                self._free(generation, generation.dead_positions())
                self._current = generation.surrender()
                self._current.pins = 1
            return self._current
        self._compact()
        if generation is not self._current:
            self._current.pins += 1
            self.unpin(generation)
        return self._current

    def unpin(self, generation: Generation) -> None:
        """A view has left a generation; for views."""
        generation.pins -= 1
        if generation.pins:
            return
        if generation is not self._current:
            self._older.remove(generation)
        everything = range(len(generation))
        self._free(generation, everything if self.deleted else generation.dead_positions())

    def _free(self, generation: Generation, seen: Iterable[int]) -> None:
        """The generation shows these no more: whatever no other shows is released."""
        if not self._held:
            return
        free = []
        for position in seen:
            uid = generation.uids[position]
            count = self._held.get(uid, 0)
            if count == 1:
                del self._held[uid]
                free.append(generation.keys[position])
            elif count:
                self._held[uid] = count - 1
        if free:
            self._on_release(free)

    def _compact(self) -> None:
        if not self._current.dead:
            return
        old = self._current
        self._current = old.compacted()
        if old.pins:
            self._older.append(old)


class PinnedView:
    """A session's hold on a generation (`ports.picture.View`)."""

    __slots__ = ("_generation", "_open", "picture")

    def __init__(self, picture: MailboxPicture, generation: Generation) -> None:
        self.picture = picture
        self._generation = generation
        self._open = True

    @property
    def mailbox(self) -> MailboxId:
        return self.picture.mailbox

    @property
    def generation(self) -> Generation:
        return self._generation

    @property
    def flagsets(self) -> FlagTable:
        return self.picture.flagsets

    @property
    def uidvalidity(self) -> int:
        return self.picture.uidvalidity

    @property
    def uidnext(self) -> Uid:
        return self.picture.uidnext

    @property
    def highest_modseq(self) -> ModSeq:
        return self.picture.highest_modseq

    @property
    def deleted(self) -> bool:
        return self.picture.deleted

    def changed_since(self, modseq: ModSeq) -> Sequence[int]:
        return self.picture.changed_since(self._generation, modseq)

    def advance(self) -> None:
        if self._open:
            self._generation = self.picture.move_pin(self._generation)

    def close(self) -> None:
        if self._open:
            self._open = False
            self.picture.unpin(self._generation)
