"""STORE: flags of any number of messages, as one change.

RFC 9051 §6.4.6 (what FLAGS, +FLAGS, -FLAGS mean), RFC 7162 §3.1.3 (UNCHANGEDSINCE), §3.1.1 (one modseq for the change).

Thousands of messages have a handful of flag sets between them, so the new set is worked out once per set, and one UPDATE does the rest.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import FlagChange, Flagged
from postil.store.events import FlagsChanged
from postil.store.flagsets import FlagTable
from postil.store.intents import acquainting
from postil.store.intents.counters import Delta, apply
from postil.store.intents.picking import map_sets, pick
from postil.store.requests import Intent
from postil.store.transaction import Transaction


@dataclass(slots=True)
class ChangeFlags(Intent[Flagged]):
    """Change the flags of messages unless they changed since."""

    mailbox: MailboxId
    uids: array[int]
    change: FlagChange
    flags: frozenset[str]
    unless_modseq: ModSeq | None

    def execute(self, tx: Transaction) -> Flagged:
        box = tx.mailbox(self.mailbox)
        table = tx.flags(self.mailbox)
        pick(tx, self.mailbox, self.uids)
        conflicts: tuple[Uid, ...] = ()
        if self.unless_modseq is not None:
            # RFC 7162 §3.1.3: a message above the modseq given is left alone and reported.
            conflicts = tuple(
                uid
                for (uid,) in tx.every(
                    "SELECT uid FROM temp.picked WHERE modseq > ? ORDER BY n", (self.unless_modseq,)
                )
            )
            if conflicts:
                tx.run("DELETE FROM temp.picked WHERE modseq > ?", (self.unless_modseq,))
        groups = tx.every("SELECT flags, count(*), sum(size) FROM temp.picked GROUP BY flags")
        pairs = []
        delta = Delta()
        for old, messages, octets in groups:
            wanted = self._wanted(table, table.names(old))
            new = tx.flag_set(self.mailbox, table, wanted)
            if new != old:
                pairs.append((old, new))
                delta.count(table.names(new), messages, octets)
                before = Delta()
                before.count(table.names(old), messages, octets)
                delta.unseen -= before.unseen
                delta.deleted -= before.deleted
                delta.deleted_size -= before.deleted_size
        delta.messages = delta.size = 0
        if not pairs:
            return Flagged((), conflicts, box.highest_modseq)
        modseq = ModSeq(box.highest_modseq + 1)
        map_sets(tx, pairs)
        changes = tx.every(
            "SELECT p.uid, f.new FROM temp.picked AS p CROSS JOIN temp.flagmap AS f ON f.old=p.flags ORDER BY p.n"
        )
        tx.run(
            "UPDATE msg SET modseq=?2, flags=(SELECT new FROM temp.flagmap WHERE old=msg.flags)"
            " WHERE mailbox=?1 AND uid IN"
            " (SELECT p.uid FROM temp.picked AS p WHERE p.flags IN (SELECT old FROM temp.flagmap))",
            (self.mailbox, modseq),
        )
        acquainting.marked(tx, box.account, table, pairs)
        apply(tx, self.mailbox, modseq, delta)
        tx.tell(FlagsChanged(box.account, self.mailbox, modseq, changes))
        return Flagged(tuple(uid for uid, _ in changes), conflicts, modseq)

    def _wanted(self, table: FlagTable, old: frozenset[str]) -> frozenset[str]:
        spelled = table.spell(self.flags)
        match self.change:
            case FlagChange.REPLACE:
                return spelled
            case FlagChange.ADD:
                return old | spelled
            case FlagChange.REMOVE:
                return old - spelled
