"""The peer's faults, as exceptions that are replies; turned into octets in one place (`session`).

Any other exception is our fault and becomes `NO [SERVERBUG]`.
"""

from __future__ import annotations


class Reply(Exception):
    """Ends a command with a tagged response."""

    condition = b"NO"

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code  # response code with arguments, without brackets: `TRYCREATE`, `BADCHARSET (UTF-8)`


class No(Reply):
    """The command was understood and refused (RFC 9051 §7.1.2)."""


class Bad(Reply):
    """The command is not one, or not one now (RFC 9051 §7.1.3)."""

    condition = b"BAD"


class Bye(Exception):
    """The session cannot go on: `* BYE`, then close (RFC 9051 §7.1.5)."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
