"""LSUB: subscribed names as clients of IMAP4rev1 ask for them.

RFC 3501 §6.3.9, §7.2.3. Newer clients use LIST (SUBSCRIBED), which differs in what `%` shows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.listing import Pattern
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB reference pattern"""

    reference: bytes
    pattern: bytes


def parse(tokens: Tokens) -> Lsub:
    tokens.sp()
    reference = tokens.astring()
    tokens.sp()
    pattern = tokens.list_mailbox()
    tokens.end()
    return Lsub(reference, pattern)


async def handle(session: Session, command: Lsub) -> AsyncIterator[bytes | Done]:
    """Matching names, and the levels that `%` stops at."""
    try:
        reference = names.decode(command.reference, session.utf8)
        wanted = names.decode(command.pattern, session.utf8)
    except No:
        return
    pattern = listing.pattern(reference, wanted)
    if pattern is None:
        return
    subscribed = await session.store.subscriptions(session.user.id)
    for name, itself in sorted(select(subscribed, pattern).items()):
        attributes = [] if itself else ["\\Noselect"]
        yield listing.line("LSUB", attributes, session.name_of(name))


def select(subscribed: frozenset[str], pattern: Pattern) -> dict[str, bool]:
    """Names to show: True for a subscribed one, False for a level above one."""
    found = {name: True for name in subscribed if pattern.matches(name)}
    if "%" in pattern.text:
        # RFC 3501 §6.3.9: "A '%' wildcard to LSUB must return foo, not foo/bar, in the LSUB response, and it MUST be
        # flagged with the \Noselect attribute."
        for name in subscribed:
            if name not in found:
                for above in listing.ancestors(name):
                    if above not in found and pattern.matches(above):
                        found[above] = False
    return found


COMMANDS = (Spec("LSUB", State.LOGGED_IN, parse, handle),)
