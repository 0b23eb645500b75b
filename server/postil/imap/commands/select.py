"""SELECT and EXAMINE: open a mailbox and tell what is in it.

RFC 9051 §6.3.2, §6.3.3, §7.1 (CLOSED), §7.3.5, §7.4.1; RFC 3501 §6.3.1 with erratum 3032 (RECENT, UNSEEN).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.extensions import condstore, objectid, qresync
from postil.imap.extensions.qresync import Resync
from postil.imap.tokens import Tokens
from postil.imap.view import SYSTEM_FLAGS, SelectedView
from postil.ports.ids import Uid
from postil.ports.store import Mailbox, Status

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT or EXAMINE mailbox"""

    mailbox: bytes  # as sent
    read_only: bool
    condstore: bool = False
    resync: Resync | None = None


def parse(read_only: bool) -> Callable[[Tokens], Select]:
    def parse_one(tokens: Tokens) -> Select:
        tokens.sp()
        mailbox = tokens.astring()
        condstore, resync = (False, None) if tokens.done else _parameters(tokens)
        tokens.end()
        return Select(mailbox, read_only, condstore, resync)

    return parse_one


def _parameters(tokens: Tokens) -> tuple[bool, Resync | None]:
    """RFC 4466 §2.1: `SP (param …)`; RFC 7162 §3.1.8, §3.2.5."""
    tokens.sp()
    plain = False
    resync: Resync | None = None

    def parameter() -> None:
        nonlocal plain, resync
        word = tokens.word("CONDSTORE or QRESYNC")
        if word == condstore.NAME and not plain:
            plain = True
        elif word == qresync.NAME and resync is None:
            resync = qresync.parse(tokens)
        else:
            tokens.fail("CONDSTORE or QRESYNC, each once")

    tokens.list_of(parameter)
    return plain, resync


async def handle(session: Session, command: Select) -> AsyncIterator[bytes | Done]:
    """Close what was open, open the other, describe it."""
    if command.condstore:
        condstore.check(session)
    if command.resync is not None:
        qresync.check(session, command.resync)
    # RFC 9051 §6.3.2: "The SELECT command automatically deselects any currently selected mailbox before attempting
    # the new selection."
    if session.view is not None:
        session.deselect()
        if session.rev2 or session.offers(condstore.NAME):
            # RFC 7162 §3.2.11: "A server implementing the extension defined in this document MUST return the CLOSED response
            # code when the currently selected mailbox is closed implicitly using the SELECT/EXAMINE command on another
            # mailbox."
            # RFC 9051 §6.3.2: "When deselecting a selected mailbox, the server MUST return an untagged OK response
            # with the '[CLOSED]' response code when the currently selected mailbox is closed"
            yield b"* OK [CLOSED] Previous mailbox is now closed\r\n"
    mailbox = await session.mailbox(names.read(command.mailbox, session.utf8))
    status = await session.store.status(mailbox.id)
    # Nothing may fail once the mailbox is open, so what can fail comes before.
    entry = await _list(session, mailbox, command.mailbox) if session.rev2 else b""
    first_recent = await _first_recent(session, mailbox, status, command.read_only)
    opened = await session.store.open(mailbox.id)
    view = SelectedView(opened, mailbox, read_only=command.read_only)
    view.by_uid = session.uidonly
    session.view = view
    if command.condstore:
        # RFC 7162 §3.1.8: "it MUST include the MODSEQ FETCH response data items in all subsequent unsolicited FETCH responses."
        session.condstore = True
    yield view.flags_line()
    yield _permanent_flags(view)
    if first_recent is not None:
        view.claim(first_recent, opened.uidnext)
    yield view.arrivals(recent=session.recent) or _empty(session)
    yield f"* OK [UIDVALIDITY {opened.uidvalidity}] UIDs valid\r\n".encode("ascii")
    yield f"* OK [UIDNEXT {opened.uidnext}] Predicted next UID\r\n".encode("ascii")
    if session.offers(condstore.NAME):
        # RFC 7162 §3.1.2: "If the mailbox supports the persistent storage of mod-sequences and the mailbox open operation
        # succeeds, the server MUST send an OK untagged response, including the HIGHESTMODSEQ response code."
        yield condstore.highest(view.settled)
    if session.offers(objectid.NAME):
        # RFC 8474 §4.2: "A server advertising the OBJECTID capability MUST return an untagged OK response with the MAILBOXID
        # response code on all successful SELECT and EXAMINE commands."
        yield f"* OK [{objectid.code(mailbox)}] This mailbox, whatever its name\r\n".encode("ascii")
    if session.rev2:
        yield entry
    # RFC 9586 §3: "the server MUST NOT return message sequence numbers in any response", and UNSEEN is one
    elif not session.uidonly and (unseen := _first_unseen(view)) is not None:
        yield f"* OK [UNSEEN {unseen}] First unseen\r\n".encode("ascii")
    if command.resync is not None:
        async for piece in qresync.resynchronize(session, command.resync):
            yield piece
    if command.read_only:
        # RFC 9051 §6.3.3: "The text of the tagged OK response to the EXAMINE command MUST begin with the
        # '[READ-ONLY]' response code."
        yield Done("EXAMINE completed", "READ-ONLY")
    else:
        yield Done("SELECT completed", "READ-WRITE")


def _empty(session: Session) -> bytes:
    return b"* 0 EXISTS\r\n* 0 RECENT\r\n" if session.recent else b"* 0 EXISTS\r\n"


async def _first_recent(
    session: Session, mailbox: Mailbox, status: Status, read_only: bool
) -> Uid | None:
    """From which uid on messages are \\Recent for this session (RFC 3501 §2.3.2)."""
    if not session.recent or not status.recent:
        return None
    if not read_only:
        first = await session.news.claim_recent(mailbox)
        if first is not None:
            return first
    # EXAMINE, or a disk that is full: look without taking. The recent ones are the last ones.
    view = await session.store.open(mailbox.id)
    try:
        uids = view.generation.uids
        return Uid(uids[-min(status.recent, len(uids))]) if uids else None
    finally:
        view.close()


def _permanent_flags(view: SelectedView) -> bytes:
    if view.read_only:
        return b"* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n"
    flags = " ".join([*SYSTEM_FLAGS, *sorted(view.keywords()), "\\*"])
    return f"* OK [PERMANENTFLAGS ({flags})] Flags permitted\r\n".encode("ascii")


async def _list(session: Session, mailbox: Mailbox, supplied: bytes) -> bytes:
    # RFC 9051 §6.3.2: "The server MUST return a LIST response with the mailbox name. The list of mailbox
    # attributes MUST be accurate."
    tree = listing.tree(await session.store.mailboxes(session.user.id))
    attributes = tree.attributes(mailbox.name)
    name = session.name_of(mailbox)
    if names.is_denormalized(supplied, session.utf8):
        return listing.renamed(name, names.quote(supplied), attributes)
    return listing.line("LIST", attributes, name)


def _first_unseen(view: SelectedView) -> int | None:
    """RFC 3501 §6.3.1 with erratum 3032: the first message without \\Seen, if there is one."""
    seen = view.view.flagsets.matching("\\Seen")
    flags = view.view.generation.flags
    return next((seq for seq, number in enumerate(flags, 1) if not seen[number]), None)


COMMANDS = (
    Spec("SELECT", State.LOGGED_IN, parse(False), handle),
    Spec("EXAMINE", State.LOGGED_IN, parse(True), handle),
)
