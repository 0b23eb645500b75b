"""What was sent, what may be sent, and which answer belongs to which command. No I/O.

RFC 9051 §2.2, §3, §5.5, §7.

Theory of operation. `start` queues a command; `output` gives what may be written now: None means nothing, until the server says
more. Commands go out one behind the other as soon as the rules allow it, so several may run at once. `feed` takes octets, `next` gives one event.
What a running command claims goes to its `responses`, everything else is `News`. ESEARCH and UIDBATCHES name the command; of
the others no two commands that claim the same kind run at once, because nobody could tell whose the answer is.

At most one command waits for `+`: the one at the head of the queue. When its tagged answer comes instead, the rest of it is not sent
up to a literal it would have had to wait for.

What is behind the tagged answer of STARTTLS or COMPRESS is another layer's: `next` stops there and `rest` hands it over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from postil.imap.client import compose, parse
from postil.imap.client.codes import Listed
from postil.imap.client.compose import Chunk, Command, Forms, NonSync, Text, Upload, Wait
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.found import Batches, Extended
from postil.imap.client.framer import Frame, Framer
from postil.imap.client.limits import ReplyLimits
from postil.imap.client.parse import Response
from postil.imap.client.responses import (
    Capabilities,
    Condition,
    Continuation,
    Enabled,
    Status,
    Vanished,
)

# Whose command it is stands in the answer.
_NAMED: Final = (Extended, Batches)
_EXPUNGES: Final = frozenset({"EXPUNGE", "UID EXPUNGE", "MOVE", "UID MOVE"})
# What these change is known when they have ended: which names there are for what is sent next.
_FORGET: Final = frozenset({"STARTTLS", "LOGIN", "AUTHENTICATE", "UNAUTHENTICATE"})


@dataclass(slots=True, eq=False)
class Running:
    """A command from `start` to its tagged answer."""

    tag: str
    command: Command
    responses: list[Response] = field(default_factory=list)
    size: int = 0  # octets of the responses
    begun: bool = False  # octets of it were given out
    sent: bool = False  # all of them
    waits: bool = False  # for `+`
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Greeting:
    """The server's first line."""

    status: Status


@dataclass(frozen=True, slots=True)
class News:
    """A response that no command claims."""

    response: Response
    size: int = field(default=0, compare=False)  # in octets


@dataclass(frozen=True, slots=True)
class Answered:
    """A command has ended."""

    running: Running
    status: Status


@dataclass(frozen=True, slots=True)
class Challenge:
    """`+` for a command that is a dialogue."""

    running: Running
    text: bytes


Event: TypeAlias = Greeting | News | Answered | Challenge


class Conversation:
    """One connection, seen by the client."""

    def __init__(
        self,
        limits: ReplyLimits | None = None,
        heard: Callable[[Frame], None] = lambda frame: None,
    ) -> None:
        """`heard` gets every response before anything is made of it, for a trace."""
        self._limits = limits or ReplyLimits()
        self._framer = Framer(self._limits)
        self._heard = heard
        self._tags = 0
        self._queue: deque[Running] = deque()  # not sent to the end
        self._running: dict[str, Running] = {}  # begun, not answered
        self._chunks: deque[Chunk] = deque()  # of the head of the queue, or of a refused one
        self._greeted = False
        self._events: deque[Event] = deque()  # that happened and were not asked for yet
        self.capabilities: frozenset[str] | None = None  # None: not known
        self.enabled: frozenset[str] = frozenset()
        self.bye: Status | None = None

    # --- what the server offers

    @property
    def utf8(self) -> bool:
        """Are names and quoted strings UTF-8?"""
        return not self.enabled.isdisjoint({"IMAP4REV2", "UTF8=ACCEPT"})

    @property
    def forms(self) -> Forms:
        """How arguments are written now."""
        known = self.capabilities or frozenset()
        if "LITERAL+" in known:
            return Forms(self.utf8, NonSync.ALL)
        # RFC 9051 §4.3: "Unless otherwise specified in an IMAP extension, non-synchronizing literals MUST NOT be larger than 4096 octets."
        small = not known.isdisjoint({"LITERAL-", "IMAP4REV2"})
        return Forms(self.utf8, NonSync.SMALL if small else NonSync.NONE)

    # --- commands

    def start(self, command: Command) -> Running:
        """Queue it; Unsendable at once when it cannot be written."""
        self._tags += 1
        running = Running(f"A{self._tags}", command)
        compose.render(running.tag, command, self.forms)
        self._queue.append(running)
        return running

    def drop(self, running: Running) -> bool:
        """Take back a command of which nothing was sent; False when it is too late."""
        if running.begun or running not in self._queue:
            return False
        self._queue.remove(running)
        return True

    def output(self) -> Text | Upload | None:
        """What to write now. After an Upload its octets, all of them, come before the next call."""
        if not self._chunks and not self._begin():
            return None
        chunk = self._chunks[0]
        head = self._queue[0] if self._queue and self._queue[0].begun else None
        if isinstance(chunk, Wait):
            if head is not None:
                head.waits = True
            return None
        self._chunks.popleft()
        if not self._chunks and head is not None:
            self._queue.popleft()
            head.sent = True
        return chunk

    def respond(self, running: Running, line: bytes, *, secret: bool) -> Text:
        """A line of a dialogue, to be written at once."""
        assert running.command.dialogue and running.sent
        return Text(line + b"\r\n", (compose.MASK if secret else line) + b"\r\n")

    def _begin(self) -> bool:
        """Start the next command if it may run now."""
        if not self._greeted or not self._queue or self._queue[0].begun:
            return False
        running = self._queue[0]
        if not self._may(running.command):
            return False
        self._chunks.extend(compose.render(running.tag, running.command, self.forms))
        running.begun = True
        self._running[running.tag] = running
        return True

    def _may(self, command: Command) -> bool:
        others = [one.command for one in self._running.values()]
        if not others:
            return True
        if command.alone or any(one.alone for one in others):
            return False
        # RFC 9051 §5.5: "Therefore, if the client sends any command other than FETCH, STORE, or SEARCH, it MUST wait for the
        # completion result response before sending a command with message sequence numbers."
        if command.by_number and any(one.may_expunge for one in others):
            return False
        mine = set(command.claims).difference(_NAMED)
        return all(mine.isdisjoint(one.claims) for one in others)

    # --- answers

    def feed(self, data: bytes) -> None:
        """Octets from the server."""
        self._framer.feed(data)

    def next(self) -> Event | None:
        """What happened next; None when more octets are needed. ProtocolViolation ends everything."""
        while True:
            if self._events:
                return self._events.popleft()
            frame = self._framer.next()
            if frame is None:
                return None
            self._heard(frame)
            if not self._greeted and not frame.text.startswith(b"* "):
                raise ProtocolViolation(f"no greeting of IMAP: {frame.text[:60]!r}")
            event = self._event(parse.response(frame, utf8=self.utf8), frame.size)
            if event is not None:
                return event

    @property
    def inside(self) -> bool:
        """Has the server begun a response and not ended it?"""
        return self._framer.inside

    def rest(self) -> bytes:
        """What came behind the last event."""
        return self._framer.rest()

    def _event(self, response: Response, size: int) -> Event | None:
        if not self._greeted:
            return self._greet(response)
        match response:
            case Status(tag=tag) if tag:
                return self._answered(response)
            case Continuation(text):
                return self._go_on(text)
            case Status(condition=Condition.BYE):
                self.bye = response
            case Capabilities(names):
                self.capabilities = frozenset(names)
            case Enabled(names):
                self.enabled |= frozenset(names)
            case Status():
                self._learn(response)
                if response.code_name == "CLOSED":
                    self._closed(response)
        owner = self._owner(response)
        if owner is None:
            return News(response, size)
        owner.responses.append(response)
        owner.size += size
        if owner.size > self._limits.answer:
            raise ProtocolViolation(
                f"{owner.command.name}: an answer of more than {self._limits.answer} octets"
            )
        return None

    def _greet(self, response: Response) -> Event:
        # RFC 9051 §7.1: greeting = "*" SP (resp-cond-auth / resp-cond-bye), OK or PREAUTH or BYE
        if (
            not isinstance(response, Status)
            or response.tag
            or response.condition in (Condition.NO, Condition.BAD)
        ):
            raise ProtocolViolation(f"no greeting of IMAP: {response!r:.100}")
        self._greeted = True
        self._learn(response)
        if response.condition is Condition.BYE:
            self.bye = response
        return Greeting(response)

    def _learn(self, status: Status) -> None:
        if isinstance(status.code, Listed) and status.code.name == "CAPABILITY":
            self.capabilities = frozenset(name.upper() for name in status.code.items)

    def _answered(self, status: Status) -> Answered:
        running = self._running.pop(status.tag, None)
        if running is None:
            raise ProtocolViolation(
                f"an answer to {status.tag!r:.40}, which is no command that runs"
            )
        if not running.sent:
            self._refused(running, status)
        name = running.command.name
        if status.condition is Condition.OK and name in _FORGET:
            # RFC 9051 §6.2.1: "Once TLS has been started, the client MUST discard cached information about server capabilities and
            # SHOULD reissue the CAPABILITY command."
            self.capabilities = None
            if name == "UNAUTHENTICATE":
                self.enabled = frozenset()
        self._learn(status)
        running.status = status
        return Answered(running, status)

    def _refused(self, running: Running, status: Status) -> None:
        """Answered before all of it was sent: what the server waits for still goes out, the rest does not."""
        if status.condition is Condition.OK:
            raise ProtocolViolation(f"OK to {running.command.name} before all of it was sent")
        if self._queue and self._queue[0] is running:
            self._queue.popleft()
        kept: list[Chunk] = []
        for chunk in self._chunks:
            if isinstance(chunk, Wait):
                # RFC 9051 §4.3: the server has said no, so there is no go-ahead and no literal.
                break
            kept.append(chunk)
        self._chunks = deque(kept)

    def _go_on(self, text: bytes) -> Event | None:
        head = self._queue[0] if self._queue else None
        if head is not None and head.waits:
            head.waits = False
            self._chunks.popleft()
            return None
        for running in self._running.values():
            if running.command.dialogue and running.sent:
                return Challenge(running, text)
        raise ProtocolViolation("a request to go on, and no command waits for one")

    def _owner(self, response: Response) -> Running | None:
        if isinstance(response, _NAMED) and response.tag:
            return self._running.get(response.tag)
        if isinstance(response, Status) and (
            response.condition is not Condition.OK
            or response.code_name in ("", "ALERT", "INPROGRESS")
        ):
            return None
        for running in self._running.values():
            command = running.command
            if type(response) not in command.claims:
                continue
            # What went long ago is the answer to who asked for that, what goes now to who expunges.
            if isinstance(response, Vanished) and response.earlier == (command.name in _EXPUNGES):
                continue
            return running
        return None

    def _closed(self, status: Status) -> None:
        """What SELECT was told so far was said of the mailbox that was selected before."""
        # RFC 7162 §3.2.11: "The CLOSED response code serves as a boundary between responses for the previously opened mailbox (which was
        # closed) and the newly selected mailbox; all responses before the CLOSED response code relate to the mailbox that was
        # closed, and all subsequent responses relate to the newly opened mailbox."
        owner = self._owner(status)
        if owner is not None:
            self._events.extend(News(response) for response in owner.responses)
            owner.responses.clear()
            owner.size = 0
