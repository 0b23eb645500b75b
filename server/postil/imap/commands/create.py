"""CREATE: a new mailbox, with the levels above it.

RFC 9051 §6.3.4; RFC 3501 §6.3.3; RFC 6154 §3 (USE: its special uses); RFC 8474 §4.1 (MAILBOXID).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.extensions import objectid
from postil.imap.extensions.specialuse import uses_of
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE mailbox [(USE (attributes))]"""

    mailbox: bytes  # as sent
    use: frozenset[str] | None = None


def parse(tokens: Tokens) -> Create:
    tokens.sp()
    mailbox = tokens.astring()
    use = None
    if not tokens.done:
        # RFC 6154 §6: create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
        tokens.sp()
        tokens.open_list()
        if tokens.word("USE") != "USE":
            tokens.fail("USE")
        tokens.sp()
        use = frozenset(tokens.list_of(lambda: _attribute(tokens), empty=True))
        if not tokens.accept(b")"):
            tokens.fail("`)`")
    tokens.end()
    return Create(mailbox, use)


def _attribute(tokens: Tokens) -> str:
    if not tokens.accept(b"\\"):
        tokens.fail("an attribute")
    return "\\" + tokens.atom().decode("ascii")


async def handle(session: Session, command: Create) -> AsyncIterator[bytes | Done]:
    """Make it, or say why not."""
    # RFC 9051 §6.3.4: "In any case, the name created is without the trailing hierarchy delimiter." names.read cuts it
    name = names.read(command.mailbox, session.utf8)
    names.check_new(name)
    if name == names.INBOX:
        # RFC 9051 §6.3.4: "It is an error to attempt to create INBOX or a mailbox with a name that refers to an
        # extant mailbox."
        raise No("INBOX always exists", "ALREADYEXISTS")
    uses = frozenset[str]()
    if command.use is not None:
        if not session.offers("CREATE-SPECIAL-USE"):
            raise Bad("CREATE takes a name only")
        uses = uses_of(command.use)
    mailbox = await session.store.create(session.user.id, name, uses)
    session.news.caused_names(name, *listing.ancestors(name))
    # RFC 8474 §4.1: "A server advertising the OBJECTID capability MUST include the MAILBOXID response code in the tagged OK
    # response to all successful CREATE commands."
    yield Done(
        "CREATE completed", objectid.code(mailbox) if session.offers(objectid.NAME) else None
    )
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.4: "it SHOULD return an untagged LIST with an OLDNAME extended data item"
        yield listing.renamed(session.name_of(name), names.quote(command.mailbox))


COMMANDS = (Spec("CREATE", State.LOGGED_IN, parse, handle),)
