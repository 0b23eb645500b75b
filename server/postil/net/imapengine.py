"""A conversation with an IMAP server on a real connection: who writes when, who waits for what, and how it ends.

RFC 9051 §2.2, §5.5 through `imap.client.conversation`; RFC 4978 §3, RFC 9051 §6.2.1, RFC 8437 §4.1 (when layers change).

Theory of operation. One task reads for as long as the connection lives; it gives events to whoever waits: tagged answers to futures, news to `news`,
challenges to dialogues. Layers change there too, between two events, so that no octet is read by the wrong one. What may be
written is written at once by whoever makes it possible (`_push`); only a message is written by a task of its own, and nothing else goes out meanwhile.

Cancelling. Who gives up waiting for an answer leaves the connection as it is: the answer is read and dropped. A command of which nothing was sent is
taken back. In the middle of a message or of a dialogue there is no way back, and the connection is ended.

Silence is measured between any two signs of life, so a large message may take as long as it moves.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from postil.base.tasks import Tasks
from postil.imap.client import trace
from postil.imap.client.compose import Command, Text, Upload
from postil.imap.client.conversation import (
    Answered,
    Challenge,
    Conversation,
    Event,
    Greeting,
    News,
    Running,
)
from postil.imap.client.errors import ProtocolViolation, Unsendable
from postil.imap.client.framer import Frame
from postil.imap.client.limits import ReplyLimits
from postil.imap.client.responses import Condition, Status
from postil.net.dial import Dialled
from postil.net.imapanswers import Answer, NewsQueue
from postil.net.imaperrors import ConnectionEnded, TimedOut, Violation, refused
from postil.ports.stream import StreamBroken, StreamClosed

T = TypeVar("T")

# Octets of a message written before we look whether the server keeps up.
PIECE: Final = 48 * 1024
# While a password is on its way.
_UNSHOWN: Final = "what the server said while logging in is no IMAP; it may repeat the password, so it is not shown"


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where lines of the conversation go, without secrets; `literals`: with what is in them."""

    line: Callable[[str], None]
    literals: bool = False


class Engine:
    """One connection."""

    def __init__(
        self,
        connection: Dialled,
        *,
        patience: float,
        tracing: Tracing | None = None,
        limits: ReplyLimits | None = None,
        starttls: tuple[ssl.SSLContext, str | None] | None = None,
    ) -> None:
        self.connection = connection
        self.conversation = Conversation(limits, self._show)
        self.news = NewsQueue()
        self.patience = patience
        self.greeting: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self._starttls = starttls
        self._tracing = tracing
        self._secrets: tuple[bytes, ...] = ()  # of commands that run
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Running, asyncio.Future[Status]] = {}
        self._challenges: dict[Running, asyncio.Queue[bytes | None]] = {}
        self._uploading: Upload | None = None
        self._upload_task: asyncio.Task[None] | None = None
        self._moved = self._loop.time()
        self._ended: ConnectionEnded | None = None
        self._tasks = Tasks(lambda name, error: self.fail(_our_fault(name, error)))
        self._reader = self._tasks.start("imap client reads", self._read())

    # --- commands

    async def run(self, command: Command) -> Answer:
        """Send it and wait for its end; Refused, ConnectionEnded, Unsendable."""
        running, future = self.start(command)
        return await self.finish(running, future)

    def start(self, command: Command) -> tuple[Running, asyncio.Future[Status]]:
        """Send it as soon as the rules allow; `finish` waits."""
        if self._ended is not None:
            raise self._again()
        running = self.conversation.start(command)
        future: asyncio.Future[Status] = self._loop.create_future()
        self._waiting[running] = future
        if command.dialogue:
            self._challenges[running] = asyncio.Queue()
        self._secrets += trace.secrets_of(command)
        self._push()
        return running, future

    async def finish(self, running: Running, future: asyncio.Future[Status]) -> Answer:
        """Until it is answered."""
        try:
            status = await self.patiently(future, running.command.name)
        except asyncio.CancelledError:
            self._give_up(running)
            raise
        if status.condition is not Condition.OK:
            raise refused(running.command.name, status)
        return Answer(status, tuple(running.responses))

    async def challenge(self, running: Running) -> bytes | None:
        """What follows the next `+` of a dialogue; None when it has been answered instead."""
        try:
            waiting = self._loop.create_task(self._challenges[running].get())
            return await self.patiently(waiting, running.command.name)
        except asyncio.CancelledError:
            self._give_up(running)
            raise

    def respond(self, running: Running, line: bytes, *, secret: bool) -> None:
        """A line of a dialogue."""
        if secret:
            self._secrets += (line,)
        self._write(self.conversation.respond(running, line, secret=secret))

    async def patiently(self, future: asyncio.Future[T], what: str) -> T:
        """The result, unless the server is silent for too long: then everything ends."""
        self._moved = max(self._moved, self._loop.time())
        while True:
            left = self._moved + self.patience - self._loop.time()
            if left <= 0:
                self.fail(TimedOut(f"{what}: the server was silent for {self.patience:g} s"))
                raise self._again()
            try:
                done, _ = await asyncio.wait([future], timeout=left)
            except asyncio.CancelledError:
                future.cancel()
                raise
            if done:
                return future.result()

    def _give_up(self, running: Running) -> None:
        """Nobody waits for it any more."""
        self._waiting.pop(running, None)
        if running.status is not None or self.conversation.drop(running):
            return
        carries = any(isinstance(one, Upload) for one in running.command.arguments)
        if running.command.dialogue or (carries and not running.sent) or self._uploads(running):
            self.fail(ConnectionEnded(f"{running.command.name} was cancelled in the middle"))

    def _uploads(self, running: Running) -> bool:
        return any(one is self._uploading for one in running.command.arguments)

    # --- octets out

    def _push(self) -> None:
        """Write whatever may be written now."""
        while self._ended is None and self._uploading is None:
            chunk = self.conversation.output()
            if chunk is None:
                return
            if isinstance(chunk, Upload):
                self._uploading = chunk
                self._upload_task = self._tasks.start("imap client uploads", self._upload(chunk))
            else:
                self._write(chunk)

    def _write(self, text: Text) -> None:
        if self._tracing is not None:
            for line in trace.sent(text.shown):
                self._tracing.line(f"C: {line}")
        try:
            self.connection.write(text.octets)
        except StreamClosed as error:
            self.fail(ConnectionEnded(f"the connection has ended: {error}"))
            return
        self._moved = self._loop.time()
        if self.connection.compressed and _ends_deflating(text):
            # RFC 8437 §4.1: "The client terminates its outgoing compression layer after the CRLF following the
            # UNAUTHENTICATE command."
            self.connection.end_deflating()

    async def _upload(self, upload: Upload) -> None:
        try:
            await self._stream(upload)
        except StreamClosed as error:
            self.fail(ConnectionEnded(f"the connection ended in the middle of a message: {error}"))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 the caller's source failed; it is told, and the literal cannot be ended
            ended = ConnectionEnded(f"what gave the message failed: {error}")
            ended.__cause__ = error
            self.fail(ended)
        else:
            self._uploading = None
            self._push()

    async def _stream(self, upload: Upload) -> None:
        left = upload.size
        if self._tracing is not None:
            self._tracing.line(f"C: <{left} octets>")
        async for piece in _pieces(upload.source):
            left -= len(piece)
            if left < 0:
                break
            self.connection.write(piece)
            self._moved = self._loop.time()
            await self.connection.drain()
        if left:
            much = "more" if left < 0 else f"{left} fewer"
            raise Unsendable(f"{much} octets came than the {upload.size} that were announced")

    # --- octets in

    async def _read(self) -> None:
        try:
            while data := await self.connection.read():
                self._moved = self._loop.time()
                self.conversation.feed(data)
                while (event := self.conversation.next()) is not None:
                    await self._happened(event)
                    self._push()
                self._push()
        except (ProtocolViolation, StreamBroken) as error:
            # The words quote what the server said, cut anywhere: a password that it repeats might stand there in part.
            said = _UNSHOWN if self._secrets else str(error)
            self.fail(Violation(said))
        except StreamClosed as error:
            self.fail(ConnectionEnded(str(error)))
        else:
            self.fail(self._why_ended())

    def _why_ended(self) -> ConnectionEnded:
        if self.conversation.inside:
            return Violation("the server left in the middle of a response")
        if self.conversation.bye is not None:
            said = trace.masked(self.conversation.bye.text, self._secrets)
            return ConnectionEnded(f"BYE: {said}")
        return ConnectionEnded(self.connection.why or "the server left without BYE")

    async def _happened(self, event: Event) -> None:
        match event:
            case Greeting(status):
                self.greeting.set_result(status)
            case News(response, size):
                self.news.put(response, size)
            case Challenge(running, text):
                self._challenges[running].put_nowait(text)
            case Answered(running, status):
                await self._change_layers(running.command.name, status)
                self._answered(running, status)

    def _answered(self, running: Running, status: Status) -> None:
        # Its text gets into an exception, and that into somebody's log.
        status = dataclasses.replace(status, text=trace.masked(status.text, self._secrets))
        if not self._waiting or len(self._waiting) == 1:
            self._secrets = ()
        future = self._waiting.pop(running, None)
        if future is not None and not future.done():
            future.set_result(status)
        queue = self._challenges.pop(running, None)
        if queue is not None:
            queue.put_nowait(None)

    async def _change_layers(self, name: str, status: Status) -> None:
        """Between the tagged answer and the next octet."""
        done = status.condition is Condition.OK
        if name == "COMPRESS" and done:
            # RFC 4978 §3: "If the server issues an OK response, the server MUST compress starting immediately after the
            # CRLF which ends the tagged OK response." So what was read behind it goes back.
            self.connection.compress(self.conversation.rest())
        elif name == "UNAUTHENTICATE" and self.connection.compressed:
            if not done:
                self.fail(
                    Violation(f"UNAUTHENTICATE failed, and with it compression: {status.text}")
                )
                return
            self.connection.end_inflating(len(self.conversation.rest()))
        elif name == "STARTTLS" and done and self._starttls is not None:
            if self.conversation.rest():
                raise ProtocolViolation("plaintext came behind the answer to STARTTLS")
            await self.connection.start_tls(*self._starttls)

    def _show(self, frame: Frame) -> None:
        """A response, for the trace."""
        if self._tracing is None:
            return
        lines = trace.received(
            frame,
            literals=self._tracing.literals,
            secrets=self._secrets,
            challenge=any(one.command.name == "AUTHENTICATE" for one in self._challenges),
        )
        for line in lines:
            self._tracing.line(f"S: {line}")

    # --- the end

    @property
    def ended(self) -> ConnectionEnded | None:
        """Why nothing goes any more."""
        return self._ended

    def fail(self, error: ConnectionEnded) -> None:
        """End everything, and tell everybody who waits."""
        if self._ended is not None:
            return
        self._ended = error
        self.connection.abort(str(error))
        for future in [*self._waiting.values(), self.greeting]:
            if not future.done():
                future.set_exception(self._again())
                future.exception()  # nobody may be waiting any more
        self._waiting.clear()
        for queue in self._challenges.values():
            queue.put_nowait(None)
        self.news.end(error)
        task, self._upload_task = self._upload_task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _again(self) -> ConnectionEnded:
        """The reason as a new exception: each who waits gets his own traceback."""
        assert self._ended is not None
        error = type(self._ended)(str(self._ended))
        error.__cause__ = self._ended.__cause__
        return error

    async def close(self) -> None:
        """End in good order; idempotent."""
        if self._ended is None:
            self._ended = ConnectionEnded("closed")
            await self.connection.close()
            self.news.end(self._ended)
            for future in [*self._waiting.values(), self.greeting]:
                if not future.done():
                    future.set_exception(self._again())
                    future.exception()
        self.connection.abort()
        await self._tasks.close()


def _ends_deflating(text: Text) -> bool:
    return text.octets.endswith(b" UNAUTHENTICATE\r\n")


def _our_fault(name: str, error: BaseException) -> ConnectionEnded:
    ended = ConnectionEnded(f"{name}: {type(error).__name__}: {error}")
    ended.__cause__ = error
    return ended


async def _pieces(source: object) -> AsyncIterator[bytes]:
    """A message, in pieces that are not too large."""
    match source:
        case bytes():
            for at in range(0, len(source), PIECE):
                yield source[at : at + PIECE]
        case AsyncIterable():
            async for piece in source:
                yield piece
        case Iterable():
            for piece in source:
                yield piece
        case _:
            raise Unsendable("a message is octets, or pieces of them")
