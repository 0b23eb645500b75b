"""PARTIAL: a page of the results of SEARCH, or of the messages of UID FETCH, counted from either end.

RFC 9394. The page is cut from the list of matches; pages of a mailbox that changes meanwhile may overlap, as the RFC says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from postil.imap.errors import Bad
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "PARTIAL"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A range as written: places from 1 on, counted from the newest when `backward`."""

    first: int
    last: int
    backward: bool

    def of(self, found: Sequence[T]) -> Sequence[T]:
        """Those of the ascending results that stand in the range; RFC 9394 §3.1."""
        # RFC 9394 §4: "A range 500:400 is the same as 400:500. ;; This is similar to" seq-range, without its `*`
        low, high = sorted((self.first, self.last))
        if self.backward:
            # RFC 9394 §3.1: "For example, -1 is the last message, -2 is next to the last, and so on."
            low, high = len(found) - high + 1, len(found) - low + 1
        # RFC 9394 §3.1: "In cases where a PARTIAL SEARCH return option references results that do not exist by using a
        # range that starts or ends higher (or lower) than the current number of results, the server returns the results
        # that are in the set."
        return found[max(low, 1) - 1 : max(high, 0)]

    def __bytes__(self) -> bytes:
        sign = b"-" if self.backward else b""
        return b"%b%d:%b%d" % (sign, self.first, sign, self.last)


def parse(tokens: Tokens) -> Page:
    """Behind the word PARTIAL: `SP range`, both ends with a minus or neither."""
    tokens.sp()
    backward = tokens.accept(b"-")
    first = tokens.nz_number()
    if not tokens.accept(b":"):
        tokens.fail("`:`")
    if tokens.accept(b"-") != backward:
        tokens.fail("both ends counted from the same side")
    return Page(first, tokens.nz_number(), backward)


def check(session: Session) -> None:
    """Bad where the account does without."""
    if not session.offers(NAME):
        raise Bad("there are no partial results here")
