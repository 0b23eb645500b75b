"""Where a session stands, and which command may come there: one table.

RFC 5321 §4.1.4 (order of commands), RFC 3207 §4 and §4.2, RFC 4954 §4.
"""

from __future__ import annotations

import enum


class State(enum.Enum):
    """The states between two commands."""

    CONNECTED = "connected"  # nobody has said EHLO or HELO (or it was forgotten with STARTTLS)
    READY = "ready"  # introduced, no transaction
    SENDER = "sender"  # MAIL was accepted, no recipient yet
    RECIPIENTS = "recipients"  # at least one recipient was accepted


C, R, S, T = State.CONNECTED, State.READY, State.SENDER, State.RECIPIENTS
ANY = frozenset(State)

# RFC 5321 §4.1.4: "The NOOP, HELP, EXPN, VRFY, and RSET commands can be used at any time during a session, or without
# previously initializing a session."
ALLOWED: dict[str, frozenset[State]] = {
    "EHLO": ANY,
    "HELO": ANY,
    "STARTTLS": ANY,
    "AUTH": frozenset({R}),  # RFC 4954 §4: not "during a mail transaction"
    "MAIL": frozenset({R}),
    "RCPT": frozenset({S, T}),
    "DATA": frozenset({S, T}),  # in SENDER it says that there is no valid recipient
    "RSET": ANY,
    "NOOP": ANY,
    "QUIT": ANY,
    "VRFY": ANY,
    "EXPN": ANY,
    "HELP": ANY,
}


def out_of_order(verb: str, state: State) -> str:
    """Why the command is refused here, in words."""
    if state is State.CONNECTED:
        return "say EHLO or HELO first"
    if verb in ("MAIL", "AUTH"):
        return f"{verb} inside a transaction: send RSET or finish it first"
    return "send MAIL first"
