"""MULTISEARCH: ESEARCH looks into several mailboxes and says which messages of which match.

RFC 7377 with erratum 8364 (there is no UID ESEARCH: the answer is always in uids). Mailboxes are named as in NOTIFY. One view is open at a
time, so a search of ten thousand mailboxes holds no more than a search of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import filters
from postil.imap.command import Done, Spec, State
from postil.imap.commands import search
from postil.imap.commands.search import Search
from postil.imap.errors import Bad
from postil.imap.extensions import esearch, inprogress, searchres
from postil.imap.extensions.esearch import Results, Wanted
from postil.imap.extensions.inprogress import Progress
from postil.imap.filters import Filter
from postil.imap.search import keys
from postil.imap.search.evaluate import evaluate
from postil.imap.tokens import Tokens
from postil.imap.view import SelectedView
from postil.ports.store import Mailbox, NoSuchMailbox

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "MULTISEARCH"
_SELECTED: Final = ("SELECTED",)


@dataclass(frozen=True, slots=True)
class Multisearch:
    """ESEARCH [IN (sources)] [RETURN (…)] criteria"""

    sources: tuple[Filter, ...]
    program: Search


def parse(tokens: Tokens) -> Multisearch:
    """RFC 7377 §4."""
    tokens.sp()
    sources: list[Filter] = []
    if tokens.accept_word("IN"):
        tokens.sp()
        tokens.open_list()
        sources.append(filters.parse(tokens, _SELECTED))
        while tokens.accept(b" "):
            if tokens.peek() == b"(":
                raise Bad("there are no scope options")
            sources.append(filters.parse(tokens, _SELECTED))
        if not tokens.accept(b")"):
            tokens.fail("`)`")
        tokens.sp()
    # RFC 7377 §2.2: "If the source options are not present, the value "selected" is assumed"
    return Multisearch(tuple(sources) or (Filter("SELECTED"),), search.parse_program(tokens))


async def handle(session: Session, command: Multisearch) -> AsyncIterator[bytes | Done]:
    """One mailbox after the other; an answer for each in which something matches."""
    program = command.program
    wanted = program.wanted or esearch.ALL
    here = any(source.kind == "SELECTED" for source in command.sources)
    if here and session.view is None:
        # RFC 7377 §2.2: "If the session is not in a correct state, the ESEARCH command MUST return a "BAD" result."
        raise Bad("Select a mailbox first")
    alone = all(source.kind == "SELECTED" for source in command.sources)
    if Wanted.SAVE in wanted.wanted and not alone:
        # RFC 7377 §2.2: "If any source option other than "selected" is specified, the ESEARCH command MUST return a "BAD"
        # result."
        raise Bad("SAVE is for a search of the selected mailbox alone")
    if not alone and keys.uses_saved(program.key):
        raise Bad("$ means messages of the selected mailbox")
    asks_modseq = search.check(session, program)
    if Wanted.SAVE in wanted.wanted:
        session.saved = []
    search.check_charset(program)
    with inprogress.reported(session) as progress:
        for mailbox in await _mailboxes(session, command.sources, here):
            yield await _one(session, command, mailbox, progress, asks_modseq)
            await session.pause()


async def _one(
    session: Session, command: Multisearch, mailbox: Mailbox, progress: Progress, asks_modseq: bool
) -> bytes:
    """The answer for one mailbox, whole, so that a report may stand before and behind it; none when nothing matches."""
    wanted, view = command.program.wanted or esearch.ALL, session.view
    selected = view if view is not None and view.mailbox.id == mailbox.id else None
    opened = selected or await _open(session, mailbox)
    if opened is None:
        return b""
    try:
        positions = await evaluate(session, opened, command.program.key, progress)
        if Wanted.SAVE in wanted.wanted:
            session.saved = opened.uids(searchres.to_save(wanted, positions))
        # RFC 7377 §2.1: "An ESEARCH response MUST NOT be returned for mailboxes that contain no matching messages."
        if not positions:
            return b""
        # RFC 7377 §2.1: "Because message numbers are not useful for mailboxes that are not selected, the responses MUST
        # contain information about UIDs, not message numbers."
        numbers = search.numbers_of(opened, positions, uid=True)
        modseq = search.highest_modseq(opened, positions, wanted) if asks_modseq else None
        # RFC 7377 §2.1: "Each ESEARCH response MUST contain the MAILBOX, TAG, and UIDVALIDITY correlators."
        name = session.name_of(mailbox)
        about = b" MAILBOX %b UIDVALIDITY %d" % (name, opened.view.uidvalidity)
        results = Results(numbers, True, modseq)
        return b"".join(esearch.response(session.tag, wanted, results, about))
    finally:
        if opened is not selected:
            opened.close()


async def _open(session: Session, mailbox: Mailbox) -> SelectedView | None:
    """The mailbox as it is now; None when it is gone."""
    try:
        view = SelectedView(await session.store.open(mailbox.id), mailbox, read_only=True)
    except NoSuchMailbox:
        return None
    view.count = len(view.view.generation.uids)
    return view


async def _mailboxes(session: Session, sources: Sequence[Filter], here: bool) -> Sequence[Mailbox]:
    """Each once: the selected one first, the others by name."""
    account = session.user.id
    boxes = await session.store.mailboxes(account)
    subscribed = await session.store.subscriptions(account)
    named = [filters.resolve(session, one) for one in sources if one.kind not in _SELECTED]
    found: dict[int, Mailbox] = {}
    if here:
        mine = session.selected.mailbox
        # Another session may have renamed it.
        found[mine.id] = next((box for box in boxes if box.id == mine.id), mine)
    for box in boxes:
        if any(one.covers(box.name, subscribed) for one in named):
            found.setdefault(box.id, box)
    return list(found.values())


# RFC 7377 §2.2: "then the IMAP session MUST be in either "selected" or "authenticated" state."
COMMANDS = (Spec("ESEARCH", State.LOGGED_IN, parse, handle, capability=NAME),)
