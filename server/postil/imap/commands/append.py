"""APPEND: a message into a mailbox, streamed to the store and never held here.

RFC 9051 §6.3.12, §7.1 (APPENDUID, TRYCREATE); RFC 4315 §3; RFC 3516 §4.4 (literal8); RFC 7888 §4 (too big). Whatever can be refused is
refused before the client is asked for the octets. Several messages in one command (RFC 3502) are not offered yet.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.pipeline import Begun
from postil.imap.tokens import Tokens
from postil.imap.wire import MessageLiteral
from postil.ports.store import Appended, NewMessage, NoSuchMailbox, OverQuota, Staged

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND mailbox [(flags)] [date-time] up to the message"""

    mailbox: bytes  # as sent
    flags: frozenset[str]
    date: int | None


def parse(tokens: Tokens) -> Append:
    tokens.sp()
    mailbox = tokens.astring()
    tokens.sp()
    flags: frozenset[str] = frozenset()
    if tokens.peek() == b"(":
        flags = tokens.flag_list()
        tokens.sp()
    date = None
    if tokens.peek() == b'"':
        date = tokens.date_time()
        tokens.sp()
    tokens.end()
    return Append(mailbox, flags, date)


async def handle(session: Session, command: Append) -> AsyncGenerator[bytes | Done | Begun, Any]:
    """Refuse early, or take the octets and put them in."""
    literal = session.request.literal if session.request is not None else None
    if literal is None:
        raise Bad("expected a message as a literal")
    # RFC 9051 §6.3.12: "If the destination mailbox does not exist, a server MUST return an error and MUST NOT
    # automatically create the mailbox."
    target = await session.target(names.read(command.mailbox, session.utf8))
    await _admit(session, literal)
    staged = await _receive(session, literal)
    try:
        message = NewMessage(staged, command.flags, command.date)
        done: Appended = yield Begun(session.store.append(target.id, [message]))
    except NoSuchMailbox:
        # Deleted while the octets came.
        raise No("The mailbox is gone", "TRYCREATE") from None
    finally:
        await session.store.discard(staged)
    # RFC 9051 §7.1: "In particular, a server MUST NOT send a range such as 123:123."
    yield Done("APPEND completed", f"APPENDUID {done.uidvalidity} {done.uids[0]}")
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.12: "it SHOULD return an untagged LIST with an OLDNAME extended data item"
        yield listing.renamed(session.name_of(target), names.quote(command.mailbox))


async def _admit(session: Session, literal: MessageLiteral) -> None:
    """What the announced size alone decides."""
    if literal.size == 0:
        # RFC 3502 §6.3.11 uses it to cancel; nobody means to keep a message without octets.
        raise No("An empty message is not appended", "CANNOT")
    if literal.binary and not session.offers("BINARY"):
        raise Bad("expected a message as a literal")
    most = session.limits.largest_message
    if literal.size > most:
        # RFC 7888 §5: "If responding to an APPEND command, the tagged BAD response MUST contain the TOOBIG response
        # code" where the client does not wait for us; else it is a plain refusal
        kind = No if literal.sync else Bad
        raise kind(f"Messages are at most {most} octets long", "TOOBIG")
    quota = session.user.quota
    if quota is not None:
        usage = await session.store.usage(session.user.id)
        if usage.octets + literal.size > quota:
            raise OverQuota("The message does not fit into the quota")


async def _receive(session: Session, literal: MessageLiteral) -> Staged:
    """Octets from the client to the store, in pieces."""
    writer = session.store.stage(session.user.id, literal.size)
    try:
        if literal.sync or session.reader.buffered() < literal.size:
            # The client may wait for earlier answers before it sends the octets.
            await session.settle()
            await session.flush()
        await literal.accept()
        async for piece in literal:
            await writer.write(piece)
        rest = await session.reader.more()
        if rest.literal is not None:
            raise Bad("one message per APPEND")
        rest.tokens.end()
        if literal.nul and not literal.binary:
            # RFC 9051 §9: "The ASCII NUL character, %x00, MUST NOT be used anywhere, with the exception of the OCTET
            # production."
            raise Bad("a message with NUL needs a literal8")
        return await writer.finish()
    except BaseException:
        # Whatever ends this, a lost connection too: nothing half received may stay behind.
        await writer.abort()
        raise


COMMANDS = (Spec("APPEND", State.LOGGED_IN, parse, handle),)
