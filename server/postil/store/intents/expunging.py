"""Messages leave a mailbox.

RFC 9051 §6.4.3 (EXPUNGE), §6.4.9 (UID EXPUNGE), RFC 7162 §3.2.10 (expunged uids are remembered with their modseq).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.store.events import MessagesGone
from postil.store.intents.counters import DELETED, apply, charge, sum_of
from postil.store.intents.picking import keep_flagged, pick, pick_flagged, picked_by_set
from postil.store.requests import Intent
from postil.store.transaction import MailboxRow, Transaction


@dataclass(slots=True)
class Expunge(Intent[tuple[Uid, ...]]):
    """Remove messages; `uids` None: all that are marked."""

    mailbox: MailboxId
    uids: array[int] | None
    marked_only: bool

    def execute(self, tx: Transaction) -> tuple[Uid, ...]:
        box = tx.mailbox(self.mailbox)
        if self.marked_only and not box.deleted:
            return ()
        table = tx.flags(self.mailbox)
        if self.uids is None:
            pick_flagged(tx, self.mailbox, table, DELETED)
        else:
            pick(tx, self.mailbox, self.uids)
            if self.marked_only:
                keep_flagged(tx, table, DELETED)
        return tuple(
            Uid(uid) for uid in remove_picked(tx, box, ModSeq(box.highest_modseq + 1), release=True)
        )


def unused(tx: Transaction) -> list[int]:
    """Bodies of the picked messages that no message uses any more: from here on nobody can use them again."""
    return [
        body
        for (body,) in tx.every(
            "SELECT DISTINCT p.body FROM temp.picked AS p CROSS JOIN body AS b ON b.id=p.body WHERE b.refs=0"
        )
    ]


def remove_picked(tx: Transaction, box: MailboxRow, modseq: ModSeq, *, release: bool) -> list[int]:
    """Take the picked messages out of the mailbox; gives their uids, ascending.

    `release`: they stop using their bodies and the account's quota; a move hands both over instead.
    """
    groups = picked_by_set(tx)
    if not groups:
        return []
    delta = sum_of(tx.flags(box.id), groups)
    (delta.recent,) = tx.one("SELECT count(*) FROM temp.picked WHERE uid >= ?", (box.recent_from,))
    uids = [uid for (uid,) in tx.every("SELECT uid FROM temp.picked ORDER BY n")]
    tx.run("DELETE FROM msg WHERE mailbox=? AND uid IN (SELECT uid FROM temp.picked)", (box.id,))
    tx.run("INSERT INTO gone SELECT ?1, ?2, uid FROM temp.picked ORDER BY n", (box.id, modseq))
    tx.run("DELETE FROM seen WHERE mailbox=? AND uid IN (SELECT uid FROM temp.picked)", (box.id,))
    if release:
        tx.run(
            "UPDATE body SET refs=refs-p.uses FROM"
            " (SELECT body, count(*) AS uses FROM temp.picked GROUP BY body) AS p WHERE body.id=p.body"
        )
        charge(tx, box.account, -delta.size, -delta.messages)
    apply(tx, box.id, modseq, delta.negated())
    bodies = unused(tx) if release else ()
    tx.tell(MessagesGone(box.account, box.id, modseq, uids, bodies))
    return uids
