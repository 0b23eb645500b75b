"""MULTISEARCH: ESEARCH looks into several mailboxes and says which messages of which match.

RFC 7377 with erratum 8364 (there is no UID ESEARCH: the answer is always in uids). Mailboxes are named as in NOTIFY. One view is open at a
time, so a search of ten thousand mailboxes holds no more than a search of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import listing, names
from postil.imap.command import Done, Spec, State
from postil.imap.commands import search
from postil.imap.commands.search import Search
from postil.imap.errors import Bad, No
from postil.imap.extensions import esearch, inprogress, searchres
from postil.imap.extensions.esearch import Results, Wanted
from postil.imap.search import keys
from postil.imap.search.evaluate import evaluate
from postil.imap.tokens import Tokens
from postil.imap.view import SelectedView
from postil.imap.watching import Event, Group
from postil.ports.store import Mailbox, NoSuchMailbox

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "MULTISEARCH"
_NAMED: Final = ("SUBTREE", "SUBTREE-ONE", "MAILBOXES")


@dataclass(frozen=True, slots=True)
class Source:
    """A way to name mailboxes, and the names as sent."""

    kind: str
    mailboxes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Multisearch:
    """ESEARCH [IN (sources)] [RETURN (…)] criteria"""

    sources: tuple[Source, ...]
    program: Search


SELECTED: Final = Source("SELECTED")


def parse(tokens: Tokens) -> Multisearch:
    """RFC 7377 §4."""
    tokens.sp()
    sources: list[Source] = []
    if tokens.accept_word("IN"):
        tokens.sp()
        tokens.open_list()
        sources.append(_source(tokens))
        while tokens.accept(b" "):
            if tokens.peek() == b"(":
                raise Bad("there are no scope options")
            sources.append(_source(tokens))
        if not tokens.accept(b")"):
            tokens.fail("`)`")
        tokens.sp()
    # RFC 7377 §2.2: "If the source options are not present, the value "selected" is assumed"
    return Multisearch(tuple(sources) or (SELECTED,), search.parse_program(tokens))


def _source(tokens: Tokens) -> Source:
    kind = tokens.atom().decode("ascii").upper()
    if kind in ("SELECTED", "PERSONAL", "SUBSCRIBED"):
        return Source(kind)
    if kind == "INBOXES":
        return Source("PERSONAL")  # RFC 5465 §6.3, as in NOTIFY
    if kind not in _NAMED:
        raise Bad(f"there is no way {kind[:40]} to name mailboxes to search")
    tokens.sp()
    many = tokens.peek() == b"("
    return Source(kind, tuple(tokens.list_of(tokens.astring) if many else [tokens.astring()]))


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
    for mailbox in await _mailboxes(session, command.sources, here):
        view = session.view
        selected = view if view is not None and view.mailbox.id == mailbox.id else None
        opened = selected or await _open(session, mailbox)
        if opened is None:
            continue
        try:
            with inprogress.reported(session) as progress:
                positions = await evaluate(session, opened, program.key, progress)
            if Wanted.SAVE in wanted.wanted:
                session.saved = opened.uids(searchres.to_save(wanted, positions))
            # RFC 7377 §2.1: "An ESEARCH response MUST NOT be returned for mailboxes that contain no matching messages."
            if not positions:
                continue
            # RFC 7377 §2.1: "Because message numbers are not useful for mailboxes that are not selected, the responses MUST
            # contain information about UIDs, not message numbers."
            numbers = search.numbers_of(opened, positions, uid=True)
            modseq = search.highest_modseq(opened, positions, wanted) if asks_modseq else None
            # RFC 7377 §2.1: "Each ESEARCH response MUST contain the MAILBOX, TAG, and UIDVALIDITY correlators."
            name = session.name_of(mailbox)
            about = b" MAILBOX %b UIDVALIDITY %d" % (name, opened.view.uidvalidity)
            results = Results(numbers, True, modseq)
            for piece in esearch.response(session.tag, wanted, results, about):
                yield piece
        finally:
            if opened is not selected:
                opened.close()
        await session.pause()


async def _open(session: Session, mailbox: Mailbox) -> SelectedView | None:
    """The mailbox as it is now; None when it is gone."""
    try:
        view = SelectedView(await session.store.open(mailbox.id), mailbox, read_only=True)
    except NoSuchMailbox:
        return None
    view.count = len(view.view.generation.uids)
    return view


async def _mailboxes(session: Session, sources: Sequence[Source], here: bool) -> Sequence[Mailbox]:
    """Each once: the selected one first, the others by name."""
    account = session.user.id
    boxes = await session.store.mailboxes(account)
    subscribed = await session.store.subscriptions(account)
    groups = [_group(session, source) for source in sources if source.kind != "SELECTED"]
    found: dict[int, Mailbox] = {}
    if here:
        mine = session.selected.mailbox
        # Another session may have renamed it.
        found[mine.id] = next((box for box in boxes if box.id == mine.id), mine)
    for box in boxes:
        if any(_covers(group, box.name, subscribed) for group in groups):
            found.setdefault(box.id, box)
    return list(found.values())


def _group(session: Session, source: Source) -> Group:
    known = []
    for raw in source.mailboxes:
        try:
            known.append(names.read(raw, session.utf8))
        except No:
            continue  # no mailbox has such a name
    return Group(source.kind, tuple(known), Event.NOTHING)


def _covers(group: Group, name: str, subscribed: frozenset[str]) -> bool:
    if group.kind == "SUBTREE-ONE":
        # RFC 7377 §2.2: "The "subtree-one" specifier results in a search of the specified mailbox and all selectable child
        # mailboxes, one hierarchy level down."
        above = next(iter(listing.ancestors(name)), None)
        return name in group.names or above in group.names
    return group.covers(name, subscribed)


# RFC 7377 §2.2: "then the IMAP session MUST be in either "selected" or "authenticated" state."
COMMANDS = (Spec("ESEARCH", State.LOGGED_IN, parse, handle, capability=NAME),)
