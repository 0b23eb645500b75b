"""How talking to an IMAP server fails, each with a sentence that says what was wrong."""

from __future__ import annotations

from postil.imap.client.responses import Condition, Status


class ImapError(Exception):
    """Anything below."""


class Refused(ImapError):
    """The server said NO or BAD; the connection goes on."""

    def __init__(self, command: str, status: Status) -> None:
        code = f"[{status.code_name}] " if status.code is not None else ""
        super().__init__(f"{command}: {status.condition.value} {code}{status.text}")
        self.command = command
        self.status = status


class RefusedNo(Refused):
    """Understood, and refused."""


class RefusedBad(Refused):
    """Not understood, or not now."""


class ConnectionEnded(ImapError):
    """The connection is no more: the server said BYE, left, or cannot be reached; or we closed it."""


class TimedOut(ConnectionEnded):
    """Nothing came for too long; the connection was ended."""


class Violation(ConnectionEnded):
    """The server sent what the protocol does not allow; the connection was ended."""


class NoWay(ImapError):
    """What was asked for cannot be done with this server; nothing was sent."""


def refused(command: str, status: Status) -> Refused:
    """NO or BAD as an exception."""
    kind = RefusedNo if status.condition is Condition.NO else RefusedBad
    return kind(command, status)
