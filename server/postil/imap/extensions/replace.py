"""REPLACE and UID REPLACE: a new message in, an old one out, as one step.

RFC 8508. The store does both in one transaction; whatever can be refused is refused before the client is asked for the octets. The new
message takes nothing over from the old one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import incoming, listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.incoming import About
from postil.imap.tokens import Tokens
from postil.ports.ids import Uid
from postil.ports.store import NewMessage, NoSuchMailbox

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Replace:
    """REPLACE number mailbox [(flags)] [date-time] up to the message"""

    number: int | None  # None: `*`
    uid: bool
    mailbox: bytes  # as sent
    about: About


def parse(uid: bool) -> Callable[[Tokens], Replace]:
    def parse_one(tokens: Tokens) -> Replace:
        # RFC 8508 §5: replace = "REPLACE" SP seq-number SP mailbox append-message
        tokens.sp()
        number = None if tokens.accept(b"*") else tokens.nz_number()
        tokens.sp()
        mailbox = tokens.astring()
        return Replace(number, uid, mailbox, incoming.parse_about(tokens))

    return parse_one


async def handle(session: Session, command: Replace) -> AsyncIterator[bytes | Done]:
    """Refuse early, or take the octets and change both."""
    literal = session.request.literal if session.request is not None else None
    if literal is None:
        raise Bad("expected a message as a literal")
    view = session.selected
    if view.read_only:
        raise No("The mailbox is open read-only", "READ-ONLY")
    uid, size = _old(session, command)
    # RFC 8508 §3.4: "Because of the similarity of REPLACE to APPEND, extensions that affect APPEND affect REPLACE in the
    # same way. Response codes such as TRYCREATE (see Section 6.3.11 of [RFC3501]), along with those defined by extensions,
    # are sent as appropriate."
    target = await session.target(names.read(command.mailbox, session.utf8))
    # RFC 8508 §3.4: "only the net quota consumption is considered."
    await incoming.admit(session, literal, command.about, freed=size)
    staged, rest = await incoming.receive(session, literal)
    try:
        command.about.end(rest.tokens)
        if rest.literal is not None:
            raise Bad("one message per REPLACE")
        rest.tokens.end()
        message = NewMessage(staged, command.about.flags, command.about.date)
        # RFC 8508 §3.4: "the server MUST NOT leave the selected mailbox in an inconsistent state"
        done = await session.store.replace(view.mailbox.id, uid, target.id, message)
    except NoSuchMailbox:
        if view.view.deleted:
            raise
        # Deleted while the octets came.
        raise No("The mailbox is gone", "TRYCREATE") from None
    finally:
        await session.store.discard(staged)
    await session.news.caused(target.id, done.modseq, done.uids)
    # RFC 8508 §4.3: "Servers supporting both REPLACE and UIDPLUS [RFC4315] SHOULD send APPENDUID in response to a UID
    # REPLACE command." In an untagged OK, before the others: what replaces comes before what goes
    yield f"* OK [APPENDUID {done.uidvalidity} {done.uids[0]}] Replacement message ready\r\n".encode(
        "ascii"
    )
    # EXISTS before EXPUNGE, as in the example of RFC 8508 §3.2; the rest is what every command tells.
    await session.news.arrivals()
    # RFC 8508 §4.5: "Servers implementing both REPLACE and CONDSTORE/QRESYNC [RFC7162] MUST treat the message being replaced
    # as if it were being removed with a UID EXPUNGE command."
    yield Done(f"{session.command} completed", session.highest_modseq)
    if session.rev2 and names.is_denormalized(command.mailbox, session.utf8):
        # RFC 9051 §6.3.12: "it SHOULD return an untagged LIST with an OLDNAME extended data item"
        yield listing.renamed(session.name_of(target), names.quote(command.mailbox))


def _old(session: Session, command: Replace) -> tuple[Uid, int]:
    """The message that goes, and its size."""
    view = session.selected
    generation = view.view.generation
    if command.number is None:
        if not view.count:
            raise Bad("the mailbox is empty")
        position: int | None = view.count - 1
    elif command.uid:
        position = generation.position(Uid(command.number))
        if position is not None and position >= view.count:
            position = None
    else:
        position = view.position_of_seq(command.number)
    if position is None:
        raise No("There is no such message", "NONEXISTENT")
    if view.is_dead(position):
        raise No("The message is gone", "EXPUNGEISSUED")
    return Uid(generation.uids[position]), generation.sizes[position]


COMMANDS = (
    Spec(
        "REPLACE",
        State.SELECTED,
        parse(uid=False),
        handle,
        by_number=True,
        capability="REPLACE",
    ),
    Spec("UID REPLACE", State.SELECTED, parse(uid=True), handle, capability="REPLACE"),
)
