"""Messages a client hands over as literals: what may be refused before they come, and taking them in.

RFC 9051 §6.3.12; RFC 3516 §4.4 (literal8); RFC 7888 §4 (too big); RFC 6855 §4 (UTF8, for Thunderbird). APPEND and REPLACE share it. No message is ever held here: its
octets go to the store in pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap.errors import Bad, No
from postil.imap.extensions import utf8
from postil.imap.request import Continuation, MessageLiteral
from postil.imap.tokens import Tokens
from postil.ports.store import OverQuota, Staged

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class About:
    """What stands before a message: [(flags)] [date-time] [UTF8 (]"""

    flags: frozenset[str]
    date: int | None
    wrapped: bool = False  # by UTF8 ( )

    def end(self, tokens: Tokens) -> None:
        """What must stand behind the message: its bracket, if it has one."""
        if self.wrapped:
            tokens.close_list()


def parse_about(tokens: Tokens) -> About:
    """RFC 4466 §6: append-message = append-opts SP append-data, up to the literal; `tokens` ends there."""
    tokens.sp()
    flags: frozenset[str] = frozenset()
    if tokens.peek() == b"(":
        flags = tokens.flag_list()
        tokens.sp()
    date = None
    if tokens.peek() == b'"':
        date = tokens.date_time()
        tokens.sp()
    # RFC 6855 §4: append-data =/ "UTF8" SP "(" literal8 ")". RFC 9755 §B.1: "This document removes APPEND's UTF8 data item": but
    # Thunderbird (153) sends it for every message as soon as UTF8=ACCEPT is enabled, and has no other way to save one.
    wrapped = tokens.accept_word("UTF8")
    if wrapped:
        tokens.sp()
        tokens.open_list()
    tokens.end()
    return About(flags, date, wrapped)


async def admit(
    session: Session,
    literal: MessageLiteral,
    about: About,
    *,
    before: int = 0,
    count: int = 0,
    freed: int | None = None,
) -> None:
    """What the announced size alone decides; `before` octets in `count` messages came in this command, a message of `freed` goes."""
    if literal.size == 0:
        # RFC 3502 §6.3.11: "A zero-length message literal argument is an error, and MUST return a NO."
        raise No("An empty message is not taken, and nothing before it", "CANNOT")
    if about.wrapped and not (literal.binary and session.offers(utf8.NAME)):
        raise Bad("expected a message as a literal")
    if literal.binary and not about.wrapped and not session.offers("BINARY"):
        raise Bad("expected a message as a literal")
    most = session.limits.largest_message
    if literal.size > most:
        # RFC 7888 §5: "If responding to an APPEND command, the tagged BAD response MUST contain the TOOBIG response
        # code" where the client does not wait for us; else it is a plain refusal
        kind = No if literal.sync else Bad
        raise kind(f"Messages are at most {most} octets long", "TOOBIG")
    if before + literal.size > most:
        # Small messages wait in memory until the last one is here.
        raise No(f"One command brings at most {most} octets", "LIMIT")
    quota, messages = session.user.quota, session.user.quota_messages
    if quota is not None or messages is not None:
        usage = await session.store.usage(session.user.id)
        octets = usage.octets + before + literal.size - (freed or 0)
        if quota is not None and octets > quota:
            raise OverQuota("The message does not fit into the quota")
        if messages is not None and usage.messages + count + (freed is None) > messages:
            raise OverQuota(f"The account may have {messages} messages, no more")


async def receive(session: Session, literal: MessageLiteral) -> tuple[Staged, Continuation]:
    """Octets from the client to the store, in pieces; and what stands behind them."""
    writer = session.store.stage(session.user.id, literal.size)
    try:
        if literal.sync or session.reader.buffered() < literal.size:
            # The client may wait for earlier answers before it sends the octets.
            await session.execution.settle()
            await session.flush()
        await literal.accept()
        header = utf8.HeaderWatch()
        async for piece in literal:
            header.see(piece)
            await writer.write(piece)
        rest = await session.reader.more()
        if literal.nul and not (literal.binary and session.offers("BINARY")):
            # RFC 9051 §9: "The ASCII NUL character, %x00, MUST NOT be used anywhere, with the exception of the OCTET
            # production."
            raise Bad("a message with NUL needs a literal8")
        utf8.check(session, header)
        return await writer.finish(), rest
    except BaseException:
        # Whatever ends this, a lost connection too: nothing half received may stay behind.
        await writer.abort()
        raise
