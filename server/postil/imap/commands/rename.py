"""RENAME: another name, with all that stands below; INBOX only gives its messages away.

RFC 9051 §6.3.6; RFC 3501 §6.3.5.
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
class Rename:
    """RENAME old new"""

    old: bytes  # as sent
    new: bytes


def parse(tokens: Tokens) -> Rename:
    tokens.sp()
    old = tokens.astring()
    tokens.sp()
    new = tokens.astring()
    tokens.end()
    return Rename(old, new)


async def handle(session: Session, command: Rename) -> AsyncIterator[bytes | Done]:
    """The store moves the tree in one transaction."""
    old = names.read(command.old, session.utf8)
    new = names.read(command.new, session.utf8)
    names.check_new(new)
    if new == names.INBOX:
        # RFC 9051 §9: rename: "Use of INBOX as a destination gives a NO error"
        raise No("INBOX always exists", "ALREADYEXISTS")
    if old != names.INBOX and new.startswith(old + names.DELIMITER):
        raise No("A mailbox cannot stand below itself", "CANNOT")
    await session.store.rename(session.user.id, old, new)
    session.news.caused_names(old, new, *listing.ancestors(old), *listing.ancestors(new))
    either = (command.old, command.new)
    if session.rev2 and any(names.is_denormalized(name, session.utf8) for name in either):
        # RFC 9051 §6.3.6: "the server SHOULD return an untagged LIST response with an OLDNAME extended data item, with
        # the OLDNAME value being the supplied existing mailbox name and the name parameter being the normalized new
        # mailbox name"
        yield listing.renamed(session.name_of(new), names.quote(command.old))


COMMANDS = (Spec("RENAME", State.LOGGED_IN, parse, handle),)
