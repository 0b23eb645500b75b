"""CONDSTORE: mod-sequences, so that a client fetches only what changed, and stores only what nobody changed meanwhile.

RFC 7162 §3.1; RFC 4731 §3.2 (in ESEARCH). The store gives every change of a mailbox a modseq; here is what a client says and sees of them.
A session that has used one of the enabling commands is told UID and MODSEQ in every FETCH the server sends unasked.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap.errors import Bad
from postil.imap.extensions import partial
from postil.imap.extensions.partial import Page
from postil.imap.fetch import items
from postil.imap.fetch.items import Parser
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "CONDSTORE"


def enable(session: Session) -> None:
    """The client has shown that it knows mod-sequences."""
    # RFC 7162 §3.1: "A first CONDSTORE enabling command executed in the session with a mailbox selected MUST cause the server
    # to return HIGHESTMODSEQ (Section 3.1.2.1) for the mailbox (if any is selected)"
    if not session.condstore:
        session.condstore = True
        if session.view is not None:
            session.write(highest(session.view.settled))


def check(session: Session) -> None:
    """Bad where the account does without."""
    if not session.offers(NAME):
        raise Bad("there are no mod-sequences here")


def highest(modseq: int) -> bytes:
    """The untagged OK: a client that remembers this value misses nothing."""
    # Erratum 5055: a response code never stands alone.
    return b"* OK [HIGHESTMODSEQ %d] What has been told so far\r\n" % modseq


def modseq(tokens: Tokens) -> int:
    """RFC 7162 §7: mod-sequence-valzer, a 63-bit number."""
    return tokens.number64()


# --- FETCH


MODSEQ: Final = items.MODSEQ
FETCH_ITEMS: Final[Mapping[str, Parser]] = {"MODSEQ": lambda name, tokens: MODSEQ}


@dataclass(frozen=True, slots=True)
class Modifiers:
    """What stands in parentheses behind the items of FETCH."""

    changed_since: int | None = None
    vanished: bool = False  # RFC 7162 §3.2.6
    page: Page | None = None  # RFC 9394 §3.3


NO_MODIFIERS: Final = Modifiers()
# Behind the items; nothing else of FETCH begins with such a word in parentheses at its end.
_MODIFIERS = re.compile(rb" \((?=[A-Za-z])[-:A-Za-z0-9 ]+\)\Z")
_WORDS: Final = frozenset((b"CHANGEDSINCE", b"VANISHED", b"PARTIAL"))


def modifiers_at(text: bytes) -> int:
    """Where in the text of a FETCH its modifiers begin; its length when there are none."""
    found = _MODIFIERS.search(text) if text[-1:] == b")" else None
    if found is None or found.group()[2:-1].split(b" ")[0].upper() not in _WORDS:
        return len(text)
    return found.start()


def parse_modifiers(tokens: Tokens) -> Modifiers:
    """RFC 7162 §7, RFC 9394 §4: `SP "(" "CHANGEDSINCE" SP modseq / "VANISHED" / "PARTIAL" SP range … ")"`"""
    tokens.sp()
    since: int | None = None
    vanished = False
    page: Page | None = None

    def modifier() -> None:
        nonlocal since, vanished, page
        word = tokens.word("CHANGEDSINCE, VANISHED or PARTIAL")
        if word == "CHANGEDSINCE" and since is None:
            tokens.sp()
            since = modseq(tokens)
        elif word == "VANISHED" and not vanished:
            vanished = True
        elif word == "PARTIAL" and page is None:
            page = partial.parse(tokens)
        else:
            tokens.fail("CHANGEDSINCE, VANISHED or PARTIAL, each once")

    tokens.list_of(modifier)
    return Modifiers(since, vanished, page)


def changed(session: Session, positions: Sequence[int], since: int) -> Sequence[int]:
    """Those of the ascending positions that changed after `since`; RFC 7162 §3.1.4.1."""
    found = session.selected.view.changed_since(since)  # type: ignore[arg-type]
    if isinstance(positions, range) and positions.step == 1:
        return found[bisect_left(found, positions.start) : bisect_left(found, positions.stop)]
    wanted = set(positions)
    return [position for position in found if position in wanted]


# --- STORE


def parse_unchanged_since(tokens: Tokens) -> int | None:
    """`(UNCHANGEDSINCE modseq) ` before the item of STORE, if it is there."""
    if tokens.peek() != b"(":
        return None
    tokens.open_list()
    if tokens.word("UNCHANGEDSINCE") != "UNCHANGEDSINCE":
        tokens.fail("UNCHANGEDSINCE")
    tokens.sp()
    since = modseq(tokens)
    # RFC 7162 §7: "Only a single "UNCHANGEDSINCE" may be specified in a STORE operation."
    if not tokens.accept(b")"):
        tokens.fail("`)`")
    tokens.sp()
    return since


# --- SEARCH


def parse_search(tokens: Tokens) -> int:
    """Behind `MODSEQ `: `[entry SP type SP] modseq`."""
    if tokens.peek() == b'"':
        # RFC 7162 §3.1.5: "If the server doesn't store separate mod-sequences for different metadata items, it MUST ignore
        # <entry-name> and <entry-type-req>." One modseq stands for all flags of a message
        start = tokens.at
        name = tokens.string()
        if not name.lower().startswith(b"/flags/") or len(name) < len(b"/flags/x"):
            raise Bad(f"expected an entry like /flags/\\\\seen at octet {start + 1}")
        tokens.sp()
        if tokens.word("priv, shared or all") not in ("PRIV", "SHARED", "ALL"):
            tokens.fail("priv, shared or all")
        tokens.sp()
    return modseq(tokens)
