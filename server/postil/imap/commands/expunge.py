"""EXPUNGE and UID EXPUNGE: remove what is marked `\\Deleted`.

RFC 9051 §6.4.3, §6.4.9, §7.5.1; RFC 4315 §2.1. The EXPUNGE responses come from the session, as after every command that may see them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing
from postil.imap.errors import No
from postil.imap.extensions import inprogress
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class UidExpunge:
    """UID EXPUNGE uids"""

    uids: SequenceSet


def parse(tokens: Tokens) -> UidExpunge:
    tokens.sp()
    uids = tokens.sequence_set()
    tokens.end()
    return UidExpunge(uids)


async def handle(session: Session, command: UidExpunge | None) -> AsyncIterator[bytes | Done]:
    """All that is marked, or only what is also named."""
    view = session.selected
    if view.read_only:
        raise No("The mailbox is open read-only", "READ-ONLY")
    if command is None:
        with inprogress.reported(session):
            gone = await session.store.expunge(view.mailbox.id, None)
    else:
        # RFC 9051 §6.4.9: "If a message either does not have the \Deleted flag set or has a UID that is not included
        # in the specified sequence set, it is not affected."
        positions = view.positions_of(command.uids, True, session.saved)
        with inprogress.reported(session):
            gone = await session.store.expunge(view.mailbox.id, view.uids(positions))
    # RFC 7162 §3.2.7: "If at least one message got expunged and QRESYNC was enabled, the server MUST send the updated
    # per-mailbox modification sequence using the HIGHESTMODSEQ response code (see Section 3.1.2.1) in the tagged OK response."
    yield Done("EXPUNGE completed", session.highest_modseq if gone else None)


COMMANDS = (
    Spec("EXPUNGE", State.SELECTED, nothing, handle),
    Spec("UID EXPUNGE", State.SELECTED, parse, handle, capability="UIDPLUS"),
)
