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
from postil.imap.extensions import condstore, qresync
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
        # RFC 5161 §3.1: "If the argument is not an extension known to the server, the server MUST ignore the argument."
        # RFC 5161 §3.1: "If the argument is an extension known to the server, and it is not specifically permitted to be
        # enabled using ENABLE, the server MUST ignore the argument."
        # RFC 5161 §3.1: "When multiple ENABLE commands are issued, each corresponding ENABLED response SHOULD only contain
        # extensions enabled by the corresponding ENABLE command."
        if name in ENABLEABLE and name not in session.enabled and session.offers(name):
            # RFC 5161 §3.1: "If the argument is an extension that is supported by the server and that needs to be
            # enabled, the server MUST enable the extension for the duration of the connection."
            session.enabled.add(name)
            fresh.append(ENABLEABLE[name])
    session.reader.utf8 = session.utf8
    # RFC 7162 §3.2.3: "A server compliant with this specification is REQUIRED to support "ENABLE QRESYNC" and "ENABLE QRESYNC
    # CONDSTORE" (which are "CONDSTORE enabling commands", see Section 3.1, and have identical results)."
    if session.view is not None:
        session.view.by_uid = session.uidonly
    if session.enabled & {condstore.NAME, qresync.NAME}:
        condstore.enable(session)
    # RFC 9051 §6.3.1: "The ENABLED response is sent even if no extensions were enabled."
    # RFC 5161 §3.1: "If the ENABLE command is successful, the server MUST send an untagged ENABLED response (see Section
    # 3.2)."
    yield " ".join(["* ENABLED", *fresh]).encode("ascii") + b"\r\n"


COMMANDS = (Spec("ENABLE", State.LOGGED_IN, parse, handle, capability="ENABLE"),)
