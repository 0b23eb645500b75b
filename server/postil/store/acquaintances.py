"""What the index knows of whom a message comes from: written to before, marked before, in a thread the account takes part in.

RFC 8457 §2 (whose mail is important to its reader). `intents.acquainting` teaches it; `ports.store` says what it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import apsw

from postil.ports.ids import AccountId
from postil.ports.store import Acquaintance
from postil.store.database import read_first
from postil.store.incoming import nearest, reference_key
from postil.store.ingest import Ingested


class Learning(Protocol):
    """What of a shard is looked at."""

    reader: apsw.Connection
    on_learned: Callable[[AccountId], object]


class Acquaintances:
    """Those of one shard."""

    def __init__(self, shard: Learning) -> None:
        self._shard = shard
        self._learned: dict[AccountId, bool] = {}  # is there anything in its acquaintances?
        shard.on_learned = lambda account: self._learned.pop(account, None)

    def of(self, account: AccountId, record: Ingested) -> Acquaintance:
        """How well the account knows the sender and the thread of a message."""
        if not self._has_learned(account):
            return Acquaintance()
        row = None
        if record.sender:
            row = read_first(
                self._shard.reader,
                "SELECT written_to, marked FROM acquaintance WHERE account=? AND person=?",
                (account, reference_key(record.sender)),
            )
        written_to, marked = row or (0, 0)
        return Acquaintance(bool(written_to), self._in_thread(account, record), marked)

    def _has_learned(self, account: AccountId) -> bool:
        """Does the account know anybody? Remembered until something is taught: every question costs a hand-over between threads, and
        for somebody who has sent and marked nothing there is nothing to find."""
        learned = self._learned.get(account)
        if learned is None:
            row = read_first(
                self._shard.reader,
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM acquaintance WHERE account=?1)"
                " OR EXISTS (SELECT 1 FROM joined WHERE account=?1)",
                (account,),
            )
            learned = self._learned[account] = row is not None
        return learned

    def _in_thread(self, account: AccountId, record: Ingested) -> bool:
        keys = nearest(record)
        if not keys:
            return False
        row = read_first(
            self._shard.reader,
            "SELECT 1 FROM threading AS t CROSS JOIN joined AS j ON j.account=t.account AND j.thread=t.thread"
            f" WHERE t.account=? AND t.reference IN ({','.join('?' * len(keys))})",
            (account, *keys),
        )
        return row is not None
