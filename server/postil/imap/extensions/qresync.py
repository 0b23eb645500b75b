"""QRESYNC: a client comes back and is told in one round trip what changed and what is gone.

RFC 7162 §3.2. Every expunge is remembered, from the first one of a mailbox on, so `VANISHED (EARLIER)` names exactly what left and never a guess. Once it is
enabled the session tells VANISHED with uids where it told EXPUNGE before (`view.SelectedView.expunges`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import limits, sequence
from postil.imap.errors import Bad
from postil.imap.extensions import condstore, uidonly
from postil.imap.fetch import items, picture
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens
from postil.ports.ids import ModSeq, Uid

if TYPE_CHECKING:
    from postil.imap.session import Session
    from postil.imap.view import SelectedView

NAME: Final = "QRESYNC"


@dataclass(frozen=True, slots=True)
class Resync:
    """QRESYNC (uidvalidity modseq [uids] [(numbers uids)])"""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None
    match: tuple[SequenceSet, SequenceSet] | None


def parse(tokens: Tokens) -> Resync:
    """Behind the word QRESYNC."""
    tokens.sp()
    tokens.open_list()
    uidvalidity = tokens.nz_number()
    tokens.sp()
    modseq = condstore.modseq(tokens)
    known: SequenceSet | None = None
    match: tuple[SequenceSet, SequenceSet] | None = None
    if tokens.accept(b" ") and tokens.peek() != b"(":
        known = _plain_set(tokens)
        if tokens.accept(b" ") and tokens.peek() != b"(":
            tokens.fail("`(`")
    if tokens.peek() == b"(":
        tokens.open_list()
        numbers = _plain_set(tokens)
        tokens.sp()
        uids = _plain_set(tokens)
        if not tokens.accept(b")"):
            tokens.fail("`)`")
        if _size(numbers) != _size(uids):
            raise Bad("as many message numbers as uids belong together")
        match = (numbers, uids)
    if not tokens.accept(b")"):
        tokens.fail("`)`")
    return Resync(uidvalidity, modseq, known, match)


def _plain_set(tokens: Tokens) -> SequenceSet:
    """RFC 7162 §7: a set in which `*` is not allowed."""
    start = tokens.at
    numbers = tokens.sequence_set()
    if numbers.saved or numbers.has_star:
        raise Bad(f"neither * nor $ may stand in the set at octet {start + 1}")
    return numbers


def _size(numbers: SequenceSet) -> int:
    return sum(abs(high - low) + 1 for low, high in numbers.ranges)


def check(session: Session, resync: Resync | None = None) -> None:
    """Bad unless the client has enabled it, and speaks as it has said it would."""
    # RFC 7162 §3.2.3: "A server MUST respond with a tagged BAD response if the QRESYNC parameter to the SELECT/EXAMINE command
    # or the VANISHED UID FETCH modifier is specified and the client hasn't issued "ENABLE QRESYNC""
    if not session.qresync:
        raise Bad("ENABLE QRESYNC first")
    if resync is not None and resync.match is not None:
        # RFC 9586 §3.7: "The server MUST return a tagged BAD response if such a parameter is observed once UIDONLY is enabled."
        uidonly.refuse_numbers(session)


async def earlier(
    session: Session, known: SequenceSet, since: int, floor: int = 0
) -> AsyncIterator[bytes]:
    """`VANISHED (EARLIER)`: uids of `known` above `floor` that were expunged after `since`."""
    view = session.selected
    saved = set(session.saved) if known.saved else None
    # `*` is here the highest uid there was: what left last would not be told otherwise.
    wanted = SequenceSet(tuple(known.resolve(max(view.view.uidnext - 1, 1))))
    # What the client still counts is told without EARLIER, when numbers may change.
    shown = view.shows
    begun = False
    async for gone in session.store.gone(view.mailbox.id, ModSeq(since)):
        if begun:
            await session.pause()
        begun = True
        uids: Sequence[int]
        if saved is not None:
            uids = [uid for uid in gone if uid in saved]
        else:
            ascending = array("I", gone)
            places = wanted.positions_of_uids(ascending, len(ascending))
            uids = [ascending[place] for place in places]
        ranges = sequence.ranges_of([uid for uid in uids if uid > floor and not shown(Uid(uid))])
        if ranges:
            yield b"* VANISHED (EARLIER) " + sequence.write_ranges(ranges) + b"\r\n"


async def resynchronize(session: Session, resync: Resync) -> AsyncIterator[bytes]:
    """What SELECT tells a client that has been here before, behind the usual responses."""
    view = session.selected
    if resync.uidvalidity != view.view.uidvalidity:
        # RFC 7162 §3.2.5: "If the provided UIDVALIDITY doesn't match the UIDVALIDITY for the mailbox being opened, then the
        # server MUST ignore the remaining parameters and behave as if no dynamic message data changed."
        return
    # RFC 7162 §3.2.5.1: "If the client did not provide the list of UIDs, the server acts as if the client has specified
    # "1:<maxuid>", where <maxuid> is the mailbox's UIDNEXT value minus 1."
    known = resync.known or SequenceSet(((1, max(1, view.view.uidnext - 1)),))
    floor = _matched(view, resync.match) if resync.match is not None else 0
    # RFC 7162 §3.2.6: "Any VANISHED (EARLIER) responses MUST be returned before any FETCH responses"
    async for piece in earlier(session, known, resync.modseq, floor):
        yield piece
    uids = view.view.generation.uids
    positions = known.positions_of_uids(uids, view.count, view.view.uidnext)
    changed = condstore.changed(session, positions, resync.modseq)
    # RFC 7162 §3.2.5.1: "FETCH responses that MUST contain UIDs"
    wanted = (items.UID, items.FLAGS, condstore.MODSEQ)
    lines = picture.Lines(view, wanted, recent=session.recent)
    for start in range(0, len(changed), limits.FETCH_LINES):
        if start:
            await session.pause()
        yield lines.write(changed[start : start + limits.FETCH_LINES])


def _matched(view: SelectedView, match: tuple[SequenceSet, SequenceSet]) -> int:
    """The highest uid up to which the client's numbers are right: it knows what went before; 0 for none.

    RFC 7162 §3.2.5.2: "If a pair matches, then the client knows of any expunges up to, and including, the message". Uids minus numbers
    never fall, so in each stretch where both sets run in step the last match is found by bisection.
    """
    uids, count = view.view.generation.uids, view.count
    best = 0
    for number, uid, length in _steps(*match):
        last = min(number + length - 1, count)
        if last < number:
            continue
        offset = uid - number
        stretch = range(number, last + 1)
        at = bisect_right(stretch, offset, key=lambda seq: uids[seq - 1] - seq)
        if at and uids[stretch[at - 1] - 1] - stretch[at - 1] == offset:
            best = max(best, uids[stretch[at - 1] - 1])
    return best


def _steps(numbers: SequenceSet, uids: SequenceSet) -> Iterable[tuple[int, int, int]]:
    """The two sets side by side: number, uid and how long both go up by one."""
    lefts = [(min(pair), abs(pair[1] - pair[0]) + 1) for pair in numbers.ranges]
    rights = [(min(pair), abs(pair[1] - pair[0]) + 1) for pair in uids.ranges]
    left = right = 0  # how much of the current ranges is used up
    lefts.reverse()
    rights.reverse()
    while lefts and rights:
        number, numbers_left = lefts[-1][0] + left, lefts[-1][1] - left
        uid, uids_left = rights[-1][0] + right, rights[-1][1] - right
        length = min(numbers_left, uids_left)
        yield number, uid, length
        left, right = left + length, right + length
        if length == numbers_left:
            lefts.pop()
            left = 0
        if length == uids_left:
            rights.pop()
            right = 0
