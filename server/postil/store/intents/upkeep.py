"""Chores: bodies nobody sees any more, messages of deleted mailboxes, snapshots, files.

Each is a slice of about 10 ms; the shard queues the next one when one has ended. None of them changes what a client can see.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import apsw

from postil.ports.ids import MailboxId, ModSeq
from postil.store.events import BodiesReclaimed
from postil.store.intents.expunging import unused
from postil.store.limits import PURGE_MESSAGES, RECLAIM_BODIES
from postil.store.requests import Intent
from postil.store.staging import StagedFile
from postil.store.transaction import Transaction


@dataclass(slots=True)
class Reclaim(Intent[int]):
    """Forget bodies that no message uses and no view shows; their files may follow.

    `keep_file`: numbers of staged files, which somebody may still append although no body uses them now.
    """

    bodies: array[int]
    keep_file: Callable[[int], bool]

    def execute(self, tx: Transaction) -> int:
        some = apsw.carray(self.bodies[:RECLAIM_BODIES])
        dead = tx.every(
            "SELECT b.id, b.segment, b.length FROM carray(?) AS c CROSS JOIN body AS b"
            " ON b.id=c.value AND b.refs=0",
            (some,),
        )
        if not dead:
            return 0
        gone = array("q", (body for body, _, _ in dead))
        segments = dead_rows(tx, gone, self.keep_file)
        tx.tell(BodiesReclaimed(gone, segments))
        return len(gone)


def dead_rows(
    tx: Transaction, bodies: array[int], keep_file: Callable[[int], bool]
) -> Sequence[int]:
    """Delete the rows of bodies and lower the live counts; gives segments that are empty now."""
    if not bodies:
        return ()
    bound = apsw.carray(bodies)
    touched = tx.every(
        "SELECT b.segment, s.kind, sum(b.length + 32), count(*)"
        " FROM carray(?) AS c CROSS JOIN body AS b ON b.id=c.value"
        " CROSS JOIN segment AS s ON s.number=b.segment GROUP BY b.segment",
        (bound,),
    )
    tx.run("DELETE FROM shape WHERE body IN (SELECT value FROM carray(?))", (bound,))
    tx.run("DELETE FROM body WHERE id IN (SELECT value FROM carray(?))", (bound,))
    empty = []
    for number, kind, octets, bodies_there in touched:
        (live,) = tx.one(
            "UPDATE segment SET live=live-? WHERE number=? RETURNING live",
            (octets if kind == 0 else bodies_there, number),
        )
        # The log that is written to now must keep its row; compaction takes it when another follows.
        if kind == 1 and live == 0 and not keep_file(number):
            tx.run("DELETE FROM segment WHERE number=?", (number,))
            empty.append(number)
    return empty


@dataclass(slots=True)
class DropStaged(Intent[bool]):
    """A staged file is thrown away; True when no message uses it and the file may go.

    An append that was asked for before still finds it; one that comes later does not.
    """

    file: StagedFile
    release: Callable[[int], None]  # from now on `Reclaim` may take the file of that number

    def execute(self, tx: Transaction) -> bool:
        self.file.discarded = True
        number = self.file.number
        # Here and not in the loop: a `Reclaim` that ran in between would keep the file, and none would come again.
        self.release(number)
        tx.run("DELETE FROM segment WHERE number=? AND live=0", (number,))
        return tx.first("SELECT 1 FROM segment WHERE number=?", (number,)) is None


@dataclass(slots=True)
class Purge(Intent[Sequence[int] | None]):
    """Some messages of a doomed mailbox; gives the bodies nobody else uses, None when it is gone altogether."""

    mailbox: MailboxId

    def execute(self, tx: Transaction) -> Sequence[int] | None:
        tx.run("DELETE FROM temp.picked")
        tx.run(
            "INSERT INTO temp.picked (uid, modseq, flags, size, date, body)"
            " SELECT uid, modseq, flags, size, date, body FROM msg WHERE mailbox=? ORDER BY uid LIMIT ?",
            (self.mailbox, PURGE_MESSAGES),
        )
        (last,) = tx.one("SELECT max(uid) FROM temp.picked")
        if last is not None:
            tx.run("DELETE FROM msg WHERE mailbox=? AND uid <= ?", (self.mailbox, last))
            tx.run(
                "UPDATE body SET refs=refs-p.uses FROM"
                " (SELECT body, count(*) AS uses FROM temp.picked GROUP BY body) AS p WHERE body.id=p.body"
            )
            return unused(tx)
        for table in ("flagset", "gone", "seen", "private_keyword", "snapshot"):
            tx.run(f"DELETE FROM {table} WHERE mailbox=?", (self.mailbox,))
        tx.run("DELETE FROM mailbox WHERE id=? AND doomed=1", (self.mailbox,))
        return None


@dataclass(slots=True)
class SaveSnapshot(Intent[None]):
    """Packed chunks of a mailbox as of a modseq; chunks not given are as they were."""

    mailbox: MailboxId
    modseq: ModSeq
    chunks: Mapping[int, bytes]  # empty octets: the chunk has no messages any more

    def execute(self, tx: Transaction) -> None:
        row = tx.first(
            "SELECT snapshot_modseq FROM mailbox WHERE id=? AND doomed=0", (self.mailbox,)
        )
        if row is None or row[0] >= self.modseq:
            return
        for chunk, data in self.chunks.items():
            if data:
                tx.run(
                    "INSERT OR REPLACE INTO snapshot VALUES (?,?,?)", (self.mailbox, chunk, data)
                )
            else:
                tx.run("DELETE FROM snapshot WHERE mailbox=? AND chunk=?", (self.mailbox, chunk))
        tx.run("UPDATE mailbox SET snapshot_modseq=? WHERE id=?", (self.modseq, self.mailbox))
