"""STATUS: the counters of a mailbox without selecting it.

RFC 9051 §6.3.11, §7.3.3; RFC 3501 §6.3.10 (RECENT); RFC 8438 (SIZE). LIST uses the same items (RFC 5819).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad
from postil.imap.extensions import appendlimit, condstore, objectid, quota
from postil.imap.tokens import Tokens
from postil.ports import store as ports

if TYPE_CHECKING:
    from postil.imap.session import Session

ITEMS: Final[dict[str, Callable[[ports.Status], int | str]]] = {
    "MESSAGES": lambda status: status.messages,
    "UIDNEXT": lambda status: status.uidnext,
    "UIDVALIDITY": lambda status: status.uidvalidity,
    "UNSEEN": lambda status: status.unseen,
    "DELETED": lambda status: status.deleted,
    "SIZE": lambda status: status.size,
    "RECENT": lambda status: status.recent,
    "HIGHESTMODSEQ": lambda status: status.highest_modseq,  # RFC 7162 §3.1.7
    # RFC 9208 §5.1: "When the server supports this resource type, it MUST also support the DELETED-STORAGE status data item."
    "DELETED-STORAGE": lambda status: status.deleted_size,
    "MAILBOXID": lambda status: f"({status.object_id})",  # RFC 8474 §4.3
    "APPENDLIMIT": lambda status: "",  # RFC 7889 §3.1; the session knows it
}


# Items that an account may do without.
_OFFERED: Final = {
    "SIZE": "STATUS=SIZE",
    "MAILBOXID": objectid.NAME,
    "DELETED-STORAGE": quota.NAME,
    "APPENDLIMIT": appendlimit.NAME,
}


@dataclass(frozen=True, slots=True)
class StatusItems:
    """STATUS mailbox (items)"""

    mailbox: bytes  # as sent
    items: tuple[str, ...]


def parse(tokens: Tokens) -> StatusItems:
    tokens.sp()
    mailbox = tokens.astring()
    tokens.sp()
    items = parse_items(tokens)
    tokens.end()
    return StatusItems(mailbox, items)


def parse_items(tokens: Tokens) -> tuple[str, ...]:
    """`(item …)`, each once."""
    items = tokens.list_of(lambda: tokens.word("a status item"))
    for item in items:
        if item not in ITEMS:
            raise Bad(f"there is no status item {item[:40]}")
    return tuple(dict.fromkeys(items))


async def handle(session: Session, command: StatusItems) -> AsyncIterator[bytes | Done]:
    """One untagged STATUS."""
    check(session, command.items)
    mailbox = await session.mailbox(names.read(command.mailbox, session.utf8))
    yield await line(session, mailbox, command.items)


def check(session: Session, items: tuple[str, ...]) -> None:
    """Bad for an item whose capability this account does not have; mod-sequences are enabled by asking for them."""
    for item in items:
        if item in _OFFERED and not session.offers(_OFFERED[item]):
            raise Bad(f"there is no status item {item}")
    if "HIGHESTMODSEQ" in items:
        condstore.check(session)
        condstore.enable(session)


async def line(session: Session, mailbox: ports.Mailbox, items: tuple[str, ...]) -> bytes:
    """`* STATUS name (…)`."""
    # RFC 9051 §6.3.11: "However, servers MUST be able to execute the STATUS command on the selected mailbox."
    return text(session, mailbox, items, await session.store.status(mailbox.id))


def text(
    session: Session, mailbox: ports.Mailbox, items: tuple[str, ...], status: ports.Status
) -> bytes:
    """The same, of a status that is known."""
    values = " ".join(
        f"{item} {appendlimit.limit(session) if item == appendlimit.NAME else ITEMS[item](status)}"
        for item in items
    )
    return b"* STATUS %b (%b)\r\n" % (session.name_of(mailbox), values.encode("ascii"))


COMMANDS = (Spec("STATUS", State.LOGGED_IN, parse, handle),)
