"""FETCH and UID FETCH: what the client wants to know of messages.

RFC 9051 §6.4.5, §6.4.9, §7.5.2; RFC 3501 §6.4.5, §6.4.8. How each item is answered stands in `imap/fetch/` and in the extensions whose
items are joined here.

An item that cannot be answered (a transfer encoding nobody knows, octets the disk lost) is left out of its line; everything
else is answered and the command ends with NO. \\Seen is set a page ahead of the octets that cause it, in one
write, and shown in the same lines.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import limits
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.extensions import binary, condstore, objectid, partial, preview, qresync, savedate
from postil.imap.extensions.condstore import Modifiers
from postil.imap.fetch import bulk, items, picture, sections
from postil.imap.fetch.items import Item, Needs, Parser, Slices, Value
from postil.imap.fetch.message import Message
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens
from postil.ports.store import Corrupt, Details, FlagChange, StoreError

if TYPE_CHECKING:
    from postil.imap.session import Session

PARSERS: Final[Mapping[str, Parser]] = {
    **items.PARSERS,
    **sections.PARSERS,
    **binary.FETCH_ITEMS,
    **condstore.FETCH_ITEMS,
    **objectid.FETCH_ITEMS,
    **preview.FETCH_ITEMS,
    **savedate.FETCH_ITEMS,
}
# Items that an account may do without.
_OFFERED: Final[Mapping[Item, str]] = {
    objectid.EMAILID: objectid.NAME,
    objectid.THREADID: objectid.NAME,
    preview.PREVIEW: preview.NAME,
    savedate.SAVEDATE: savedate.NAME,
}
_SEEN: Final = "\\Seen"
# Messages marked as read in one write before their octets go out: few, because a client that
# breaks off has not read the rest; several, because each write waits for the disk.
_SEEN_PAGE: Final = 32
# Messages answered between two turns of the loop, some 2 ms: with octets read or parsed, without.
_BODY_PAGE: Final = 16
_ROW_PAGE: Final = 64


@dataclass(frozen=True, slots=True)
class Fetch:
    """The command; the handler knows from the session whether the numbers are uids."""

    numbers: SequenceSet
    items: tuple[Item, ...]
    modifiers: Modifiers = condstore.NO_MODIFIERS


def parse(tokens: Tokens) -> Fetch:
    """`SP sequence-set SP items`"""
    tokens.sp()
    numbers = tokens.sequence_set()
    tokens.sp()
    rest = tokens.text[tokens.at :]
    if b"{" not in rest:
        end = condstore.modifiers_at(rest)
        # Clients ask for the same items again and again; a list without literals means always the same.
        try:
            wanted = _parse_text(rest[:end])
        except Bad:
            pass  # parsed once more below, so that the error names the place in the command
        else:
            tokens.at += end
            return Fetch(numbers, wanted, _modifiers(tokens))
    wanted = parse_items(tokens)
    return Fetch(numbers, wanted, _modifiers(tokens))


def _modifiers(tokens: Tokens) -> Modifiers:
    if tokens.done:
        return condstore.NO_MODIFIERS
    modifiers = condstore.parse_modifiers(tokens)
    tokens.end()
    return modifiers


@functools.lru_cache(maxsize=256)
def _parse_text(text: bytes) -> tuple[Item, ...]:
    tokens = Tokens(text)
    wanted = parse_items(tokens)
    tokens.end()
    return wanted


def parse_items(tokens: Tokens) -> tuple[Item, ...]:
    """One item, a list of items, or a macro."""
    # RFC 9051 §6.4.5: "A macro must be used by itself and not in conjunction with other macros or
    # data items."
    macro = items.MACROS.get(tokens.peek_word())
    if macro is not None:
        tokens.word()
        return macro

    def item() -> Item:
        start = tokens.at
        name = tokens.word("a FETCH item")
        parser = PARSERS.get(name)
        if parser is None:
            tokens.at = start
            tokens.fail("a FETCH item")
        return parser(name, tokens)

    wanted = tokens.list_of(item) if tokens.peek() == b"(" else [item()]
    if len(wanted) > limits.FETCH_ITEMS:
        raise Bad(f"FETCH asks for at most {limits.FETCH_ITEMS} items")
    return tuple(dict.fromkeys(wanted))


async def fetch(session: Session, command: Fetch) -> AsyncIterator[bytes | Done]:
    """Answer for each message."""
    selected = session.selected
    wanted = command.items
    if session.is_uid_command and items.UID not in wanted and not selected.by_uid:
        # RFC 9051 §6.4.9: "server implementations MUST implicitly include the UID message data item
        # as part of any FETCH response caused by a UID command, regardless of whether a UID was
        # specified as a message data item to the FETCH."
        wanted = (items.UID, *wanted)
    check_items(session, wanted)
    since = command.modifiers.changed_since
    if command.modifiers.vanished:
        _check_vanished(session, since)
    if since is not None:
        condstore.check(session)
        condstore.enable(session)
    positions = selected.positions_of(command.numbers, session.is_uid_command, session.saved)
    if command.modifiers.page is not None:
        # RFC 9394 §3.3: "The PARTIAL extension also extends the UID FETCH command with a PARTIAL FETCH modifier." FETCH has none
        if not session.is_uid_command:
            raise Bad("PARTIAL is for UID FETCH")
        partial.check(session)
        # RFC 9394 §3.4: first the page, then CHANGEDSINCE; what is expunged already takes no place on it
        positions = command.modifiers.page.of(selected.alive(positions))
    if since is not None:
        # RFC 7162 §3.1.4.1: "When the CHANGEDSINCE FETCH modifier is specified, it implicitly adds the MODSEQ FETCH message
        # data item (Section 3.1.4.2)."
        wanted = wanted if condstore.MODSEQ in wanted else (*wanted, condstore.MODSEQ)
        if command.modifiers.vanished:
            # RFC 7162 §3.2.6: "Any VANISHED (EARLIER) responses MUST be returned before any FETCH responses"
            async for chunk in qresync.earlier(session, command.numbers, since):
                yield chunk
        positions = condstore.changed(session, positions, since)
    failures: list[No | StoreError] = []
    async for chunk in answer(session, wanted, positions, failures):
        yield chunk
    if failures:
        raise failures[0]


def check_items(session: Session, wanted: Sequence[Item]) -> None:
    """Bad for an item this account does not have; mod-sequences are enabled by asking for them."""
    for item in wanted:
        if item in _OFFERED and not session.offers(_OFFERED[item]):
            raise Bad(f"there is no FETCH item {item.label.decode('ascii')}")
    if condstore.MODSEQ in wanted:
        condstore.check(session)
        condstore.enable(session)


async def answer(
    session: Session,
    wanted: Sequence[Item],
    positions: Sequence[int],
    failures: list[No | StoreError],
) -> AsyncIterator[bytes]:
    """FETCH lines of messages; what could not be answered goes to `failures`."""
    lines = (
        _fast(session, wanted, positions)
        if picture.FAST.issuperset(wanted)
        else _slow(session, wanted, positions, failures)
    )
    async for chunk in lines:
        yield chunk


def _check_vanished(session: Session, since: int | None) -> None:
    # RFC 7162 §3.2.6: "Note that the VANISHED UID FETCH modifier is NOT allowed with a FETCH command. The server MUST return a
    # tagged BAD response if this response is specified as a modifier to the FETCH command."
    if not session.is_uid_command:
        raise Bad("VANISHED is for UID FETCH")
    # RFC 7162 §3.2.6: "If the VANISHED UID FETCH modifier is used without the CHANGEDSINCE UID FETCH modifier, the server MUST
    # respond with a tagged BAD response."
    if since is None:
        raise Bad("VANISHED needs CHANGEDSINCE")
    qresync.check(session)


async def _fast(
    session: Session, wanted: Sequence[Item], positions: Sequence[int]
) -> AsyncIterator[bytes]:
    """Lines from the arrays in memory."""
    lines = picture.Lines(session.selected, wanted, recent=session.recent)
    for start in range(0, len(positions), limits.FETCH_LINES):
        if start:
            await session.pause()
        page = positions[start : start + limits.FETCH_LINES]
        if items.FLAGS in wanted:
            _told(session, page)
        yield lines.write(page)


async def _slow(
    session: Session,
    wanted: Sequence[Item],
    positions: Sequence[int],
    failures: list[No | StoreError],
) -> AsyncIterator[bytes]:
    """Lines that need the index or the octets."""
    needs = {item.needs for item in wanted}
    # ENVELOPE and its like stand in the index; headers are read from the bodies, two thirds of the time.
    header = any(not isinstance(item, items.Attribute) for item in wanted)
    sets_seen = not session.selected.read_only and any(item.sets_seen for item in wanted)
    step = _SEEN_PAGE if sets_seen else limits.FETCH_PAGE
    in_bulk = all(item in picture.READY or bulk.is_header(item) for item in wanted)
    ready = bulk.Bulk(session, wanted, len(positions)) if in_bulk else None
    lines = picture.Lines(session.selected, wanted, recent=session.recent)
    turn = _BODY_PAGE if Needs.BODY in needs else _ROW_PAGE
    for start in range(0, len(positions), step):
        page = positions[start : start + step]
        columns = await ready.columns(page) if ready is not None else None
        if columns is not None:
            if items.FLAGS in wanted:
                _told(session, page)
            yield lines.write(page, columns)
            await session.pause()
            continue
        marked = await _mark(session, page) if sets_seen else frozenset()
        details: Mapping[int, Details] = {}
        if Needs.DETAILS in needs:
            details = await _details(session, page, header)
        if items.FLAGS in wanted:
            _told(session, page)
        for number, position in enumerate(page):
            if number % turn == turn - 1:
                await session.pause()
            asked = wanted
            if position in marked:
                # RFC 9051 §6.4.5: "The \Seen flag is implicitly set; if this causes the flags to
                # change, they SHOULD be included as part of the FETCH responses."
                more: tuple[Item, ...] = (items.FLAGS,)
                if session.condstore:
                    # RFC 7162 §3.2.4: "a FETCH/UID FETCH that implicitly set the \Seen flag", FLAGS asked for or not
                    more = (items.FLAGS, items.UID, condstore.MODSEQ)
                asked = tuple(dict.fromkeys((*wanted, *more)))
            message = Message(session, session.selected, position, details.get(position))
            async for piece in _line(message, asked, failures):
                yield piece
        await session.pause()


async def _line(
    message: Message, asked: Sequence[Item], failures: list[No | StoreError]
) -> AsyncIterator[bytes]:
    """One FETCH response; nothing when no item could be answered."""
    answers: list[tuple[bytes, Value]] = []
    for item in asked:
        try:
            answers.append((item.label, await item.answer(message)))
        except (No, StoreError) as failure:
            failures.append(failure)
    if not answers:
        return
    # Gathered up to a slice: most lines go out in one piece.
    text = b"* %b " % message.subject
    before = b"("
    for label, value in answers:
        if isinstance(value, Slices):
            yield b"%b%b%b %b" % (text, before, label, value.header)
            async for piece in value.pieces:
                yield piece
            text = b""
        else:
            text = b"%b%b%b %b" % (text, before, label, value)
        before = b" "
    yield text + b")\r\n"


async def _mark(session: Session, page: Sequence[int]) -> frozenset[int]:
    """Set \\Seen on those of the page that lack it; gives the positions that changed."""
    selected = session.selected
    generation = selected.view.generation
    seen = selected.view.flagsets.matching(_SEEN)
    unseen = [position for position in page if not seen[generation.flags[position]]]
    if not unseen:
        return frozenset()
    try:
        await session.store.change_flags(
            selected.view.mailbox, selected.uids(unseen), FlagChange.ADD, frozenset((_SEEN,))
        )
    except StoreError:
        # A full disk must not keep anyone from reading the mail that is on it; RFC 9051 §6.4.5 lets
        # the client see the true flags in any case.
        session.event("seen-not-set", count=len(unseen))
        return frozenset()
    seen = selected.view.flagsets.matching(_SEEN)
    marked = [position for position in unseen if seen[generation.flags[position]]]
    selected.told(marked)
    return frozenset(marked)


async def _details(session: Session, page: Sequence[int], header: bool) -> Mapping[int, Details]:
    """The rows of the index; without those that cannot be read, which fail on their own later."""
    view = session.selected.view
    try:
        rows = await session.store.details(view, page, header=header)
    except Corrupt:
        return {}
    return dict(zip(page, rows, strict=True))


def _told(session: Session, page: Sequence[int]) -> None:
    """The flags of these messages are about to be shown; say so where they are news."""
    selected = session.selected
    floor = selected.told_modseq
    if selected.view.highest_modseq > floor:
        modseqs = selected.view.generation.modseqs
        selected.told([position for position in page if modseqs[position] > floor])


COMMANDS: Final = (
    # RFC 9051 §7.5.1: "nor while responding to a FETCH, STORE, or SEARCH command"; UID FETCH may.
    Spec("FETCH", State.SELECTED, parse, fetch, holds_expunges=True, by_number=True),
    Spec("UID FETCH", State.SELECTED, parse, fetch),
)
