"""STORE and UID STORE: change flags.

RFC 9051 §6.4.6, §7.1 (PERMANENTFLAGS); RFC 7162 §3.1.3 (UNCHANGEDSINCE); RFC 2180 §4.2 (messages somebody else has expunged).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postil.imap import limits, sequence
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.extensions import condstore
from postil.imap.pipeline import Begun
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens
from postil.imap.view import SYSTEM_FLAGS, SelectedView
from postil.ports.ids import ModSeq
from postil.ports.store import FlagChange, Flagged, LimitReached

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class StoreFlags:
    """STORE numbers item flags"""

    numbers: SequenceSet
    uid: bool
    change: FlagChange
    silent: bool
    flags: frozenset[str]
    unchanged_since: int | None = None


def parse(uid: bool) -> Callable[[Tokens], StoreFlags]:
    def parse_one(tokens: Tokens) -> StoreFlags:
        tokens.sp()
        numbers = tokens.sequence_set()
        tokens.sp()
        since = condstore.parse_unchanged_since(tokens)
        item = tokens.word("FLAGS, +FLAGS or -FLAGS")
        name, dot, suffix = item.partition(".")
        if name not in ("FLAGS", "+FLAGS", "-FLAGS") or (dot and suffix != "SILENT"):
            tokens.fail("FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT")
        tokens.sp()
        flags = _flags(tokens)
        tokens.end()
        return StoreFlags(numbers, uid, FlagChange(name), bool(dot), flags, since)

    return parse_one


def _flags(tokens: Tokens) -> frozenset[str]:
    # RFC 9051 §9: store-att-flags = … (flag-list / (flag *(SP flag)))
    if tokens.peek() == b"(":
        return tokens.flag_list()
    flags = [tokens.flag()]
    while not tokens.done:
        tokens.sp()
        flags.append(tokens.flag())
    return frozenset(flags)


async def handle(
    session: Session, command: StoreFlags
) -> AsyncGenerator[bytes | Done | Begun, Any]:
    """Change, then show the result unless the client knows it."""
    view = session.selected
    since = command.unchanged_since
    if since is not None:
        condstore.check(session)
        condstore.enable(session)
    if view.read_only:
        raise No("The mailbox is open read-only", "READ-ONLY")
    positions = view.positions_of(command.numbers, command.uid, session.saved)
    alive = view.alive(positions)
    # What somebody else changed before us and the client has not seen, it must see even after .SILENT.
    stale = view.untold() if command.silent else frozenset()
    wanted = _expected(view, alive, command) if command.silent else {}
    try:
        # RFC 7162 §3.1.3: "However, if the mod-sequence of any metadata item of the message is greater than the specified
        # UNCHANGEDSINCE value, then the requested operation MUST NOT be performed."
        done: Flagged = yield Begun(
            session.store.change_flags(
                view.mailbox.id,
                view.uids(alive),
                command.change,
                command.flags,
                None if since is None else ModSeq(since),
            )
        )
    except LimitReached:
        # RFC 9051 §7.1: "if the server has a limit on the number of different keywords that can be stored in a
        # mailbox and that limit is reached, the server MUST send a new PERMANENTFLAGS response code without the
        # special flag \*."
        flags = " ".join([*SYSTEM_FLAGS, *sorted(view.keywords())])
        yield f"* OK [PERMANENTFLAGS ({flags})] No more keywords\r\n".encode("ascii")
        raise
    yield view.keyword_news()
    refused = view.positions_of_uids(done.conflicts)
    shown: Sequence[int] = alive
    if command.silent:
        expected = list(_as_expected(view, wanted, stale.union(refused)))
        view.told(expected)
        if session.condstore:
            yield _modseqs(view, expected if since is not None else _among(view, expected, done))
        shown = refused
    for start in range(0, len(shown), limits.FETCH_LINES):
        yield show(session, view, shown[start : start + limits.FETCH_LINES], command.uid)
        if start:
            await session.pause()
    code = _modified(view, refused, command.uid)
    if not command.uid and not command.silent and len(alive) < len(positions):
        # RFC 2180 §4.2.2: "the server SHOULD return only a tagged NO" since the client cannot know that some are gone
        raise No("Some of the messages no longer exist", code or "EXPUNGEISSUED")
    if code is not None:
        yield Done("STORE completed for the others", code)


def _modified(view: SelectedView, refused: Sequence[int], uid: bool) -> str | None:
    """The code that names the messages somebody else had changed."""
    if not refused:
        return None
    # RFC 7162 §3.1.3: "The MODIFIED response code includes the message set (for STORE) or set of UIDs (for UID STORE) of all
    # messages that failed the UNCHANGEDSINCE test."
    numbers = view.uids(refused) if uid else [position + 1 for position in refused]
    return "MODIFIED " + sequence.write(numbers).decode("ascii")


def _among(view: SelectedView, positions: Iterable[int], done: Flagged) -> Sequence[int]:
    """Those of the positions that got a new modseq."""
    uids, changed = view.view.generation.uids, frozenset(done.changed)
    return [position for position in positions if uids[position] in changed]


def _modseqs(view: SelectedView, positions: Iterable[int]) -> bytes:
    """FETCH with UID and MODSEQ for messages whose flags the client knows."""
    # RFC 7162 §3.1.3: "An untagged FETCH response MUST be sent, even if the .SILENT suffix is specified, and the response MUST
    # include the MODSEQ message data item."
    uids, modseqs = view.view.generation.uids, view.view.generation.modseqs
    return "".join(
        f"* {view.subject(position)} (UID {uids[position]} MODSEQ ({modseqs[position]}))\r\n"
        for position in positions
    ).encode("ascii")


def show(session: Session, view: SelectedView, positions: Sequence[int], uid: bool) -> bytes:
    """FETCH FLAGS for messages; the view remembers that they were told."""
    uids, modseqs = view.view.generation.uids, view.view.generation.modseqs
    lines = []
    uid = (uid or session.condstore) and not view.by_uid
    for position in positions:
        flags = view.flags_text(position, recent=session.recent)
        # RFC 9051 §6.4.9: "server implementations MUST implicitly include the UID message data item as part of any
        # FETCH response caused by a UID command"
        number = f"UID {uids[position]} " if uid else ""
        # RFC 7162 §3.2.4: "the server MUST automatically include both UID and mod-sequence data in all subsequent untagged
        # FETCH responses (until the connection is closed), whether they were caused by a regular STORE/UID STORE, a STORE/UID
        # STORE with an UNCHANGEDSINCE modifier"
        change = f" MODSEQ ({modseqs[position]})" if session.condstore else ""
        lines.append(f"* {view.subject(position)} ({number}FLAGS ({flags}){change})\r\n")
    view.told(positions)
    return "".join(lines).encode("ascii")


def _expected(
    view: SelectedView, positions: Iterable[int], command: StoreFlags
) -> dict[int, frozenset[str]]:
    """What the client will believe the flags to be, folded, by position."""
    sets, numbers = view.view.flagsets, view.view.generation.flags
    given = frozenset(flag.lower() for flag in command.flags)
    known: dict[int, frozenset[str]] = {}
    believed = {}
    for position in positions:
        number = numbers[position]
        if number not in known:
            before = frozenset(flag.lower() for flag in sets.names(number))
            known[number] = _changed(before, given, command.change)
        believed[position] = known[number]
    return believed


def _changed(before: frozenset[str], given: frozenset[str], change: FlagChange) -> frozenset[str]:
    match change:
        case FlagChange.REPLACE:
            return given
        case FlagChange.ADD:
            return before | given
        case FlagChange.REMOVE:
            return before - given


def _as_expected(
    view: SelectedView, believed: dict[int, frozenset[str]], stale: frozenset[int]
) -> Iterable[int]:
    """Positions whose flags are what the client believes; the others are told like any outside change."""
    # RFC 9051 §6.4.6: "the server SHOULD send an untagged FETCH response if a change to a message's flags from an
    # external source is observed"
    sets, numbers = view.view.flagsets, view.view.generation.flags
    folded: dict[int, frozenset[str]] = {}
    for position, flags in believed.items():
        number = numbers[position]
        if number not in folded:
            folded[number] = frozenset(flag.lower() for flag in sets.names(number))
        if folded[number] == flags and position not in stale:
            yield position


COMMANDS = (
    Spec("STORE", State.SELECTED, parse(uid=False), handle, holds_expunges=True, by_number=True),
    Spec("UID STORE", State.SELECTED, parse(uid=True), handle),
)
