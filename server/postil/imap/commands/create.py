"""CREATE: a new mailbox, with the levels above it.

RFC 9051 §6.3.4; RFC 3501 §6.3.3. Attributes on creation (RFC 6154 §5.3) are not offered yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE mailbox"""

    mailbox: bytes  # as sent


def parse(tokens: Tokens) -> Create:
    tokens.sp()
    mailbox = tokens.astring()
    tokens.end()
    return Create(mailbox)


async def handle(session: Session, command: Create) -> AsyncIterator[bytes | Done]:
    """Make it, or say why not."""
    # RFC 9051 §6.3.4: "In any case, the name created is without the trailing hierarchy delimiter." names.read cuts it
    name = names.read(command.mailbox, session.utf8)
    names.check_new(name)
    if name == names.INBOX:
        # RFC 9051 §6.3.4: "It is an error to attempt to create INBOX or a mailbox with a name that refers to an
        # extant mailbox."
        raise No("INBOX always exists", "ALREADYEXISTS")
    await session.store.create(session.user.id, name)
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.4: "it SHOULD return an untagged LIST with an OLDNAME extended data item"
        yield listing.renamed(session.name_of(name), names.quote(command.mailbox))


COMMANDS = (Spec("CREATE", State.LOGGED_IN, parse, handle),)
