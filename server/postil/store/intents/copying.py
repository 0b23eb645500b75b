"""COPY and MOVE: rows of `msg` that share their bodies.

RFC 9051 §6.4.7 (flags and internal date are kept), §6.4.8 (MOVE in one step), RFC 8474 §5.1 (the object id is kept), RFC 8514
(the save date is now). No octet of a message is read or written.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import Copied, LimitReached
from postil.store.events import BodiesAdded, MessagesAdded
from postil.store.generation import Row
from postil.store.intents.counters import apply, charge, sum_of
from postil.store.intents.expunging import remove_picked
from postil.store.intents.picking import map_sets, pick, pick_all, picked_by_set
from postil.store.limits import UID_MAX
from postil.store.requests import Intent
from postil.store.transaction import MailboxRow, Transaction


@dataclass(slots=True)
class Copy(Intent[Copied]):
    """Messages into another (or the same) mailbox, maybe leaving their own; `uids` None: all."""

    source: MailboxId
    target: MailboxId
    uids: array[int] | None
    moving: bool

    @property
    def grows(self) -> bool:  # type: ignore[override]
        return not self.moving

    def execute(self, tx: Transaction) -> Copied:
        source = tx.mailbox(self.source)
        target = tx.mailbox(self.target)
        return transfer(tx, source, target, self.uids, self.moving)


def transfer(
    tx: Transaction, source: MailboxRow, target: MailboxRow, uids: array[int] | None, moving: bool
) -> Copied:
    """Copy or move; the counters of both mailboxes and accounts follow."""
    if uids is None:
        pick_all(tx, source.id)
    else:
        pick(tx, source.id, uids)
    groups = picked_by_set(tx)
    if not groups:
        return Copied(target.id, target.uidvalidity, (), (), target.highest_modseq)
    old_sets = tx.flags(source.id)
    new_sets = tx.flags(target.id)
    map_sets(
        tx,
        [
            (number, tx.flag_set(target.id, new_sets, old_sets.names(number)))
            for number, _, _ in groups
        ],
    )
    delta = sum_of(old_sets, groups)
    delta.recent = delta.messages
    handed_over = moving and source.account == target.account
    if target.uidnext + delta.messages > UID_MAX:
        raise LimitReached("the mailbox has used up its message numbers")
    if not handed_over:
        charge(tx, target.account, delta.size, delta.messages)
    modseq = ModSeq(target.highest_modseq + 1)
    before = target.uidnext - 1
    rows = _insert_picked(tx, target, before, modseq)
    if source.account != target.account:
        rows = _own_bodies(tx, target, rows)
    elif not handed_over:
        tx.run(
            "UPDATE body SET refs=refs+p.uses FROM"
            " (SELECT body, count(*) AS uses FROM temp.picked GROUP BY body) AS p WHERE body.id=p.body"
        )
    apply(tx, target.id, modseq, delta, before + delta.messages + 1)
    tx.tell(MessagesAdded(target.account, target.id, modseq, [Row(*row) for row in rows]))
    if moving:
        # Read again: source and target may be one mailbox.
        source = tx.mailbox(source.id)
        sources = remove_picked(
            tx, source, ModSeq(source.highest_modseq + 1), release=not handed_over
        )
    else:
        sources = [uid for (uid,) in tx.every("SELECT uid FROM temp.picked ORDER BY n")]
    return Copied(
        target.id,
        target.uidvalidity,
        tuple(Uid(uid) for uid in sources),
        tuple(Uid(row[0]) for row in rows),
        modseq,
    )


def _insert_picked(
    tx: Transaction, target: MailboxRow, before: int, modseq: ModSeq
) -> list[tuple[int, ...]]:
    """The picked messages, once more, in `target`; uid, flags, size, date, save date and body of each."""
    rows = tx.every(
        "SELECT ?1 + p.n, f.new, p.size, p.date, ?2, p.body"
        " FROM temp.picked AS p CROSS JOIN temp.flagmap AS f ON f.old=p.flags ORDER BY p.n",
        (before, tx.now),
    )
    tx.run(
        "INSERT INTO msg (mailbox, uid, modseq, flags, size, date, save_date, body)"
        " SELECT ?1, ?2 + p.n, ?3, f.new, p.size, p.date, ?4, p.body"
        " FROM temp.picked AS p CROSS JOIN temp.flagmap AS f ON f.old=p.flags ORDER BY p.n",
        (target.id, before, modseq, tx.now),
    )
    return rows


def _own_bodies(
    tx: Transaction, target: MailboxRow, rows: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Give another account its own rows for the same octets: its search index and its erasure go by account."""
    pairs = [(old, tx.take_body()) for (old,) in tx.every("SELECT DISTINCT body FROM temp.picked")]
    map_sets(tx, pairs)
    tx.run(
        "INSERT INTO body (id, account, segment, offset, length, crc, header_size, header_crc, refs, prefix)"
        " SELECT f.new, ?, b.segment, b.offset, b.length, b.crc, b.header_size, b.header_crc,"
        " (SELECT count(*) FROM temp.picked AS p WHERE p.body=f.old), b.prefix"
        " FROM temp.flagmap AS f CROSS JOIN body AS b ON b.id=f.old",
        (target.account,),
    )
    tx.run(
        "INSERT INTO shape SELECT f.new, s.plain, s.object_id, s.thread, s.message_id, s.preview, s.envelope,"
        " s.bodystructure, s.crc, s.sender FROM temp.flagmap AS f CROSS JOIN shape AS s ON s.body=f.old"
    )
    tx.run(
        "UPDATE segment SET live=live+t.octets FROM"
        " (SELECT b.segment AS number, sum(iif(s.kind=0, b.length+32, 1)) AS octets"
        "  FROM temp.flagmap AS f CROSS JOIN body AS b ON b.id=f.new"
        "  CROSS JOIN segment AS s ON s.number=b.segment GROUP BY b.segment) AS t"
        " WHERE segment.number=t.number"
    )
    tx.run(
        "UPDATE msg SET body=(SELECT new FROM temp.flagmap WHERE old=msg.body) WHERE mailbox=? AND uid>=?",
        (target.id, target.uidnext),
    )
    fresh = dict(pairs)
    tx.tell(BodiesAdded([new for _, new in pairs]))
    return [(*row[:5], fresh[row[5]]) for row in rows]
