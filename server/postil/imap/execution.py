"""Commands done in order: state check, the handler's responses, what happened meanwhile, the tagged line.

RFC 9051 §2.2.2, §3, §5.5, §7.1. Finds the `Spec`, checks the state, parses, and sends what the handler yields; then it has told what
happened in the selected mailbox, then the tagged line. Every refusal, ours or the store's, is an exception and becomes octets here and
in `serving`; an exception that is nobody's refusal is reported, answered `NO [SERVERBUG]`, and the session goes on.

Commands whose write has begun wait in `in_flight` (see `pipeline`), and are answered in the order they came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from typing import TYPE_CHECKING, Any, Final

from postil.imap import limits, pipeline, replies
from postil.imap.command import Done, Spec, State
from postil.imap.errors import Bad, Bye
from postil.imap.extensions import uidonly
from postil.imap.pipeline import Begun, InFlight
from postil.imap.registry import COMMANDS
from postil.imap.wire import Request
from postil.ports.stream import StreamBroken, StreamClosed, StreamTimeout

if TYPE_CHECKING:
    from postil.imap.session import Session

_STATE_TEXT: Final = {
    State.NOT_AUTHENTICATED: "Not allowed after login",
    State.LOGGED_IN: "Log in first",
    State.AUTHENTICATED: "Not allowed while a mailbox is selected",
    State.SELECTED: "Select a mailbox first",
}


class Execution:
    """The commands of one session."""

    __slots__ = ("_errors", "_session", "in_flight")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._errors = 0  # BAD answers in a row
        self.in_flight: deque[InFlight] = deque()

    async def do(self, request: Request) -> None:
        """Do a command and answer it; or begin it, when its like may follow at once."""
        session = self._session
        self._now(request)
        try:
            begun = await self._begin(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the session goes on
            await self.settle()
            self._now(request)
            await self._failed(request, error)
        else:
            if begun is not None:
                self.in_flight.append(begun)
                if len(self.in_flight) >= pipeline.MOST:
                    await self.settle()
                return
        await session.flush()
        await session.reader.abandon()
        if session.after_reply is not None:
            step, session.after_reply = session.after_reply, None
            await step()
        if session.account is None:
            if session.logins.spent:
                # RFC 9266 §4.1: whoever sits between could spend one use of the binding and relay another
                raise Bye("The login bound to this connection failed: use a new connection")
            if session.failed_logins >= session.limits.failed_logins:
                raise Bye("Too many wrong logins")

    def _now(self, request: Request) -> None:
        session = self._session
        session.tag = request.tag
        session.request = request
        session.is_uid_command = request.name.startswith("UID ")
        session.holds_expunges = False

    async def _begin(self, request: Request) -> InFlight | None:
        """Do the command, or begin it: what is left is to wait for the store and answer."""
        session = self._session
        spec = COMMANDS.get(request.name)
        if spec is None or (spec.capability is not None and not session.offers(spec.capability)):
            raise Bad("Unknown command")
        if spec.by_number:
            # RFC 9586 §3.2: "When UIDONLY is enabled, the FETCH, STORE, SEARCH, COPY, and MOVE commands are prohibited and MUST
            # result in a tagged BAD response."
            uidonly.refuse_numbers(session)
        command = spec.parse(request.tokens)
        self._check_state(spec)
        pieces = spec.handle(session, command)
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
        session = self._session
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
                    session.write(piece)
                    if session.waiting >= limits.WRITE_SIZE:
                        await session.flush()
                step = pieces.asend(None)
        finally:
            # A refusal midway must not leave a handler suspended with a body open.
            if not ended:
                await pieces.aclose()
        await session.news.tell(
            expunges=last and not (spec.holds_expunges or session.holds_expunges)
        )
        self.count_error(False)
        code = done.code() if callable(done.code) else done.code
        session.write(replies.status(request.tag, b"OK", done.text, code, session.rev2))
        return None

    async def settle(self) -> None:
        """Answer every command whose write has begun, in order."""
        while self.in_flight:
            await self._finish(self.in_flight.popleft(), last=not self.in_flight)

    async def _finish(self, waiting: InFlight, *, last: bool) -> None:
        session = self._session
        current = session.request
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
        session = self._session
        if isinstance(error, Bye | StreamBroken | StreamClosed | StreamTimeout):
            raise error
        if replies.is_ours(error):
            session.settings.failure(error)
            session.event("failure", command=request.name, error=type(error).__name__)
        refusal = replies.refusal(error)
        self.count_error(isinstance(refusal, Bad))
        if not isinstance(refusal, Bad):
            # RFC 9051 §7.5.1: what may not see EXPUNGE when it succeeds may not see it when it fails
            held = COMMANDS[request.name].holds_expunges or session.holds_expunges
            await session.news.tell(expunges=last and not held)
        session.write(replies.refused(request.tag, refusal, session.rev2))

    def _check_state(self, spec: Spec) -> None:
        # RFC 9051 §3: "the server will respond with a BAD or NO (depending upon server implementation)
        # command completion result." Ours is BAD, since no retry helps
        if self._session.state not in spec.states:
            raise Bad(_STATE_TEXT.get(spec.states, "Not allowed now"))

    def count_error(self, bad: bool) -> None:
        """A stranger who says nothing that is a command is no mail client."""
        self._errors = self._errors + 1 if bad else 0
        if self._session.account is None and self._errors >= limits.COMMAND_ERRORS:
            raise Bye("Too many errors")
