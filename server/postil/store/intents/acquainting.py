"""Whom an account writes to, whose mail it marks, and which threads it is in.

RFC 8457 §4: "It may then be set or cleared in response to an explicit command from the client, and the server may use that to
adjust the heuristics in the future." The heuristic itself is `inbound.important`; here is what it is told.

It is learned in the transaction of the change it is learned from, so that a crash leaves both or neither. Only hashes of addresses are kept, and
of each account a bounded number: every row has the number of the change that touched it last, and old ones go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postil.ports.ids import AccountId
from postil.ports.store import IMPORTANT
from postil.store.events import Learned
from postil.store.flagsets import FlagTable
from postil.store.limits import ACQUAINTANCES_KEPT, MARKED_AT_ONCE_MAX, MARKED_MAX
from postil.store.transaction import Transaction


def sent(tx: Transaction, account: AccountId, people: Iterable[int], thread: str) -> None:
    """A message to these people has come into a mailbox with `\\Sent`."""
    _touch(tx, account, [(person, 1, 0) for person in people])
    (newest,) = tx.one("SELECT coalesce(max(number), 0)+1 FROM joined WHERE account=?", (account,))
    tx.run(
        "INSERT INTO joined VALUES (?1,?2,?3) ON CONFLICT (account, thread) DO UPDATE SET number=?3",
        (account, thread, newest),
    )
    tx.run(
        "DELETE FROM joined WHERE account=? AND number<=?", (account, newest - ACQUAINTANCES_KEPT)
    )
    tx.tell(Learned(account))


def marked(
    tx: Transaction, account: AccountId, table: FlagTable, pairs: Sequence[tuple[int, int]]
) -> None:
    """The flags of the picked messages go from the first to the second of each pair of sets."""
    (keyword,) = table.spell((IMPORTANT,))
    gained = [old for old, new in pairs if keyword in table.names(new) - table.names(old)]
    lost = [old for old, new in pairs if keyword in table.names(old) - table.names(new)]
    # Each set has a message at least.
    if not 0 < len(gained) + len(lost) <= MARKED_AT_ONCE_MAX:
        return
    wanted = ",".join(map(str, gained + lost))
    (many,) = tx.one(f"SELECT count(*) FROM temp.picked WHERE flags IN ({wanted})")
    if many > MARKED_AT_ONCE_MAX:
        return
    sums = tx.every(
        f"SELECT s.sender, sum(iif(p.flags IN ({','.join(map(str, gained))}), 1, -1))"
        " FROM temp.picked AS p CROSS JOIN shape AS s ON s.body=p.body"
        f" WHERE p.flags IN ({wanted}) AND s.sender IS NOT NULL GROUP BY s.sender"
    )
    _touch(tx, account, [(person, 0, total) for person, total in sums])


def _touch(tx: Transaction, account: AccountId, rows: Sequence[tuple[int, int, int]]) -> None:
    """Add to rows of person, written_to, marked; forget those that say nothing any more, and the oldest."""
    if not rows:
        return
    (newest,) = tx.one(
        "SELECT coalesce(max(number), 0) FROM acquaintance WHERE account=?", (account,)
    )
    for person, written_to, more in rows:
        newest += 1
        tx.run(
            "INSERT INTO acquaintance VALUES (?1,?2,?3,max(-?6,min(?6,?4)),?5) ON CONFLICT (account, person) DO UPDATE SET"
            " written_to=max(written_to,?3), marked=max(-?6,min(?6,marked+?4)), number=?5",
            (account, person, written_to, more, newest, MARKED_MAX),
        )
        tx.run(
            "DELETE FROM acquaintance WHERE account=? AND person=? AND written_to=0 AND marked=0",
            (account, person),
        )
    tx.run(
        "DELETE FROM acquaintance WHERE account=? AND number<=?",
        (account, newest - ACQUAINTANCES_KEPT),
    )
    tx.tell(Learned(account))
