"""New messages: into one mailbox or into several of several accounts, all or nothing.

RFC 9051 §6.3.12 (APPEND), RFC 3502 (several at once), RFC 8474 §5 (EMAILID, THREADID), RFC 8514 (save date).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from postil.ports.ids import AccountId, MailboxId, Uid
from postil.ports.store import Appended, LimitReached, StoreUnavailable
from postil.store.events import BodiesAdded, MessagesAdded
from postil.store.generation import Row
from postil.store.intents import acquainting
from postil.store.intents.counters import Delta, charge, grow
from postil.store.limits import UID_MAX
from postil.store.requests import Intent
from postil.store.schema import shape_crc
from postil.store.segments import Record
from postil.store.staging import StagedFile
from postil.store.transaction import Transaction


class Shape(NamedTuple):
    """What is true of the octets, computed in the loop before the writer sees them."""

    plain: bool
    envelope: bytes
    bodystructure: bytes
    preview: str
    message_id: str
    object_id: str
    own_key: int | None  # hash of the Message-ID
    references: tuple[int, ...]  # hashes, oldest first
    fresh_thread: str  # its THREADID when nothing it refers to is known
    sender: int | None = None  # hash of the author's address


class Incoming(NamedTuple):
    """One message to append; `record` or `file` says where its octets are."""

    flags: frozenset[str]
    date: int | None
    size: int
    header_size: int
    header_crc: int
    shape: Shape
    record: Record | None = None
    file: StagedFile | None = None
    prefix: bytes = b""
    sent_to: tuple[int, ...] | None = (
        None  # it goes into a mailbox with `\\Sent`: hashes of addresses
    )


class Append(Intent[Sequence[Appended]]):
    """Groups of messages, each for one mailbox, in one savepoint."""

    grows = True

    def __init__(self, groups: Sequence[tuple[MailboxId, Sequence[Incoming]]]) -> None:
        self._groups = groups
        self.records = [
            message.record for _, messages in groups for message in messages if message.record
        ]

    def prepare(self, tx: Transaction) -> None:
        """A record belongs to the owner of its mailbox, whoever brought it."""
        for mailbox, messages in self._groups:
            owner = tx.owner(mailbox)
            if owner is None:
                continue  # `execute` says so
            for message in messages:
                if message.record is not None:
                    message.record.account = owner

    def execute(self, tx: Transaction) -> Sequence[Appended]:
        return [_append(tx, mailbox, messages) for mailbox, messages in self._groups]


def _append(tx: Transaction, mailbox: MailboxId, messages: Sequence[Incoming]) -> Appended:
    if not messages:
        box = tx.mailbox(mailbox)
        return Appended(mailbox, box.uidvalidity, (), box.highest_modseq)
    table = tx.flags(mailbox)
    numbers = [tx.flag_set(mailbox, table, message.flags) for message in messages]
    delta = Delta(recent=len(messages))
    for number, message in zip(numbers, messages, strict=True):
        delta.count(table.names(number), 1, message.size)
    grown = grow(tx, mailbox, delta)
    if grown.uidnext > UID_MAX:
        raise LimitReached("the mailbox has used up its message numbers")
    charge(tx, grown.account, delta.size, len(messages))
    rows: list[Row] = []
    for uid, message in enumerate(messages, grown.uidnext - len(messages)):
        number = numbers[len(rows)]
        body = _body(tx, grown.account, message)
        date = tx.now if message.date is None else message.date
        rows.append(Row(uid, number, message.size, date, tx.now, body))
        tx.run(
            "INSERT INTO msg (mailbox, uid, modseq, flags, size, date, save_date, body)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (mailbox, uid, grown.modseq, number, message.size, date, tx.now, body),
        )
    tx.tell(BodiesAdded([row.key for row in rows]))
    tx.tell(MessagesAdded(grown.account, mailbox, grown.modseq, rows))
    return Appended(mailbox, grown.uidvalidity, tuple(Uid(row.uid) for row in rows), grown.modseq)


def _body(tx: Transaction, account: AccountId, message: Incoming) -> int:
    """The rows of the octets; gives the body's id."""
    shape = message.shape
    if message.record is not None:
        record = message.record
        place = (record.segment, record.offset, record.length, record.crc)
        tx.count_live(record.segment, record.space)
        body = record.body
        prefix = None
    else:
        assert message.file is not None
        place = _file_place(tx, message.file)
        prefix = message.prefix or None
        body = tx.take_body()
    tx.run(
        "INSERT INTO body (id, account, segment, offset, length, crc, header_size, header_crc, refs, prefix)"
        " VALUES (?,?,?,?,?,?,?,?,1,?)",
        (body, account, *place, message.header_size, message.header_crc, prefix),
    )
    thread = _thread(tx, account, shape)
    if message.sent_to is not None:
        acquainting.sent(tx, account, message.sent_to, thread)
    tx.run(
        "INSERT INTO shape (body, plain, object_id, thread, message_id, preview, envelope, bodystructure, crc, sender)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            body,
            int(shape.plain),
            shape.object_id,
            thread,
            shape.message_id,
            shape.preview,
            shape.envelope,
            shape.bodystructure,
            shape_crc(
                shape.plain,
                shape.envelope,
                shape.bodystructure,
                shape.object_id,
                thread,
                shape.preview,
            ),
            shape.sender,
        ),
    )
    return body


def _file_place(tx: Transaction, file: StagedFile) -> tuple[int, int, int, int]:
    """Count one more body on a file of its own; the first makes its row."""
    if file.discarded:
        raise StoreUnavailable("the message was thrown away before it was stored")
    tx.run(
        "INSERT INTO segment (number, kind, size, live, crc, blocks) VALUES (?,1,?,1,?,?)"
        " ON CONFLICT (number) DO UPDATE SET live=live+1",
        (file.number, file.offset + file.length, file.crc, file.blocks),
    )
    return file.number, file.offset, file.length, file.crc


def _thread(tx: Transaction, account: AccountId, shape: Shape) -> str:
    """The thread of the first known message it refers to, or of itself; and remember it.

    RFC 8474 §5.2 leaves the algorithm to the server. References join what belongs together even when the message
    between is missing, because the ids referred to are remembered too.
    """
    keys = shape.references if shape.own_key is None else (*shape.references, shape.own_key)
    if not keys:
        return shape.fresh_thread
    marks = ",".join("?" * len(keys))
    known: dict[int, str] = dict(
        tx.every(
            f"SELECT reference, thread FROM threading WHERE account=? AND reference IN ({marks})",
            (account, *keys),
        )
    )
    # The nearest relative decides: the last reference is the message answered.
    thread = next((known[key] for key in reversed(keys) if key in known), shape.fresh_thread)
    # The root and the parent are enough to bring siblings together; all of them would be a page each.
    remember = {keys[0], keys[-1], *shape.references[-1:]} - known.keys()
    for key in remember:
        tx.run("INSERT INTO threading VALUES (?,?,?)", (account, key, thread))
    return thread
