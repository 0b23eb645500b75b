"""One connection of an IMAP client: greeting, commands in order, farewell.

RFC 9051 §3 (states), §5.4 (autologout), §7.1 (status responses); RFC 3501 likewise.

Theory of operation. `run` is one coroutine per connection. It reads a command through `CommandReader`, finds its `Spec`, checks the
state, parses, and sends what the handler yields; then it tells what happened in the selected mailbox, then the tagged line. Octets are
gathered and handed to the stream in big pieces. Every refusal, ours or the store's, is an exception and becomes octets here and nowhere
else; an exception that is nobody's refusal is reported, answered `NO [SERVERBUG]`, and the session goes on. `Bye` ends it.

The state of RFC 9051 §3 is not stored but follows from `account` and `view`. The session opens no socket, starts no
task and reads no clock but the one it was given; `settings.sleep` makes a wrong password slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, Final

from postil.base.clock import Clock
from postil.imap import capabilities, limits, names, pipeline, replies
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, Bye, No
from postil.imap.extensions import quota, uidonly
from postil.imap.news import News
from postil.imap.pipeline import Begun, InFlight
from postil.imap.registry import COMMANDS, STREAMED
from postil.imap.settings import Settings
from postil.imap.view import SelectedView
from postil.imap.wire import CommandReader, Request, Unreadable, Woken
from postil.ports.accounts import Account, Accounts, AccountsUnavailable
from postil.ports.ids import Uid
from postil.ports.logins import Result
from postil.ports.store import Change, Mailbox, NoSuchMailbox, Store, StoreError
from postil.ports.stream import Stream, StreamBroken, StreamClosed, StreamTimeout
from postil.sasl.login import Failed, Login, Policy

_STATE_TEXT: Final = {
    State.NOT_AUTHENTICATED: "Not allowed after login",
    State.LOGGED_IN: "Log in first",
    State.AUTHENTICATED: "Not allowed while a mailbox is selected",
    State.SELECTED: "Select a mailbox first",
}


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
        self._errors = 0
        self._in_flight: deque[InFlight] = deque()
        self._out: list[bytes] = []
        self._waiting = 0  # octets in _out

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
        self._leave()
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

    def _leave(self) -> None:
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
            self._waiting += len(data)

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
            self._waiting = 0

    async def pause(self) -> None:
        """Flush, and let the other sessions have their turn."""
        await self.flush()
        await _GiveWay()

    # --- the loop

    async def run(self) -> None:
        """Serve the connection until it ends; never raises."""
        try:
            await self._greet()
            while not self.ending:
                await self._serve_one()
            await self.settle()
            await self.flush()
        except Bye as farewell:
            await self._farewell(farewell)
        except StreamTimeout:
            # RFC 9051 §3.4: "A server SHOULD NOT unilaterally close the connection without first sending an
            # untagged BYE response that contains the reason for doing so."
            await self._farewell(Bye("Autologout; idle for too long"))
        except StreamBroken as error:
            await self._farewell(Bye(f"This is not compressed as agreed: {error}"))
        except StreamClosed:
            self.event("lost")
        finally:
            await self._let_go()
            self.deselect()
            self._leave()
            await self.stream.close()

    async def _let_go(self) -> None:
        """Nobody hears the answers any more, but what has begun is waited for and tidied up."""
        while self._in_flight:
            waiting = self._in_flight.popleft()
            try:
                await waiting.write
            except StoreError as error:
                self.event("failure", command=waiting.request.name, error=type(error).__name__)
            await waiting.pieces.aclose()

    async def _farewell(self, farewell: Bye) -> None:
        self.event("bye", reason=farewell.text)
        self.write(replies.bye(farewell, self.utf8))
        try:
            await self.flush()
        except (StreamClosed, StreamTimeout):
            self.event("lost")

    async def _greet(self) -> None:
        account = None
        # RFC 9051 §7.1.4: "the PREAUTH response SHOULD only be returned by servers on connections that are protected by TLS (such as on an
        # Implicit TLS port [RFC8314])" So a client that was promised TLS by STARTTLS is never talked out of it
        if self.stream.peer.tls is not None and self.stream.peer.listener in self.settings.preauth:
            try:
                account = await self.logins.by_key()
            except AccountsUnavailable:
                self.event("preauth-unavailable")  # it can still log in, or be told so
        if account is None:
            text = f"{self.settings.host} ready"
            self.write(replies.status(b"*", b"OK", text, capabilities.line(self), False))
        else:
            code = await self.log_in(account)
            text = f"{self.settings.host} ready, logged in as {account.name}"
            self.write(replies.status(b"*", b"PREAUTH", text, code, False))
        await self.flush()

    @property
    def _patience(self) -> float:
        return self.limits.login_time if self.account is None else self.limits.autologout

    async def _next(self) -> Request | Unreadable | Woken | None:
        """The next command, or WOKEN when somebody changed what NOTIFY watches."""
        if self.news.watch is None:
            return await self.reader.next(self._patience)
        return await self.reader.next_or_wake(self._patience)

    async def _serve_one(self) -> None:
        if self._in_flight and not self.reader.has_line():
            await self.settle()
            await self.flush()
        match await self._next():
            case None:
                self.ending = True
            case Woken():
                self.request = None  # what is told now no command has caused
                await self.news.tell_unasked()
            case Unreadable(tag=tag, reply=reply):
                await self.settle()
                self.write(replies.refused(tag, reply, self.rev2))
                self._count_error(isinstance(reply, Bad))
            case Request() as request:
                if self._in_flight and request.name != self._in_flight[0].request.name:
                    await self.settle()
                await self._command(request)
        if not self._in_flight:
            await self.flush()

    async def _command(self, request: Request) -> None:
        self._now(request)
        try:
            begun = await self._begin(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            await self.settle()
            self._now(request)
            await self._failed(request, error)
        else:
            if begun is not None:
                self._in_flight.append(begun)
                if len(self._in_flight) >= pipeline.MOST:
                    await self.settle()
                return
        await self.flush()
        await self.reader.abandon()
        if self.after_reply is not None:
            step, self.after_reply = self.after_reply, None
            await step()
        if self.account is None:
            if self.logins.spent:
                # RFC 9266 §4.1: whoever sits between could spend one use of the binding and relay another
                raise Bye("The login bound to this connection failed: use a new connection")
            if self.failed_logins >= self.limits.failed_logins:
                raise Bye("Too many wrong logins")

    def _now(self, request: Request) -> None:
        self.tag = request.tag
        self.request = request
        self.is_uid_command = request.name.startswith("UID ")
        self.holds_expunges = False

    async def _begin(self, request: Request) -> InFlight | None:
        """Do the command, or begin it: what is left is to wait for the store and answer."""
        spec = COMMANDS.get(request.name)
        if spec is None or (spec.capability is not None and not self.offers(spec.capability)):
            raise Bad("Unknown command")
        if spec.by_number:
            # RFC 9586 §3.2: "When UIDONLY is enabled, the FETCH, STORE, SEARCH, COPY, and MOVE commands are prohibited and MUST
            # result in a tagged BAD response."
            uidonly.refuse_numbers(self)
        command = spec.parse(request.tokens)
        self._check_state(spec)
        pieces = spec.handle(self, command)
        assert isinstance(pieces, AsyncGenerator)
        begun = await self._advance(request, spec, pieces, pieces.asend(None))
        if begun is None:
            return None
        command_in_flight = InFlight(request, spec, pieces, begun)
        if request.name in pipeline.KINDS:
            return command_in_flight
        await self._finish(command_in_flight, last=True)
        return None

    async def _advance(
        self,
        request: Request,
        spec: Spec,
        pieces: AsyncGenerator[Any, Any],
        step: Awaitable[Any],
        *,
        last: bool = True,
    ) -> Begun | None:
        """Send what the handler yields, up to its tagged line or to a write that has begun."""
        done = Done(f"{spec.name} completed")
        ended = False
        try:
            while True:
                try:
                    piece = await step
                except StopAsyncIteration:
                    break
                if isinstance(piece, Begun):
                    ended = True
                    return piece
                if isinstance(piece, Done):
                    done = piece
                else:
                    self.write(piece)
                    if self._waiting >= limits.WRITE_SIZE:
                        await self.flush()
                step = pieces.asend(None)
        finally:
            # A refusal midway must not leave a handler suspended with a body open.
            if not ended:
                await pieces.aclose()
        await self.news.tell(expunges=last and not (spec.holds_expunges or self.holds_expunges))
        self._count_error(False)
        code = done.code() if callable(done.code) else done.code
        self.write(replies.status(request.tag, b"OK", done.text, code, self.rev2))
        return None

    async def settle(self) -> None:
        """Answer every command whose write has begun, in order."""
        while self._in_flight:
            await self._finish(self._in_flight.popleft(), last=not self._in_flight)

    async def _finish(self, waiting: InFlight, *, last: bool) -> None:
        current = self.request
        request, spec, pieces = waiting.request, waiting.spec, waiting.pieces
        self._now(request)
        try:
            more: Begun | None = waiting.write
            while more is not None:
                try:
                    step = pieces.asend(await more)
                except Exception as error:  # noqa: BLE001 - the handler sees it first
                    step = pieces.athrow(error)
                more = await self._advance(request, spec, pieces, step, last=last)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            await self._failed(request, error, last=last)
        if current is not None:
            self._now(current)

    async def _failed(self, request: Request, error: Exception, *, last: bool = True) -> None:
        """The news that go with a refusal, and its tagged line."""
        if isinstance(error, Bye | StreamBroken | StreamClosed | StreamTimeout):
            raise error
        if replies.is_ours(error):
            self.settings.failure(error)
            self.event("failure", command=request.name, error=type(error).__name__)
        refusal = replies.refusal(error)
        self._count_error(isinstance(refusal, Bad))
        if not isinstance(refusal, Bad):
            # RFC 9051 §7.5.1: what may not see EXPUNGE when it succeeds may not see it when it fails
            held = COMMANDS[request.name].holds_expunges or self.holds_expunges
            await self.news.tell(expunges=last and not held)
        self.write(replies.refused(request.tag, refusal, self.rev2))

    def _check_state(self, spec: Spec) -> None:
        # RFC 9051 §3: "the server will respond with a BAD or NO (depending upon server implementation)
        # command completion result." Ours is BAD, since no retry helps
        if self.state not in spec.states:
            raise Bad(_STATE_TEXT.get(spec.states, "Not allowed now"))

    def _count_error(self, bad: bool) -> None:
        self._errors = self._errors + 1 if bad else 0
        if self.account is None and self._errors >= limits.COMMAND_ERRORS:
            raise Bye("Too many errors")
