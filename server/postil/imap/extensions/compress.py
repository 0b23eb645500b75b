"""COMPRESS=DEFLATE: everything after the tagged OK is raw DEFLATE, in both directions.

RFC 4978. The stream does it (`ports.stream.Stream.compress`), above TLS and whatever bits have arrived at once. What was received behind
the CRLF of COMPRESS is of the compressed stream.
"""

# RFC 3749, not planned: compression inside TLS; RFC 9325 §3.3 asks to disable it (CRIME), and TLS 1.3 has none

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad
from postil.imap.tokens import Tokens

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Compress:
    """COMPRESS DEFLATE"""


def parse(tokens: Tokens) -> Compress:
    # RFC 4978 §5: compress = "COMPRESS" SP algorithm
    tokens.sp()
    algorithm = tokens.atom()
    tokens.end()
    # RFC 4978 §5: "Implementations MUST accept these strings in a case-insensitive fashion."
    if algorithm.upper() != b"DEFLATE":
        # RFC 4978 §3: "BAD Command unknown, invalid or unknown argument, or COMPRESS already active."
        raise Bad("DEFLATE is the one algorithm there is")
    return Compress()


async def handle(session: Session, command: Compress) -> AsyncIterator[bytes | Done]:
    """The tagged OK is the last line in plain."""
    if session.stream.compressed:
        # RFC 4978 §3: "BAD Command unknown, invalid or unknown argument, or COMPRESS already active."
        raise Bad("DEFLATE is active already")

    async def begin() -> None:
        # RFC 4978 §3: "If the server issues an OK response, the server MUST compress starting immediately after the
        # CRLF which ends the tagged OK response."
        session.stream.compress(session.reader.take())
        session.event("compressed")

    session.after_reply = begin
    yield Done("DEFLATE active")


COMMANDS = (Spec("COMPRESS", State.LOGGED_IN, parse, handle, capability="COMPRESS=DEFLATE"),)
