"""The messages an intent works on, as a temporary table; shared by flagging, copying and expunging."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import apsw

from postil.ports.ids import MailboxId
from postil.store.flagsets import FlagTable
from postil.store.transaction import Transaction

_COLUMNS = "uid, modseq, flags, size, date, body"


def pick(tx: Transaction, mailbox: MailboxId, uids: array[int]) -> None:
    """Those of the ascending uids that are there, numbered from 1 in uid order."""
    tx.run("DELETE FROM temp.picked")
    if uids:
        tx.run(
            f"INSERT INTO temp.picked ({_COLUMNS})"
            " SELECT m.uid, m.modseq, m.flags, m.size, m.date, m.body"
            " FROM carray(?1) AS c CROSS JOIN msg AS m ON m.mailbox=?2 AND m.uid=c.value",
            (apsw.carray(uids), mailbox),
        )


def pick_all(tx: Transaction, mailbox: MailboxId) -> None:
    """Every message of the mailbox."""
    tx.run("DELETE FROM temp.picked")
    tx.run(
        f"INSERT INTO temp.picked ({_COLUMNS}) SELECT {_COLUMNS} FROM msg WHERE mailbox=? ORDER BY uid",
        (mailbox,),
    )


def pick_flagged(tx: Transaction, mailbox: MailboxId, table: FlagTable, flag: str) -> None:
    """Every message that has the flag: one pass over the mailbox, 10 ms for 100,000."""
    tx.run("DELETE FROM temp.picked")
    numbers = [number for number, has in enumerate(table.matching(flag)) if has]
    if numbers:
        listed = ",".join(map(str, numbers))
        tx.run(
            f"INSERT INTO temp.picked ({_COLUMNS}) SELECT {_COLUMNS} FROM msg"
            f" WHERE mailbox=? AND flags IN ({listed}) ORDER BY uid",
            (mailbox,),
        )


def keep_flagged(tx: Transaction, table: FlagTable, flag: str) -> None:
    """Of the picked, only those that have the flag."""
    numbers = [number for number, has in enumerate(table.matching(flag)) if has]
    listed = ",".join(map(str, numbers))
    tx.run(f"DELETE FROM temp.picked WHERE flags NOT IN ({listed})")


def picked_by_set(tx: Transaction) -> Sequence[tuple[int, int, int]]:
    """Flag set, how many picked messages have it, and their octets."""
    return tx.every("SELECT flags, count(*), sum(size) FROM temp.picked GROUP BY flags")


def map_sets(tx: Transaction, pairs: Sequence[tuple[int, int]]) -> None:
    """Fill `flagmap`: old set number to new."""
    tx.run("DELETE FROM temp.flagmap")
    tx.db.executemany("INSERT INTO temp.flagmap VALUES (?,?)", pairs)


def sorted_uids(uids: Sequence[int]) -> array[int]:
    """As an array for `pick`, each once."""
    return array("q", sorted(set(uids)))
