"""One connection's memory, and its one way in and out; commands read and change it.

RFC 5321 §2.3.6 (buffer and state table); RFC 2920 §3.2 (replies collected for pipelined commands).

Replies are collected in `_out` and leave when the input is used up, when they are many, or at once when the
command that caused them says so: see `send` and `flush`. There is exactly one rule that makes pipelining safe:
nothing waits for the peer while replies are held.
"""

from __future__ import annotations

from collections.abc import Callable

from postil.base.clock import Clock
from postil.ports.accounts import Account, Accounts
from postil.ports.delivery import Inbound, Path, Receiving
from postil.ports.stream import Stream
from postil.sasl.login import Login, Policy
from postil.smtp import limits
from postil.smtp.replies import Reply, reply
from postil.smtp.settings import Settings
from postil.smtp.states import State
from postil.smtp.wire import Incoming, Line


class Goodbye(Exception):
    """The session ends now; what is to be said was said."""


class PeerGone(Exception):
    """The peer closed its side; RFC 5321 §4.1.1.5: as if QUIT had been received."""


class Draining(Exception):
    """The server stops and no command is under way."""


class Conversation:
    """The state of a session; see the module."""

    def __init__(
        self, stream: Stream, inbound: Inbound, accounts: Accounts, clock: Clock, settings: Settings
    ) -> None:
        self.stream = stream
        self.inbound = inbound
        self.accounts = accounts
        self.clock = clock
        self.settings = settings
        self.incoming = Incoming()
        self.login_policy = Policy(settings.cram_md5, settings.host)
        self.logins = Login(
            stream, accounts, settings.gate, "submission", lambda: self.helo,
            policy=self.login_policy, clock=clock,
        )  # fmt: skip
        self._out = bytearray()
        self.draining = False
        # What RFC 3207 §4.2 wants forgotten by STARTTLS:
        self.state = State.CONNECTED
        self.helo = ""
        self.extended = False  # EHLO, not HELO
        self.account: Account | None = None
        self._absent: Callable[[], None] | None = (
            None  # to be told when nobody is logged in any more
        )
        # The transaction:
        self.receiving: Receiving | None = None
        self.mail_from: Path | None = None
        self.smtputf8 = False
        self.rcpt_to: list[Path] = []
        self.refused_recipients = False
        # Patience:
        self.errors = 0
        self.unknown_recipients = 0
        self.failed_logins = 0

    # --- out

    def send(self, reply: Reply) -> None:
        """Queue a reply."""
        self._out += reply.encode()

    @property
    def holding(self) -> int:
        """Octets of replies not sent yet."""
        return len(self._out)

    def flush(self) -> None:
        """Give the replies to the connection."""
        if self._out:
            self.stream.write(bytes(self._out))
            self._out.clear()

    # --- in

    async def line(self, longest: int, *, interruptible: bool = False) -> Line:
        """The next line; `interruptible` where a drain may end the session instead."""
        if interruptible and self.draining:
            raise Draining
        while (line := self.incoming.line(longest)) is None:
            if self.incoming.dropped > limits.LINE_ABANDONED:
                self.send(reply(421, "4.7.0", "this line does not end"))
                raise Goodbye
            # RFC 2920 §3.2: "MUST send all pending responses immediately whenever the local TCP input buffer
            # is emptied."
            self.flush()
            await self.stream.drain()
            if interruptible and self.draining:
                raise Draining
            data = (
                await self.stream.read_or_wake(self.settings.limits.idle)
                if interruptible
                else await self.stream.read(self.settings.limits.idle)
            )
            if data is None:
                continue
            if not data:
                raise PeerGone
            self.incoming.feed(data)
        return line

    async def data(self) -> bytes:
        """Octets of a message, whatever has arrived."""
        if len(self.incoming):
            return self.incoming.take()
        self.flush()
        await self.stream.drain()
        data = await self.stream.read(self.settings.limits.data_block)
        if not data:
            raise PeerGone
        return data

    # --- state

    async def reset(self) -> None:
        """Forget the transaction (RFC 5321 §4.1.1.5)."""
        receiving, self.receiving = self.receiving, None
        self.mail_from = None
        self.smtputf8 = False
        self.rcpt_to = []
        self.refused_recipients = False
        if self.state is not State.CONNECTED:
            self.state = State.READY
        if receiving is not None:
            await receiving.abort()

    def log_in(self, account: Account) -> None:
        """The credentials were good."""
        self.account = account
        self._absent = self.settings.present(self.stream, account)

    def log_out(self) -> None:
        """Nobody is logged in; idempotent."""
        absent, self._absent = self._absent, None
        self.account = None
        if absent is not None:
            absent()

    async def forget(self) -> None:
        """Back to the greeting: nothing the peer told counts any more."""
        await self.reset()
        self.state = State.CONNECTED
        self.helo = ""
        self.extended = False
        self.log_out()
        self.incoming.clear()

    def event(self, what: str, **facts: object) -> None:
        """Tell the log."""
        self.settings.event(what, facts)
