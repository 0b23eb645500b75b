"""UIDBATCHES: ranges of uids that hold so many messages each, the newest first.

RFC 10022. The uids stand in memory, so all ranges of a million messages are a few slices; no limit on how often is kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, No
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "UIDBATCHES"
# RFC 10022 §3.1.3.2: "The server MUST support batch sizes of 500 messages or larger."
SMALLEST: Final = 500
# RFC 10022 §3.1.5: no client asks for more in one range
WIDEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Batches:
    """UIDBATCHES size [first:last]"""

    size: int
    batches: tuple[int, int] | None


def parse(tokens: Tokens) -> Batches:
    """`SP size [SP first ":" last]`"""
    tokens.sp()
    size = tokens.nz_number()
    batches = None
    if not tokens.done:
        tokens.sp()
        first = tokens.nz_number()
        tokens.expect(b":")
        batches = (first, tokens.nz_number())
        tokens.end()
        # RFC 10022 §3.1.5: "Servers MUST reject batch ranges that are in the wrong order with BAD and a response code
        # CLIENTBUG"
        if first > batches[1]:
            raise Bad("Invalid batch range", "CLIENTBUG")
    return Batches(size, batches)


async def handle(session: Session, command: Batches) -> AsyncIterator[bytes | Done]:
    """One line, however many ranges."""
    if command.size < SMALLEST:
        # RFC 10022 §3.1.3.2: "The server MUST respond with NO and a response code TOOFEW if the client uses a batch size
        # smaller than the minimum allowed by the server"
        raise No(f"Minimum batch size is {SMALLEST}", "TOOFEW")
    if command.batches is not None:
        first, last = command.batches
        # RFC 10022 §3.1.5: "The server MAY reject UIDBATCHES commands with a NO response with the TOOMANY response code if the
        # client exceeds this limit."
        if (last - first + 1) * command.size > WIDEST:
            raise No("Too many messages", "TOOMANY")
    view = session.selected
    alive = view.alive(range(view.count))
    ranges = [f"{high}:{low}" for high, low in ranges_of(view.uids(alive), command)]
    # RFC 10022 §3.1.2: "The server MUST reply with a UIDBATCHES response, even if no ranges are returned"
    line = b'* UIDBATCHES (TAG "%b")' % session.tag
    yield line + (b" " + ",".join(ranges).encode("ascii") if ranges else b"") + b"\r\n"


def ranges_of(uids: Sequence[int], command: Batches) -> list[tuple[int, int]]:
    """The batches asked for, highest first: highest and lowest uid of each."""
    count, size = len(uids), command.size
    total = -(-count // size)
    first, last = command.batches or (1, total)
    found = []
    for batch in range(first, min(last, total) + 1):
        high = count - (batch - 1) * size
        # RFC 10022 §3.1.4: "ending that batch with UID 1 makes it unambiguous to the client that this range is in fact the last
        # range"
        found.append((uids[high - 1], 1 if batch == total else uids[high - size]))
    return found


COMMANDS = (Spec("UIDBATCHES", State.SELECTED, parse, handle, capability=NAME),)
