"""APPEND: messages into a mailbox, all or none, streamed to the store and never held here.

RFC 9051 §6.3.12, §7.1 (APPENDUID, TRYCREATE); RFC 3502 (MULTIAPPEND: several messages); RFC 4315 §3. Whatever can be refused is
refused before the client is asked for the octets.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postil.imap import incoming, limits, listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.incoming import About
from postil.imap.pipeline import Begun
from postil.imap.sequence import write_in_order
from postil.imap.tokens import Tokens
from postil.imap.wire import MessageLiteral
from postil.ports.store import Appended, NewMessage, NoSuchMailbox

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND mailbox [(flags)] [date-time] up to the first message"""

    mailbox: bytes  # as sent
    first: About


def parse(tokens: Tokens) -> Append:
    tokens.sp()
    mailbox = tokens.astring()
    return Append(mailbox, incoming.parse_about(tokens))


async def handle(session: Session, command: Append) -> AsyncGenerator[bytes | Done | Begun, Any]:
    """Refuse early, or take the octets and put them in."""
    literal = session.request.literal if session.request is not None else None
    if literal is None:
        raise Bad("expected a message as a literal")
    # RFC 9051 §6.3.12: "If the destination mailbox does not exist, a server MUST return an error and MUST NOT
    # automatically create the mailbox."
    target = await session.target(names.read(command.mailbox, session.utf8))
    messages: list[NewMessage] = []
    try:
        await _receive(session, command.first, literal, messages)
        done: Appended = yield Begun(session.store.append(target.id, messages))
    except NoSuchMailbox:
        # Deleted while the octets came.
        raise No("The mailbox is gone", "TRYCREATE") from None
    finally:
        for message in messages:
            await session.store.discard(message.body)
    await session.news.caused(target.id, done.modseq, done.uids)
    # RFC 3502 (MULTIAPPEND Interaction with UIDPLUS Extension): as many uids as messages, in their order, which is ascending here.
    # RFC 9051 §7.1: "In particular, a server MUST NOT send a range such as 123:123."
    uids = write_in_order(done.uids).decode("ascii")
    yield Done("APPEND completed", f"APPENDUID {done.uidvalidity} {uids}")
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.12: "it SHOULD return an untagged LIST with an OLDNAME extended data item"
        yield listing.renamed(session.name_of(target), names.quote(command.mailbox))


async def _receive(
    session: Session, about: About, literal: MessageLiteral | None, messages: list[NewMessage]
) -> None:
    """Every message of the command into `messages`, also those before a refusal."""
    octets = 0
    while literal is not None:
        if messages and not session.offers("MULTIAPPEND"):
            raise Bad("one message per APPEND")
        if len(messages) >= limits.APPEND_MESSAGES:
            raise No(f"One command brings at most {limits.APPEND_MESSAGES} messages", "LIMIT")
        await incoming.admit(session, literal, about, before=octets, count=len(messages))
        octets += literal.size
        staged, rest = await incoming.receive(session, literal)
        messages.append(NewMessage(staged, about.flags, about.date))
        about.end(rest.tokens)
        literal = rest.literal
        if literal is None:
            rest.tokens.end()
        else:
            about = incoming.parse_about(rest.tokens)


COMMANDS = (Spec("APPEND", State.LOGGED_IN, parse, handle),)
