"""What the start page shows, read from the store in bounded pieces: accounts, mailboxes with counters, last messages."""

from __future__ import annotations

import datetime
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from postil.message import fields, words
from postil.message.addresses import mailboxes, parse_addresses
from postil.ports.accounts import Account
from postil.ports.ids import MailboxId, Uid
from postil.ports.store import Details, Mailbox, NoSuchMailbox, Status, Store

ACCOUNTS: Final = 20  # a page is for looking at, `postil account list` for counting
MAILBOXES: Final = 50
MESSAGES: Final = 20  # newest first, over the mailboxes shown
SHOWN: Final = 200  # characters of a field; the rest is cut
SOURCE: Final = 1024 * 1024  # octets of a message shown as its source


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message in the list of the last ones."""

    mailbox: Mailbox
    uid: Uid
    arrived: datetime.datetime
    sender: str
    to: str
    subject: str
    size: int
    seen: bool


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """A mailbox and its counters."""

    mailbox: Mailbox
    status: Status


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account and what it holds."""

    account: Account
    mailboxes: tuple[MailboxLine, ...]
    messages: tuple[MessageLine, ...]


def _text(header: bytes, name: bytes) -> str:
    value = fields.first(header, name)
    text = " ".join(words.decode(fields.unfold(value)).split()) if value else ""
    # Characters that turn the direction of text or hide in it would let a sender redraw our page.
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _people(header: bytes, name: bytes) -> str:
    value = fields.first(header, name)
    found = [
        address.display or address.spec
        for address in mailboxes(parse_addresses(fields.unfold(value) if value else b""))
    ]
    return ", ".join(found)[:SHOWN] or _text(header, name)


class Overview:
    """Reads what the pages show."""

    def __init__(self, store: Store, accounts: Callable[[], Awaitable[Sequence[Account]]]) -> None:
        self._store = store
        self._accounts = accounts

    async def lines(self) -> Sequence[AccountLine]:
        """The first accounts by name."""
        return [await self._account(account) for account in (await self._accounts())[:ACCOUNTS]]

    async def _account(self, account: Account) -> AccountLine:
        boxes = []
        messages: list[MessageLine] = []
        for mailbox in (await self._store.mailboxes(account.id))[:MAILBOXES]:
            try:
                status = await self._store.status(mailbox.id)
                if status.messages:
                    messages += await self._last(mailbox)
            except NoSuchMailbox:
                continue  # deleted since it was listed
            boxes.append(MailboxLine(mailbox, status))
        messages.sort(key=lambda line: (line.arrived, line.uid), reverse=True)
        return AccountLine(account, tuple(boxes), tuple(messages[:MESSAGES]))

    async def _last(self, mailbox: Mailbox) -> list[MessageLine]:
        view = await self._store.open(mailbox.id)
        try:
            view.advance()
            generation = view.generation
            count = len(generation.uids)
            positions = range(max(0, count - MESSAGES), count)
            seen = view.flagsets.matching("\\Seen")
            about = [
                (generation.save_dates[p], generation.sizes[p], bool(seen[generation.flags[p]]))
                for p in positions
            ]
            found = await self._store.details(view, positions)
            lines = []
            for p, details, (arrived, size, was_seen) in zip(positions, found, about, strict=True):
                header = details.header
                if header is None:
                    header = (await self._store.body(view, p)).read(0, 64 * 1024)
                lines.append(_line(mailbox, details, header, arrived, size, was_seen))
            return lines
        finally:
            view.close()

    async def source(self, mailbox: MailboxId, uid: Uid) -> tuple[bytes, int] | None:
        """The first octets of a message and its whole size; None when it is not there."""
        try:
            view = await self._store.open(mailbox)
        except NoSuchMailbox:
            return None
        try:
            position = view.generation.position(uid)
            if position is None or position in view.generation.dead_positions():
                return None
            body = await self._store.body(view, position)
            return body.read(0, min(body.size, SOURCE)), body.size
        finally:
            view.close()


def _line(
    mailbox: Mailbox, details: Details, header: bytes, arrived: int, size: int, seen: bool
) -> MessageLine:
    return MessageLine(
        mailbox=mailbox,
        uid=details.uid,
        arrived=datetime.datetime.fromtimestamp(arrived, datetime.UTC),
        sender=_people(header, b"from"),
        to=_people(header, b"to"),
        subject=_text(header, b"subject"),
        size=size,
        seen=seen,
    )
