"""SUBSCRIBE and UNSUBSCRIBE: the names a person wants to see, whether or not they exist.

RFC 9051 §6.3.7, §6.3.8.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import names
from postil.imap.command import Done, Spec, State
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE or UNSUBSCRIBE mailbox"""

    mailbox: bytes  # as sent
    wanted: bool


def parse(wanted: bool) -> Callable[[Tokens], Subscribe]:
    def parse_one(tokens: Tokens) -> Subscribe:
        tokens.sp()
        mailbox = tokens.astring()
        tokens.end()
        return Subscribe(mailbox, wanted)

    return parse_one


async def handle(session: Session, command: Subscribe) -> AsyncIterator[bytes | Done]:
    """Set or clear; doing it twice is no error."""
    # RFC 9051 §6.3.7: "A server MAY validate the mailbox argument to SUBSCRIBE to verify that it exists." We only
    # ask that it could: mail clients subscribe before they create
    name = names.read(command.mailbox, session.utf8)
    if command.wanted:
        names.check_new(name)
    await session.store.subscribe(session.user.id, name, command.wanted)
    session.news.caused_names(name)
    yield Done("SUBSCRIBE completed" if command.wanted else "UNSUBSCRIBE completed")


COMMANDS = (
    Spec("SUBSCRIBE", State.LOGGED_IN, parse(True), handle),
    Spec("UNSUBSCRIBE", State.LOGGED_IN, parse(False), handle),
)
