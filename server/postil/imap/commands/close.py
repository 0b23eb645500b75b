"""CLOSE and UNSELECT: leave the mailbox, with or without an expunge.

RFC 9051 §6.4.1, §6.4.2; RFC 3691.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State, nothing

if TYPE_CHECKING:
    from postil.imap.session import Session


async def close(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Expunge in silence, then leave."""
    view = session.selected
    # RFC 9051 §6.4.1: "No messages are removed, and no error is given, if the mailbox is selected by an EXAMINE
    # command or is otherwise selected as read-only."
    if not view.read_only and not view.view.deleted:
        await session.store.expunge(view.mailbox.id, None)
    # RFC 7162 §3.2.8: "The server MUST NOT send the updated per-mailbox modification sequence using the HIGHESTMODSEQ
    # response code (see Section 3.1.2.1) in the tagged OK response, as this might cause loss of synchronization on the client."
    # RFC 9051 §6.4.1: "No untagged EXPUNGE responses are sent."
    session.deselect()
    yield Done("CLOSE completed")


async def unselect(session: Session, command: None) -> AsyncIterator[bytes | Done]:
    """Only leave."""
    # RFC 9051 §6.4.2: "This command performs the same actions as CLOSE, except that no messages are permanently removed
    # from the currently selected mailbox."
    session.deselect()
    yield Done("UNSELECT completed")


COMMANDS = (
    Spec("CLOSE", State.SELECTED, nothing, close),
    Spec("UNSELECT", State.SELECTED, nothing, unselect, capability="UNSELECT"),
)
