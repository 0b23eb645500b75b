"""SEARCH and UID SEARCH: which messages match.

RFC 9051 §6.4.4, §7.3.4; RFC 3501 §6.4.4, §7.2.5; RFC 4731, RFC 5182. The criteria are in `imap/search/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import limits
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.extensions import condstore, esearch, inprogress, partial, searchres, uidonly, utf8
from postil.imap.extensions.esearch import Results, Return, Wanted
from postil.imap.search import keys
from postil.imap.search.evaluate import evaluate
from postil.imap.search.keys import Key
from postil.imap.search.parse import CHARSETS, parse_keys
from postil.imap.tokens import Tokens
from postil.ports.store import StoreError

if TYPE_CHECKING:
    from postil.imap.session import Session
    from postil.imap.view import SelectedView


@dataclass(frozen=True, slots=True)
class Search:
    """The command; `wanted` is None without RETURN."""

    wanted: Return | None
    charset: str
    key: Key
    labelled: bool = False  # CHARSET was given


def parse(tokens: Tokens) -> Search:
    """`[SP RETURN (…)] SP [CHARSET SP charset SP] key *(SP key)`"""
    tokens.sp()
    return parse_program(tokens)


def parse_program(tokens: Tokens) -> Search:
    """What stands behind the name of the command, and behind the source options of ESEARCH."""
    wanted = None
    if tokens.accept_word("RETURN"):
        wanted = esearch.parse_return(tokens)
        tokens.sp()
    # RFC 9051 §6.4.4: "Note that if CHARSET is not provided, IMAP4rev2 servers MUST assume UTF-8"
    charset = "UTF-8"
    labelled = tokens.accept_word("CHARSET")
    if labelled:
        tokens.sp()
        charset = tokens.charset()
        tokens.sp()
    return Search(wanted, charset, parse_keys(tokens, charset), labelled)


def check(session: Session, command: Search) -> bool:
    """Bad for what this account or this client may not ask; True when mod-sequences belong to the answer."""
    if command.wanted is not None and command.wanted.page is not None:
        partial.check(session)
    # RFC 7162 §3.2.10.2: "the VANISHED response MUST NOT be sent during a UID SEARCH command that contains message numbers in
    # the search criteria."
    session.holds_expunges = keys.asks_numbers(command.key)
    if session.holds_expunges:
        # RFC 9586 §3.5: "The "<sequence set>" UID SEARCH criterion is prohibited (and results in a tagged BAD response) once
        # UIDONLY is enabled."
        uidonly.refuse_numbers(session)
    for name in keys.needs(command.key):
        if not session.offers(name):
            raise Bad(f"there are no search keys of {name}")
    if command.labelled and utf8.NAME in session.enabled:
        # RFC 9755 §3: "If an IMAP server receives such a "SEARCH" command in that situation, it SHOULD reject the command with
        # a "BAD" response"
        raise Bad("after ENABLE UTF8=ACCEPT there is no CHARSET")
    if keys.asks_modseq(command.key):
        condstore.check(session)
        condstore.enable(session)
        return True
    return False


def check_charset(command: Search) -> None:
    """No for a charset we do not know."""
    if command.charset not in CHARSETS:
        # RFC 9051 §6.4.4: "If the server does not support the specified [CHARSET], it MUST return
        # a tagged NO response (not a BAD)."
        raise No("search strings are taken in UTF-8", "BADCHARSET (US-ASCII UTF-8)")


async def search(session: Session, command: Search) -> AsyncIterator[bytes | Done]:
    """Find, save, answer."""
    saves = command.wanted is not None and Wanted.SAVE in command.wanted.wanted
    asks_modseq = check(session, command)
    try:
        check_charset(command)
        with inprogress.reported(session) as progress:
            positions = await evaluate(session, session.selected, command.key, progress)
    except (No, StoreError):
        if saves:
            # RFC 9051 §6.4.4.1: "A SEARCH command with the SAVE result option that caused the server to
            # return the NO tagged response sets the value of the search result variable to the empty
            # sequence."
            session.saved = []
        raise
    uid = session.is_uid_command
    if command.wanted is not None and saves:
        session.saved = session.selected.uids(searchres.to_save(command.wanted, positions))
    numbers = numbers_of(session.selected, positions, uid=uid)
    wanted = command.wanted
    if wanted is None and session.rev2:
        # RFC 9051 §7.3.4: the ESEARCH response "replaces" SEARCH once the client speaks IMAP4rev2.
        wanted = esearch.ALL
    modseq = highest_modseq(session.selected, positions, wanted) if asks_modseq else None
    if wanted is not None:
        for text in esearch.response(session.tag, wanted, Results(numbers, uid, modseq)):
            yield text
            await session.pause()
        return
    yield b"* SEARCH"
    for start in range(0, len(numbers), limits.NUMBERS_PER_PIECE):
        piece = numbers[start : start + limits.NUMBERS_PER_PIECE]
        yield (" " + " ".join(map(str, piece))).encode("ascii")
        await session.pause()
    if modseq is not None:
        # RFC 7162 §3.1.6: "the server MUST also append (to the end of the untagged SEARCH response) the highest mod-sequence
        # for all messages being returned."
        yield b" (MODSEQ %d)" % modseq
    yield b"\r\n"


def highest_modseq(
    selected: SelectedView, positions: Sequence[int], wanted: Return | None
) -> int | None:
    """The highest mod-sequence of what is returned; None when nothing is."""
    modseqs = selected.view.generation.modseqs
    places = esearch.returned(wanted or esearch.ALL, len(positions))
    return max((modseqs[positions[place]] for place in places), default=None)


def numbers_of(selected: SelectedView, positions: Sequence[int], *, uid: bool) -> Sequence[int]:
    """What the client calls the messages."""
    if uid:
        uids = selected.view.generation.uids
        if isinstance(positions, range):
            return uids[positions.start : positions.stop]
        return [uids[position] for position in positions]
    if isinstance(positions, range):
        return range(positions.start + 1, positions.stop + 1)
    return [position + 1 for position in positions]


COMMANDS: Final = (
    # RFC 9051 §7.5.1: "nor while responding to a FETCH, STORE, or SEARCH command"; UID SEARCH may.
    Spec("SEARCH", State.SELECTED, parse, search, holds_expunges=True, by_number=True),
    Spec("UID SEARCH", State.SELECTED, parse, search),
)
