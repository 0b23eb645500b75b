"""One connection of an IMAP client: who is logged in, what is enabled and selected, and the octets gathered for the client.

RFC 9051 §3 (states), §6.3.1 (what ENABLE changes), §7.1 (codes of a login); RFC 3501 likewise.

Handlers read and change it; `serving` leads it from the greeting to the farewell, `execution` does its commands. Octets are gathered and
handed to the stream in big pieces.

The state of RFC 9051 §3 is not stored but follows from `account` and `view`. The session opens no socket, starts no
task and reads no clock but the one it was given; `settings.sleep` makes a wrong password slow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Final

from postil.base.clock import Clock
from postil.imap import capabilities, limits, names
from postil.imap.command import State
from postil.imap.errors import No
from postil.imap.execution import Execution
from postil.imap.extensions import quota
from postil.imap.news import News
from postil.imap.registry import COMMANDS, STREAMED
from postil.imap.settings import Settings
from postil.imap.view import SelectedView
from postil.imap.wire import CommandReader, Request
from postil.ports.accounts import Account, Accounts
from postil.ports.ids import Uid
from postil.ports.logins import Result
from postil.ports.store import Change, Mailbox, NoSuchMailbox, Store
from postil.ports.stream import Stream
from postil.sasl.login import Failed, Login, Policy

# RFC 9051 §7.1: AUTHENTICATIONFAILED for all that does not tell more
_CODES: Final = {
    # RFC 9051 §7.1: "the server cannot or will not allow the authentication identity to act as the requested
    # authorization identity"
    Result.AUTHORIZATION: "AUTHORIZATIONFAILED",
    Result.LIMITED: "LIMIT",
    # RFC 5530 §3: "The user should contact the system administrator or support desk."
    Result.DISABLED: "CONTACTADMIN",
}


class _GiveWay:
    """Lets everything else in the loop run once; what a bare `yield` means to any event loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Session:
    """The state of one connection; handlers read and change it."""

    def __init__(
        self, stream: Stream, store: Store, accounts: Accounts, clock: Clock, settings: Settings
    ) -> None:
        self.stream = stream
        self.store = store
        self.accounts = accounts
        self.clock = clock
        self.settings = settings
        self.limits = settings.limits
        self.reader = CommandReader(stream, known=COMMANDS.__contains__, streamed=STREAMED)
        self.account: Account | None = None
        self.switched_off: frozenset[str] = frozenset()
        self.enabled: set[str] = set()
        self.condstore = False  # RFC 7162 §3.1: an enabling command was given
        self.holds_expunges = False  # the running command may not see EXPUNGE, whatever its kind
        self.view: SelectedView | None = None
        self.saved: list[Uid] = []  # `$`, RFC 9051 §6.4.4.1
        self.tag = b"*"
        self.is_uid_command = False
        self.request: Request | None = (
            None  # the running command; APPEND takes its literal from here
        )
        self.ending = False  # LOGOUT was answered
        self.idling = False  # changes wake the stream
        # A client that asks for the STATUS of 10,000 mailboxes must not cost 10,000 lists.
        self._by_name: dict[str, Mailbox] | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._absent: Callable[[], None] | None = (
            None  # to be told when nobody is logged in any more
        )
        self.news = News(self)
        # What must follow the tagged OK and nothing else: the handshake of STARTTLS.
        self.after_reply: Callable[[], Awaitable[None]] | None = None
        self.client_name = ""  # what ID told
        self.login_policy = Policy(settings.cram_md5, settings.host)
        self.logins = Login(
            stream, accounts, settings.gate, "imap", lambda: self.client_name,
            policy=self.login_policy, clock=clock,
        )  # fmt: skip
        self.failed_logins = 0
        self.execution = Execution(self)
        self._out: list[bytes] = []
        self.waiting = 0  # octets in _out

    # --- what handlers ask

    @property
    def state(self) -> State:
        """RFC 9051 §3."""
        if self.account is None:
            return State.NOT_AUTHENTICATED
        return State.AUTHENTICATED if self.view is None else State.SELECTED

    @property
    def rev2(self) -> bool:
        """Did the client enable IMAP4rev2?"""
        return "IMAP4REV2" in self.enabled

    @property
    def utf8(self) -> bool:
        """Do mailbox names and quoted strings travel in UTF-8?"""
        return self.rev2 or "UTF8=ACCEPT" in self.enabled

    @property
    def qresync(self) -> bool:
        """Is the client told VANISHED instead of EXPUNGE? RFC 7162 §3.2.3."""
        return "QRESYNC" in self.enabled

    @property
    def uidonly(self) -> bool:
        """Does the client never count messages? RFC 9586."""
        return "UIDONLY" in self.enabled

    @property
    def recent(self) -> bool:
        """Is the client told of \\Recent? RFC 9051 Appendix E (12) deprecates it."""
        return not self.rev2

    @property
    def user(self) -> Account:
        """The account of a session that is logged in."""
        assert self.account is not None, "the state table admits no handler here before login"
        return self.account

    @property
    def selected(self) -> SelectedView:
        """The view of a session with a selected mailbox."""
        assert self.view is not None, "the state table admits no handler here without a mailbox"
        return self.view

    @property
    def command(self) -> str:
        """The name of the running command."""
        return self.request.name if self.request is not None else ""

    def offers(self, capability: str) -> bool:
        """Is the capability switched on for this account?"""
        return capability.upper() not in self.switched_off

    def name_of(self, mailbox: Mailbox | str) -> bytes:
        """A mailbox's name as this client reads it."""
        name = mailbox if isinstance(mailbox, str) else mailbox.name
        return names.write(name, self.utf8)

    async def mailbox(self, name: str) -> Mailbox:
        """The account's mailbox of that name; NoSuchMailbox."""
        if self._by_name is None:
            self._by_name = {box.name: box for box in await self.store.mailboxes(self.user.id)}
        mailbox = self._by_name.get(name)
        if mailbox is None:
            raise NoSuchMailbox("No such mailbox")
        return mailbox

    async def target(self, name: str) -> Mailbox:
        """The mailbox messages shall go to; `NO [TRYCREATE]` when CREATE would help."""
        try:
            return await self.mailbox(name)
        except NoSuchMailbox:
            names.check_new(name)  # RFC 9051 §6.3.12: never TRYCREATE what cannot be created
            raise No("No such mailbox", "TRYCREATE") from None

    def highest_modseq(self) -> str | None:
        """The code of a tagged OK after messages left (RFC 7162 §3.2.7); asked for when everything has been told."""
        if not self.qresync or self.view is None:
            return None
        return f"HIGHESTMODSEQ {self.view.settled}"

    def event(self, what: str, **facts: object) -> None:
        """Something for the log; never a secret or message text."""
        self.settings.event(what, {"connection": self.stream.peer.connection, **facts})

    # --- what handlers do

    async def log_in(self, account: Account) -> str:
        """The credentials were good; gives the CAPABILITY code of the tagged OK."""
        self.switched_off = frozenset(name.upper() for name in account.switched_off)
        if "CONDSTORE" in self.switched_off:
            # RFC 7162 §3.2.3: the one implies the other.
            self.switched_off |= {"QRESYNC"}
        if "QUOTA" in self.switched_off:
            self.switched_off |= quota.RESOURCES
        if "METADATA" in self.switched_off:
            self.switched_off |= {"LIST-METADATA"}
        if self.logins.spent:
            # RFC 9266 §4.1: one use for each connection, so nobody may log in a second time on this one
            self.switched_off |= {"UNAUTHENTICATE"}
        self.account = account
        self._absent = self.settings.present(self.stream, account)
        self._stop_listening = self.store.listen(account.id, self._hear)
        self.failed_logins = 0
        self.reader.limits = limits.READER_AFTER_LOGIN
        self.event("login", account=account.name)
        return capabilities.line(self)

    def log_out(self) -> None:
        """As if nobody had logged in: RFC 8437 §3, "to reset all connection state except for the state of the TLS [RFC8446] layer"."""
        self.event("unauthenticate", account=self.user.name)
        self.deselect()
        self.leave()
        self.account = None
        # RFC 8437 §4.1: "Any extensions enabled by the IMAP ENABLE [RFC5161] command cease to be enabled when the
        # UNAUTHENTICATE command is issued."
        self.enabled.clear()
        # RFC 8437 §4.1: "CONDSTORE servers [RFC7162] MUST behave as if no CONDSTORE-enabling command was issued."
        self.condstore = False
        self.switched_off = frozenset()
        self._by_name = None
        self.news.forget()
        self.reader.limits = limits.READER_BEFORE_LOGIN
        self.reader.utf8 = False

    def leave(self) -> None:
        """Nobody is logged in: tell whoever was told that somebody is."""
        for call in (self._stop_listening, self._absent):
            if call is not None:
                call()
        self._stop_listening = self._absent = None

    def _hear(self, change: Change) -> None:
        """The store has committed something of the account; called before anybody's OK for it goes out."""
        if change.mailbox is None:
            self._by_name = None
        # RFC 5465 §3.1: "the client listens for event notifications all the time (even when no command is in progress)"
        listens = self.idling or self.news.watch is not None
        if self.news.hear(change) and listens:
            self.stream.wake()

    async def log_in_failed(self, failed: Failed) -> No:
        """Nobody is logged in: make guessing slow, then give the answer."""
        self.failed_logins += 1
        self.event("login-failed", login=failed.login, count=self.failed_logins)
        if failed.result is Result.BINDING:
            self.event("interception", login=failed.login, reason=failed.text)
        own = self.limits.failed_login_wait * 2.0 ** (self.failed_logins - 1)
        await self.settings.sleep(max(own, failed.wait))
        return No(failed.text, _CODES.get(failed.result, "AUTHENTICATIONFAILED"))

    def deselect(self) -> None:
        """Back to the authenticated state."""
        if self.view is not None:
            self.view.close()
            self.view = None
        self.news.deselected()
        # RFC 9051 §6.4.4.1: the variable is reset "whenever a different mailbox is selected" or none is
        self.saved = []

    def write(self, data: bytes) -> None:
        """Gather octets for the client."""
        if data:
            self._out.append(data)
            self.waiting += len(data)

    async def flush(self) -> None:
        """Hand over what was gathered and wait until the client keeps up."""
        if self._out:
            self.push()
            await self.stream.drain()

    def push(self) -> None:
        """Hand over what was gathered, from where nobody can wait: a line or two."""
        if self._out:
            self.stream.write(b"".join(self._out))
            self._out.clear()
            self.waiting = 0

    async def pause(self) -> None:
        """Flush, and let the other sessions have their turn."""
        await self.flush()
        await _GiveWay()
