"""Ways to name mailboxes that are not selected: by relation, by subtree, by name.

RFC 5465 §6, §8 (filter-mailboxes), which NOTIFY and ESEARCH share; RFC 7377 §2.2 adds SUBTREE-ONE. What stands in a command is a `Filter`;
`resolve` reads its names as the client spells them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap import listing, names
from postil.imap.errors import Bad, No
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session

_BARE: Final = ("INBOXES", "PERSONAL", "SUBSCRIBED")
_NAMED: Final = ("SUBTREE", "SUBTREE-ONE", "MAILBOXES")


@dataclass(frozen=True, slots=True)
class Filter:
    """As sent; `kind` may also be one of those for the selected mailbox that the command allows."""

    kind: str  # upper case
    mailboxes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """Which names are meant, existing or not."""

    kind: str
    names: tuple[str, ...] = ()

    def covers(self, name: str, subscribed: frozenset[str]) -> bool:
        """Is the name one of them?"""
        match self.kind:
            case "SUBSCRIBED":
                return name in subscribed
            case "SUBTREE":
                # RFC 5465 §6.5: "all selectable mailboxes that are subordinate to the specified mailbox plus the specified
                # mailbox itself."
                return any(name == top or name.startswith(top + "/") for top in self.names)
            case "SUBTREE-ONE":
                # RFC 7377 §2.2: "The "subtree-one" specifier results in a search of the specified mailbox and all selectable
                # child mailboxes, one hierarchy level down."
                return name in self.names or next(listing.ancestors(name), None) in self.names
            case "MAILBOXES":
                return name in self.names
            case _:
                # RFC 5465 §6.3: "If the IMAP server cannot easily compute this set, it MUST treat "inboxes" as equivalent to
                # "personal"." Delivery may go to any mailbox
                return True


def parse(tokens: Tokens, also: Collection[str], *, without: Collection[str] = ()) -> Filter:
    """`also`: words for the selected mailbox; `without`: ways that the command does not know."""
    kind = tokens.atom().decode("ascii").upper()
    if kind in also or kind in _BARE:
        return Filter(kind)
    if kind not in _NAMED or kind in without:
        raise Bad(f"there is no way {kind[:40]} to name mailboxes here")
    tokens.sp()
    many = tokens.peek() == b"("
    return Filter(kind, tuple(tokens.list_of(tokens.astring) if many else [tokens.astring()]))


def resolve(session: Session, filter: Filter) -> Mailboxes:
    """The names as the store has them."""
    known = []
    for raw in filter.mailboxes:
        try:
            known.append(names.read(raw, session.utf8))
        except No:
            # RFC 5465 §3.1: "If the name does not refer to an existing mailbox, the server MUST ignore it."
            continue
    return Mailboxes(filter.kind, tuple(known))
