"""COPY and MOVE, with their UID forms: messages into another mailbox, all or none.

RFC 9051 §6.4.7, §6.4.8, §6.4.9, §7.1 (COPYUID); RFC 6851; RFC 4315 §3; RFC 2180 §4.4 (messages somebody else has expunged).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import names, sequence
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.extensions import inprogress
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens
from postil.ports.ids import Uid
from postil.ports.store import Copied, NoSuchMailbox

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY or MOVE numbers mailbox"""

    numbers: SequenceSet
    mailbox: bytes  # as sent
    uid: bool


def parse(uid: bool) -> Callable[[Tokens], Copy]:
    def parse_one(tokens: Tokens) -> Copy:
        tokens.sp()
        numbers = tokens.sequence_set()
        tokens.sp()
        mailbox = tokens.astring()
        tokens.end()
        return Copy(numbers, mailbox, uid)

    return parse_one


async def copy(session: Session, command: Copy) -> AsyncIterator[bytes | Done]:
    """The copies' uids come in the tagged OK."""
    uids = _uids(session, command)
    target = await session.target(names.read(command.mailbox, session.utf8))
    if not uids:
        yield Done("No messages to copy")
        return
    try:
        with inprogress.reported(session):
            done = await session.store.copy(session.selected.mailbox.id, uids, target.id)
    except NoSuchMailbox:
        raise No("The mailbox is gone", "TRYCREATE") from None
    await session.news.caused(target.id, done.modseq, done.targets)
    yield Done("COPY completed", _code(done))


async def move(session: Session, command: Copy) -> AsyncIterator[bytes | Done]:
    """Like COPY, then EXPUNGE for the originals, in one transaction."""
    view = session.selected
    if view.read_only:
        raise No("The mailbox is open read-only", "READ-ONLY")
    uids = _uids(session, command)
    target = await session.target(names.read(command.mailbox, session.utf8))
    if not uids:
        yield Done("No messages to move")
        return
    try:
        # RFC 6851 §3.3: "The server MUST leave each message in a state where it is in at least one of the source or target
        # mailboxes (no message can be lost or orphaned)."
        # RFC 6851 §3.3: "The server SHOULD NOT leave any message in both mailboxes (it would be bad for a partial failure
        # to result in a bunch of duplicate messages)."
        with inprogress.reported(session):
            done = await session.store.move(view.mailbox.id, uids, target.id)
    except NoSuchMailbox:
        raise No("The mailbox is gone", "TRYCREATE") from None
    await session.news.caused(target.id, done.modseq, done.targets)
    code = _code(done)
    if code is not None:
        # RFC 9051 §6.4.8: "Servers are also REQUIRED to send the COPYUID response code in an untagged OK before
        # sending EXPUNGE or similar responses."
        # RFC 6851 §4.3: "Servers supporting UIDPLUS [RFC4315] SHOULD send COPYUID in response to a UID MOVE command."
        yield f"* OK [{code}] Moved\r\n".encode("ascii")
    # RFC 6851 §4.4: "If at least one message was moved, the server MUST send the updated per-mailbox modification sequence
    # using the HIGHESTMODSEQ response code (defined in [RFC4551]) in the tagged or untagged OK response."
    yield Done("MOVE completed", session.highest_modseq if done.sources else None)


def _uids(session: Session, command: Copy) -> Sequence[Uid]:
    view = session.selected
    positions = view.positions_of(command.numbers, command.uid, session.saved)
    alive = view.alive(positions)
    if not command.uid and not command.numbers.saved and len(alive) < len(positions):
        # RFC 2180 §4.4.1: "The server MAY disallow the COPY of messages in a multi-access mailbox that contains
        # expunged messages."
        raise No("Some of the messages no longer exist", "EXPUNGEISSUED")
    return view.uids(alive)


def _code(done: Copied) -> str | None:
    """COPYUID, unless everything was gone by then."""
    if not done.sources:
        return None
    # RFC 9051 §7.1: "the destination UID set corresponds to the source UID set and is in the same order"
    sources = sequence.write_in_order(done.sources).decode("ascii")
    targets = sequence.write_in_order(done.targets).decode("ascii")
    return f"COPYUID {done.uidvalidity} {sources} {targets}"


COMMANDS = (
    Spec("COPY", State.SELECTED, parse(uid=False), copy, by_number=True),
    Spec("UID COPY", State.SELECTED, parse(uid=True), copy),
    Spec("MOVE", State.SELECTED, parse(uid=False), move, capability="MOVE", by_number=True),
    Spec("UID MOVE", State.SELECTED, parse(uid=True), move, capability="MOVE"),
)
