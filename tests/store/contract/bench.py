"""Shorthands for tests of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from postil.base.clock import FixedClock
from postil.ports.ids import AccountId, MailboxId, ModSeq, Uid
from postil.ports.picture import View
from postil.ports.store import Appended, NewMessage, NoSuchMailbox, Staged, Store

ALICE = AccountId(1)
BOB = AccountId(2)
MESSAGE = b"From: A <a@example.org>\r\nSubject: hello\r\nMessage-ID: <1@x>\r\n\r\nbody text\r\n"


async def all_gone(port: Store, mailbox: MailboxId, since: int) -> list[Uid]:
    """Every uid expunged since, ascending."""
    return sorted([uid async for page in port.gone(mailbox, ModSeq(since)) for uid in page])


@dataclass
class Bench:
    """A store, its clock, and what a test opened."""

    store: Any
    clock: FixedClock
    views: list[View] = field(default_factory=list)

    @property
    def port(self) -> Store:
        return self.store

    async def close(self) -> None:
        for view in self.views:
            view.close()
        await self.store.close()

    async def id(self, name: str = "INBOX", account: AccountId = ALICE) -> MailboxId:
        for mailbox in await self.port.mailboxes(account):
            if mailbox.name == name:
                return mailbox.id
        raise NoSuchMailbox(name)

    async def gone(self, mailbox: MailboxId, since: int) -> list[Uid]:
        """Every uid expunged since, ascending."""
        return await all_gone(self.port, mailbox, since)

    async def names(self, account: AccountId = ALICE) -> set[str]:
        return {mailbox.name for mailbox in await self.port.mailboxes(account)}

    async def stage(self, octets: bytes = MESSAGE, account: AccountId | None = ALICE) -> Staged:
        writer = self.port.stage(account, len(octets))
        for start in range(0, len(octets), 50_000):
            await writer.write(octets[start : start + 50_000])
        return await writer.finish()

    async def put(
        self,
        mailbox: MailboxId,
        *flags: str,
        octets: bytes = MESSAGE,
        prefix: bytes = b"",
        date: int | None = None,
        times: int = 1,
    ) -> Appended:
        """Append a message, `times` over, in one go."""
        body = await self.stage(octets)
        new = NewMessage(body, frozenset(flags), date, prefix)
        try:
            return await self.port.append(mailbox, [new] * times)
        finally:
            await self.port.discard(body)

    async def view(self, mailbox: MailboxId) -> View:
        view = await self.port.open(mailbox)
        self.views.append(view)
        return view

    async def picture(self, mailbox: MailboxId) -> Any:
        """Everything a new session would see of a mailbox."""
        view = await self.port.open(mailbox)
        try:
            generation = view.generation
            rows = [
                (
                    uid,
                    view.flagsets.names(generation.flags[place]),
                    generation.modseqs[place],
                    generation.sizes[place],
                    generation.dates[place],
                    generation.save_dates[place],
                )
                for place, uid in enumerate(generation.uids)
            ]
            assert generation.dead == 0
            details = []
            for start in range(0, len(rows), 256):
                places = range(start, min(start + 256, len(rows)))
                details.extend(await self.port.details(view, places))
            return rows, view.uidnext, view.uidvalidity, view.highest_modseq, tuple(details)
        finally:
            view.close()

    async def octets(self, view: View, position: int) -> bytes:
        """A message through `read`, in slices."""
        body = await self.port.body(view, position)
        pieces = []
        at = 0
        while at < body.size:
            pieces.append(body.read(at, 70_000))
            at += len(pieces[-1])
        assert b"".join(pieces) == body.buffer()
        return body.buffer()


def uids(*numbers: int) -> list[Uid]:
    """Uids from plain numbers."""
    return [Uid(number) for number in numbers]
