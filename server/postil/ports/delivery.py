"""A received message on its way into mailboxes: what SMTP hands over and what it hears back.

SMTP asks per recipient while the client waits (`recipient`), then gives the message once (`begin`, `write`, `finish`).
A refusal is a value, not an exception: the reply code, the enhanced code of RFC 3463 and a text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from postil.ports.accounts import Account
from postil.ports.peer import Peer


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer of the pipeline; `code` 250 means accepted."""

    code: int
    enhanced: str  # "2.1.5"
    text: str
    step: str = ""  # which step decided, for the log

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300


@dataclass(frozen=True, slots=True)
class Path:
    """A mailbox path of SMTP, taken apart; the null reverse path is `Path("", "")`.

    `local` is unquoted text, `domain` lower case A-labels or a literal with brackets; `wire` is as received, without <>.
    """

    local: str
    domain: str
    wire: str = ""

    @property
    def is_null(self) -> bool:
        return not self.local and not self.domain


@dataclass(frozen=True, slots=True)
class Transaction:
    """The envelope and the circumstances of one message."""

    peer: Peer
    helo: str
    protocol: str  # "ESMTPSA" …: the word for Received, RFC 3848, RFC 6531
    mail_from: Path
    account: Account | None  # who is logged in (submission)
    smtputf8: bool
    eight_bit: bool
    declared_size: int | None
    rcpt_to: tuple[Path, ...] = ()
    queue_id: str = ""


class Receiving(Protocol):
    """One message's way in, after MAIL and before its end."""

    async def recipient(self, path: Path) -> Verdict:
        """May mail go there? Called per RCPT, in order."""
        ...

    async def write(self, piece: bytes | memoryview) -> None:
        """Octets of the message: dots unstuffed, CRLF ends, as received. Raises StoreUnavailable."""
        ...

    async def finish(self) -> Verdict:
        """All octets are here; 250 only once every accepted recipient's copy is on disk."""
        ...

    async def abort(self) -> None:
        """RSET, a lost connection, a refusal: nothing is kept; idempotent."""
        ...


class Inbound(Protocol):
    """The pipeline behind the SMTP listeners."""

    async def begin(self, transaction: Transaction) -> Receiving | Verdict:
        """MAIL FROM was well-formed: may this sender send from here? `rcpt_to` is still empty."""
        ...
