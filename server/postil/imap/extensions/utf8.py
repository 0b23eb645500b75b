"""UTF8=ACCEPT: names and quoted strings in UTF-8, and messages with UTF-8 in their headers, for clients that say so.

RFC 9755. What ENABLE changes on the wire is the same as for IMAP4rev2 (`session.utf8`); here is what it changes for messages that a client
brings. ENABLE IMAP4rev2 alone does not lift the refusal of 8-bit headers: the RFC asks for this very capability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postil.imap.errors import No

if TYPE_CHECKING:
    from postil.imap.session import Session

NAME: Final = "UTF8=ACCEPT"


class HeaderWatch:
    """Looks at the pieces of a message up to the empty line that ends its header."""

    def __init__(self) -> None:
        self._line = b""  # how the current line begins
        self.done = False
        self.has_8bit = False

    def see(self, piece: bytes) -> None:
        """The next octets."""
        start = 0
        while not self.done:
            end = piece.find(b"\n", start)
            part = piece[start:] if end < 0 else piece[start:end]
            self._line = (self._line + part[:2])[:2]
            self.has_8bit = self.has_8bit or not part.isascii()
            if end < 0:
                return
            self.done = self._line in (b"", b"\r")
            self._line = b""
            start = end + 1


def check(session: Session, header: HeaderWatch) -> None:
    """NO for a message that this client may not bring."""
    # RFC 9755 §4: "If an IMAP server supports "UTF8=ACCEPT" and the IMAP client has not issued the "ENABLE UTF8=ACCEPT"
    # command, the server MUST reject, with a "NO" response, an "APPEND" command that includes any 8-bit character in message
    # header fields."
    if header.has_8bit and session.offers(NAME) and NAME not in session.enabled:
        raise No("ENABLE UTF8=ACCEPT before messages with 8-bit headers", "CANNOT")
