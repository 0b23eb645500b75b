"""AUTHENTICATE: an exchange of SASL in base64 lines, with or without an initial response.

RFC 9051 §6.2.2; RFC 4959 (SASL-IR). The mechanisms are `sasl.login`'s.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postil.imap.command import Done, Spec, State
from postil.imap.commands.login import require_privacy
from postil.imap.errors import Bad, No
from postil.imap.tokens import Tokens
from postil.ports.stream import StreamClosed
from postil.sasl import encoding, plain
from postil.sasl.login import Failed, begins, mechanisms

if TYPE_CHECKING:
    from postil.imap.session import Session


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE mechanism [initial-response]"""

    mechanism: str
    initial: bytes | None = field(repr=False)  # base64 as sent, b"=" for an empty one


def parse(tokens: Tokens) -> Authenticate:
    tokens.sp()
    mechanism = tokens.atom().decode("ascii").upper()
    initial = None
    if not tokens.done:
        tokens.sp()
        # RFC 9051 §6.2.2: "It also MUST be transmitted outside of a quoted string or literal."
        # RFC 4959 §3: "It also MUST be transmitted outside of a quoted string or literal."
        initial = tokens.text[tokens.at :]
        if not initial or b" " in initial:
            raise Bad("expected an initial response")
    return Authenticate(mechanism, initial)


def offered(session: Session) -> tuple[str, ...]:
    """The mechanisms of the capabilities AUTH=, on this connection."""
    # LOGIN has a command of its own here.
    every = mechanisms(session.stream, session.login_policy)
    return tuple(name for name in every if name != "LOGIN")


async def handle(session: Session, command: Authenticate) -> AsyncIterator[bytes | Done]:
    """The mechanism says what it needs; the directory is asked by it."""
    if command.mechanism not in offered(session):
        # RFC 9051 §6.2.2: "If the requested authentication mechanism is not supported, the server SHOULD reject the
        # AUTHENTICATE command by sending a tagged NO response."
        raise No("Unsupported mechanism")
    if command.initial is not None and not begins(command.mechanism):
        # RFC 9051 §6.2.2: "If the client uses an initial response with a SASL mechanism that does not support an initial response, the server
        # MUST reject the command with a tagged BAD response."
        # RFC 4959 §3: "If the client uses an initial response with a SASL mechanism that does not support an initial response, the
        # server MUST reject the command with a tagged BAD response."
        raise Bad("This mechanism begins with the server's challenge")
    require_privacy(session)
    initial = None if command.initial is None else _decode_initial(command.initial)
    try:
        account = await session.logins.exchange(
            command.mechanism, initial, lambda challenge: _ask(session, challenge)
        )
    except Failed as failed:
        # RFC 5530 §3 knows no code for a malformed message, and a retry with the same octets is pointless.
        raise await session.log_in_failed(failed) from None
    yield Done("Logged in", await session.log_in(account))


def _decode_initial(initial: bytes) -> bytes:
    # RFC 9051 §6.2.2: "To send a zero-length initial response, the client MUST send a single pad
    # character ('=')."
    # RFC 4959 §3: "To send a zero-length initial response, the client MUST send a single pad character ('=')."
    # RFC 4959 §3: "As with any other client response, this initial client response MUST be encoded as defined in
    # Section 4 of [RFC4648]."
    return b"" if initial == b"=" else _decode(initial)


async def _ask(session: Session, challenge: bytes) -> bytes:
    """Send a challenge, give the decoded response."""
    # RFC 9051 §6.2.2: "Note that in the above example there is a space following the '+' from the server."
    # RFC 4959 §3: "Servers that implement this extension MUST support clients that omit the initial client response"
    # RFC 4959 §4: "Note that even when a server supports this extension, the following negotiation (which does not
    # use the initial response) is still valid and MUST be supported by the server:"
    # RFC 4959 §6: "Server implementations MUST treat the omission of an initial client response from the AUTHENTICATE
    # command as defined by [RFC3501] (as if this extension did not exist)."
    session.write(b"+ " + base64.b64encode(challenge) + b"\r\n")
    await session.flush()
    line = await session.reader.line(session.limits.login_time)
    if line is None:
        raise StreamClosed
    if line == b"*":
        # RFC 9051 §6.2.2: "If the client wishes to cancel an authentication exchange, it issues a line
        # consisting of a single '*'."
        raise Bad("Authentication cancelled")
    return _decode(line)


def _decode(line: bytes) -> bytes:
    try:
        return encoding.decode(line)
    except plain.Malformed:
        # RFC 9051 §6.2.2: "If the server receives such a response, or if it receives an invalid base64 string
        # (e.g., characters outside the base64 alphabet or non-terminal '='), it MUST reject the AUTHENTICATE command
        # by sending a tagged BAD response."
        # RFC 4959 §3: "When decoding the BASE64 [RFC4648] data in the initial client response, decoding errors MUST be
        # treated as IMAP [RFC3501] would handle them in any normal SASL client response."
        raise Bad("Not base64") from None


COMMANDS = (Spec("AUTHENTICATE", State.NOT_AUTHENTICATED, parse, handle),)
