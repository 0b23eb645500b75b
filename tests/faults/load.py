"""What several clients do while the disk is recorded: random requests, each acknowledged by the store before the next.

A request is plain data, so that the judge can do the same to the memory store. Mailboxes are named by the id the recorded store gave them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from postil.ports.ids import AccountId, MailboxId, Uid
from postil.ports.store import (
    Appended,
    Copied,
    FlagChange,
    Mailbox,
    NewMessage,
    Staged,
    Store,
    StoreError,
)

ACCOUNTS = (AccountId(1), AccountId(2))
FLAGS = ("\\Seen", "\\Deleted", "\\Answered", "Work", "$Important")
PEOPLE = ("a@x", "b@x", "c@x")
THREADS = ("<0@x>", "<1@x>")
NAMES = ("w0", "w1", "w2", "w0/x", "w1/y")


@dataclass(frozen=True, slots=True)
class Request:
    """A verb of the port and its arguments; `Message` and `MailboxId` inside are replaced when it is done."""

    verb: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A message to append."""

    octets: bytes
    flags: frozenset[str]
    prefix: bytes = b""


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox as the recorded store numbers it."""

    id: int


async def perform(
    store: Store, request: Request, box: Callable[[int], MailboxId], answered: Callable[[Any], None]
) -> None:
    """Do a request; `answered` hears the result, or the StoreError, at the moment a client would."""
    staged: dict[int, Staged] = {}

    async def ready(value: Any) -> Any:
        match value:
            case Box(number):
                return box(number)
            case Message(octets, flags, prefix):
                body = staged.get(id(value))
                if body is None:
                    writer = store.stage(None, len(octets))
                    for start in range(0, len(octets), 3000):
                        await writer.write(octets[start : start + 3000])
                    body = staged[id(value)] = await writer.finish()
                return NewMessage(body, flags, None, prefix)
            case tuple():
                return tuple([await ready(one) for one in value])
        return value

    arguments = await ready(request.arguments)
    try:
        answered(await getattr(store, request.verb)(*arguments))
    except StoreError as error:
        answered(type(error))
    for body in staged.values():
        await store.discard(body)


@dataclass(slots=True)
class Client:
    """One client: what it knows of the mailboxes, and what it asks for next."""

    dice: random.Random
    boxes: dict[int, list[Uid]]  # shared by all clients: mailbox -> uids, roughly
    owners: dict[int, AccountId]
    number: int = 0
    held: list[Any] = field(default_factory=list)

    def next(self) -> Request:
        """A random request; some of them will be refused, as in life."""
        roll = self.dice.random()
        box = self.dice.choice(list(self.boxes))
        if roll < 0.36 or not self.boxes[box]:
            return self._arrival(box)
        uids = tuple(
            sorted(
                self.dice.sample(
                    self.boxes[box], min(len(self.boxes[box]), self.dice.randint(1, 8))
                )
            )
        )
        if roll < 0.55:
            flags = frozenset(self.dice.sample(FLAGS, self.dice.randint(0, 3)))
            change = self.dice.choice(list(FlagChange))
            return Request("change_flags", (Box(box), uids, change, flags))
        if roll < 0.72:
            verb = self.dice.choice(("copy", "move"))
            return Request(verb, (Box(box), uids, Box(self.dice.choice(list(self.boxes)))))
        if roll < 0.76:
            new = Message(self._octets(self.dice.randint(0, 6000)), frozenset(FLAGS[:1]))
            where = Box(self.dice.choice(list(self.boxes)))
            return Request("replace", (Box(box), self.dice.choice(uids), where, new))
        if roll < 0.88:
            if self.dice.random() < 0.3:
                return Request("expunge", (Box(box), None, True))
            if self.dice.random() < 0.2:
                uids = tuple(self.boxes[box])
            return Request("expunge", (Box(box), uids, False))
        return self._of_the_list(box)

    def _arrival(self, box: int) -> Request:
        message = self._message()
        if self.dice.random() < 0.3:
            inboxes = [min(b for b, o in self.owners.items() if o == owner) for owner in ACCOUNTS]
            prefixed = [
                Message(message.octets, frozenset(), b"Delivered-To: %d\r\n" % b) for b in inboxes
            ]
            return Request(
                "deliver", (tuple((Box(b), m) for b, m in zip(inboxes, prefixed, strict=True)),)
            )
        several = (self._message() for _ in range(self.dice.choice((0, 0, 0, 1, 2))))
        return Request("append", (Box(box), (message, *several)))

    def _message(self) -> Message:
        big = self.dice.random() < 0.12
        return Message(
            self._octets(self.dice.randint(4000, 14_000) if big else self.dice.randint(0, 1500)),
            frozenset(self.dice.sample(FLAGS, self.dice.randint(0, 2))),
        )

    def _octets(self, size: int) -> bytes:
        self.number += 1
        word = b"%08x" % self.dice.getrandbits(32)
        head = b"Message-ID: <%s@x>\r\nSubject: %s\r\n" % (word, word)
        author, reader, thread = map(self.dice.choice, (PEOPLE, PEOPLE, (*THREADS, "")))
        head += f"From: {author}\r\nTo: {reader}\r\nIn-Reply-To: {thread}\r\n\r\n".encode()
        return head + word * (size // 8)

    def _of_the_list(self, box: int) -> Request:
        owner = self.dice.choice(ACCOUNTS)
        name = self.dice.choice(NAMES)
        match self.dice.randrange(6):
            case 0 | 1:
                return Request("create", (owner, name))
            case 2:
                return Request("delete", (owner, name))
            case 3:
                return Request("rename", (owner, name, self.dice.choice(NAMES)))
            case 4:
                return Request("subscribe", (owner, name, self.dice.random() < 0.5))
        return Request(
            "annotate", (self.owners[box], Box(box), {"/private/comment": self._octets(9)})
        )

    def learn(self, request: Request, result: Any) -> None:
        """Keep roughly in mind what is where."""
        match request, result:
            case _, Mailbox():
                self.boxes[result.id] = []
                self.owners[result.id] = result.account
            case Request("replace", (Box(source), old, *_)), Appended():
                self._less(source, (old,))
                self._more(result.mailbox, result.uids)
            case _, Appended():
                self._more(result.mailbox, result.uids)
            case Request("deliver"), list() | tuple():
                for appended in result:
                    self._more(appended.mailbox, appended.uids)
            case Request("move", (Box(source), *_)), Copied():
                self._more(result.mailbox, result.targets)
                self._less(source, result.sources)
            case _, Copied():
                self._more(result.mailbox, result.targets)
            case Request("expunge", (Box(source), *_)), tuple():
                self._less(source, result)

    def _more(self, box: int, uids: Sequence[Uid]) -> None:
        self.boxes.setdefault(box, []).extend(uids)

    def _less(self, box: int, uids: Sequence[Uid]) -> None:
        gone = set(uids)
        self.boxes[box] = [uid for uid in self.boxes.get(box, []) if uid not in gone]
