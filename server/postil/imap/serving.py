"""The life of a connection: greeting, one command after the other, farewell.

RFC 9051 §3 (the flow of states), §5.4 (autologout), §7.1.4, §7.1.5 (PREAUTH, BYE); RFC 3501 likewise.

Theory of operation. `serve` is one coroutine per connection. It reads a command through the session's `CommandReader`, has `execution` do
it, and hands over what was gathered unless answers are still to come. `Bye`, silence and a lost connection end it, and whatever ends it,
what has begun is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postil.imap import capabilities, replies
from postil.imap.errors import Bad, Bye
from postil.imap.wire import Request, Unreadable, Woken
from postil.ports.accounts import AccountsUnavailable
from postil.ports.store import StoreError
from postil.ports.stream import StreamBroken, StreamClosed, StreamTimeout

if TYPE_CHECKING:
    from postil.imap.session import Session


async def serve(session: Session) -> None:
    """Serve the connection until it ends; never raises."""
    try:
        await _greet(session)
        while not session.ending:
            await _serve_one(session)
        await session.execution.settle()
        await session.flush()
    except Bye as farewell:
        await _farewell(session, farewell)
    except StreamTimeout:
        # RFC 9051 §3.4: "A server SHOULD NOT unilaterally close the connection without first sending an
        # untagged BYE response that contains the reason for doing so."
        await _farewell(session, Bye("Autologout; idle for too long"))
    except StreamBroken as error:
        await _farewell(session, Bye(f"This is not compressed as agreed: {error}"))
    except StreamClosed:
        session.event("lost")
    finally:
        await _let_go(session)
        session.deselect()
        session.leave()
        await session.stream.close()


async def _let_go(session: Session) -> None:
    """Nobody hears the answers any more, but what has begun is waited for and tidied up."""
    in_flight = session.execution.in_flight
    while in_flight:
        waiting = in_flight.popleft()
        try:
            await waiting.write
        except StoreError as error:
            session.event("failure", command=waiting.request.name, error=type(error).__name__)
        await waiting.pieces.aclose()


async def _farewell(session: Session, farewell: Bye) -> None:
    session.event("bye", reason=farewell.text)
    session.write(replies.bye(farewell, session.utf8))
    try:
        await session.flush()
    except (StreamClosed, StreamTimeout):
        session.event("lost")


async def _greet(session: Session) -> None:
    account = None
    # RFC 9051 §7.1.4: "the PREAUTH response SHOULD only be returned by servers on connections that are protected by TLS (such as on an
    # Implicit TLS port [RFC8314])" So a client that was promised TLS by STARTTLS is never talked out of it
    if (
        session.stream.peer.tls is not None
        and session.stream.peer.listener in session.settings.preauth
    ):
        try:
            account = await session.logins.by_key()
        except AccountsUnavailable:
            session.event("preauth-unavailable")  # it can still log in, or be told so
    if account is None:
        text = f"{session.settings.host} ready"
        session.write(replies.status(b"*", b"OK", text, capabilities.line(session), False))
    else:
        code = await session.log_in(account)
        text = f"{session.settings.host} ready, logged in as {account.name}"
        session.write(replies.status(b"*", b"PREAUTH", text, code, False))
    await session.flush()


def _patience(session: Session) -> float:
    return session.limits.login_time if session.account is None else session.limits.autologout


async def _next(session: Session) -> Request | Unreadable | Woken | None:
    """The next command, or WOKEN when somebody changed what NOTIFY watches."""
    if session.news.watch is None:
        return await session.reader.next(_patience(session))
    return await session.reader.next_or_wake(_patience(session))


async def _serve_one(session: Session) -> None:
    execution = session.execution
    if execution.in_flight and not session.reader.has_line():
        await execution.settle()
        await session.flush()
    match await _next(session):
        case None:
            session.ending = True
        case Woken():
            session.request = None  # what is told now no command has caused
            await session.news.tell_unasked()
        case Unreadable(tag=tag, reply=reply):
            await execution.settle()
            session.write(replies.refused(tag, reply, session.rev2))
            execution.count_error(isinstance(reply, Bad))
        case Request() as request:
            if execution.in_flight and request.name != execution.in_flight[0].request.name:
                await execution.settle()
            await execution.do(request)
    if not execution.in_flight:
        await session.flush()
