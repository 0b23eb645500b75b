"""DELETE: a mailbox and its messages; what stands below it stays.

RFC 9051 §6.3.5; RFC 2180 §3 (somebody may have it selected, this session too).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE mailbox"""

    mailbox: bytes  # as sent


def parse(tokens: Tokens) -> Delete:
    tokens.sp()
    mailbox = tokens.astring()
    tokens.end()
    return Delete(mailbox)


async def handle(session: Session, command: Delete) -> AsyncIterator[bytes | Done]:
    """The store refuses INBOX and what does not exist."""
    name = names.read(command.mailbox, session.utf8)
    mailbox = await session.mailbox(name)
    await session.store.delete(session.user.id, name)
    session.news.caused_names(name, *listing.ancestors(name))
    if session.view is not None and session.view.mailbox.id == mailbox.id:
        # The client did it itself, so it need not be thrown out; RFC 9051 §3.4: "unsolicited CLOSED response code"
        session.deselect()
        yield b"* OK [CLOSED] The selected mailbox has been deleted\r\n"
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.5: "it SHOULD return an untagged LIST with the '\NonExistent' attribute and OLDNAME extended
        # data item"
        supplied = names.quote(command.mailbox)
        yield listing.renamed(session.name_of(name), supplied, ["\\NonExistent"])


COMMANDS = (Spec("DELETE", State.LOGGED_IN, parse, handle),)
