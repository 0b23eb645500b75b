"""REPLACE: a message in and another out, in one savepoint.

RFC 8508 §3.4. The old one goes first, so that quotas see the difference only.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from postil.ports.ids import MailboxId, ModSeq, Uid
from postil.ports.store import Appended, NoSuchMessage
from postil.store.intents.appending import Append, Incoming
from postil.store.intents.expunging import remove_picked
from postil.store.intents.picking import pick
from postil.store.transaction import Transaction


class Replace(Append):
    """`uid` leaves `source`, `message` comes into `target`."""

    def __init__(self, source: MailboxId, uid: Uid, target: MailboxId, message: Incoming) -> None:
        super().__init__([(target, (message,))])
        self._source = source
        self._uid = uid

    def execute(self, tx: Transaction) -> Sequence[Appended]:
        box = tx.mailbox(self._source)
        pick(tx, self._source, array("q", (self._uid,)))
        if not remove_picked(tx, box, ModSeq(box.highest_modseq + 1), release=True):
            raise NoSuchMessage("the message has been expunged")
        return super().execute(tx)
