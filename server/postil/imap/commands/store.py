"""STORE and UID STORE: change flags.

RFC 9051 §6.4.6, §7.1 (PERMANENTFLAGS); RFC 2180 §4.2 (messages somebody else has expunged). CONDSTORE (RFC 7162) will add its
modifiers here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postil.imap import limits
from postil.imap.command import Done, Spec, State
from postil.imap.errors import No
from postil.imap.pipeline import Begun
from postil.imap.sequence import SequenceSet
from postil.imap.tokens import Tokens
from postil.imap.view import SYSTEM_FLAGS, SelectedView
from postil.ports.store import FlagChange, LimitReached

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


def parse(uid: bool) -> Callable[[Tokens], StoreFlags]:
    def parse_one(tokens: Tokens) -> StoreFlags:
        tokens.sp()
        numbers = tokens.sequence_set()
        tokens.sp()
        item = tokens.word("FLAGS, +FLAGS or -FLAGS")
        name, dot, suffix = item.partition(".")
        if name not in ("FLAGS", "+FLAGS", "-FLAGS") or (dot and suffix != "SILENT"):
            tokens.fail("FLAGS, +FLAGS or -FLAGS, perhaps with .SILENT")
        tokens.sp()
        flags = _flags(tokens)
        tokens.end()
        return StoreFlags(numbers, uid, FlagChange(name), bool(dot), flags)

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
    if view.read_only:
        raise No("The mailbox is open read-only", "READ-ONLY")
    positions = view.positions_of(command.numbers, command.uid, session.saved)
    alive = view.alive(positions)
    # What somebody else changed before us and the client has not seen, it must see even after .SILENT.
    stale = view.untold() if command.silent else frozenset()
    wanted = _expected(view, alive, command) if command.silent else {}
    try:
        yield Begun(
            session.store.change_flags(
                view.mailbox.id, view.uids(alive), command.change, command.flags
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
    if command.silent:
        view.told(_as_expected(view, wanted, stale))
    else:
        for start in range(0, len(alive), limits.FETCH_LINES):
            yield show(session, view, alive[start : start + limits.FETCH_LINES], command.uid)
            if start:
                await session.pause()
    if not command.uid and not command.silent and len(alive) < len(positions):
        # RFC 2180 §4.2.2: "the server SHOULD return only a tagged NO" since the client cannot know that some are gone
        raise No("Some of the messages no longer exist", "EXPUNGEISSUED")


def show(session: Session, view: SelectedView, positions: Sequence[int], uid: bool) -> bytes:
    """FETCH FLAGS for messages; the view remembers that they were told."""
    uids = view.view.generation.uids
    lines = []
    for position in positions:
        flags = view.flags_text(position, recent=session.recent)
        # RFC 9051 §6.4.9: "server implementations MUST implicitly include the UID message data item as part of any
        # FETCH response caused by a UID command"
        number = f"UID {uids[position]} " if uid else ""
        lines.append(f"* {position + 1} FETCH ({number}FLAGS ({flags}))\r\n")
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
    Spec("STORE", State.SELECTED, parse(uid=False), handle, holds_expunges=True),
    Spec("UID STORE", State.SELECTED, parse(uid=True), handle),
)
