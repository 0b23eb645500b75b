"""ENABLE: the client says which extensions it understands unasked.

RFC 9051 §6.3.1, §7.2.1; RFC 5161. It never changes CAPABILITY. Here it changes, for IMAP4rev2: names and quoted
strings in UTF-8, LIST and CLOSED in SELECT, uids in unsolicited FETCH, no `\\Recent`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap.capabilities import ENABLEABLE
from postil.imap.command import Done, Spec, State
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Enable:
    """ENABLE capability …"""

    names: tuple[str, ...]  # upper case


def parse(tokens: Tokens) -> Enable:
    wanted: list[str] = []
    # RFC 9051 §6.3.1: "BAD -  No arguments, or syntax error in an argument"
    while not wanted or not tokens.done:
        tokens.sp()
        wanted.append(tokens.atom().decode("ascii").upper())
    return Enable(tuple(wanted))


async def handle(session: Session, command: Enable) -> AsyncIterator[bytes | Done]:
    """Switch on what is known, ignore the rest."""
    fresh = []
    for name in command.names:
        # RFC 9051 §6.3.1: "If the argument is not an extension known to the server, the server MUST ignore the argument."
        if name in ENABLEABLE and name not in session.enabled and session.offers(name):
            session.enabled.add(name)
            fresh.append(ENABLEABLE[name])
    session.reader.utf8 = session.utf8
    # RFC 9051 §6.3.1: "The ENABLED response is sent even if no extensions were enabled."
    yield " ".join(["* ENABLED", *fresh]).encode("ascii") + b"\r\n"


COMMANDS = (Spec("ENABLE", State.LOGGED_IN, parse, handle, capability="ENABLE"),)
