"""Local delivery in memory for tests: a real pipeline over the store without a disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.smtp import SMTP_PEER, Directory

from postil.base.clock import FixedClock
from postil.inbound import Pipeline, Settings
from postil.ports.accounts import Account
from postil.ports.delivery import Path, Receiving, Transaction, Verdict
from postil.store.memory import MemoryStore


@dataclass
class Post:
    """A pipeline and the mailboxes behind it."""

    store: MemoryStore
    pipeline: Pipeline
    directory: Directory
    clock: FixedClock = field(default_factory=FixedClock)

    async def begin(
        self, sender: str = "sender@client.example", **changes: object
    ) -> Receiving | Verdict:
        """A transaction from outside, or with the changes given."""
        local, _, domain = sender.rpartition("@")
        facts: dict[str, object] = {
            "peer": SMTP_PEER,
            "helo": "client.example",
            "protocol": "ESMTP",
            "mail_from": Path(local, domain, sender),
            "account": None,
            "smtputf8": False,
            "eight_bit": False,
            "declared_size": None,
        }
        return await self.pipeline.begin(Transaction(**(facts | changes)))  # type: ignore[arg-type]

    async def send(self, message: bytes, *recipients: str, **changes: object) -> Verdict:
        """The verdict of the first step that refuses, or of the end."""
        receiving = await self.begin(**changes)  # type: ignore[arg-type]
        if isinstance(receiving, Verdict):
            return receiving
        for recipient in recipients or ("alice@example.org",):
            verdict = await receiving.recipient(path(recipient))
            if not verdict.ok:
                await receiving.abort()
                return verdict
        await receiving.write(message[: len(message) // 2])
        await receiving.write(memoryview(message)[len(message) // 2 :])
        return await receiving.finish()

    async def inbox(self, name: str = "alice", mailbox: str = "INBOX") -> list[bytes]:
        """The messages in an account's mailbox."""
        number = next(
            m.id for m in await self.store.mailboxes(self.account(name).id) if m.name == mailbox
        )
        view = await self.store.open(number)
        try:
            return [
                (await self.store.body(view, at)).buffer()
                for at in range(len(view.generation.uids))
            ]
        finally:
            view.close()

    def account(self, name: str = "alice") -> Account:
        return self.directory.accounts[name]


def path(address: str) -> Path:
    """A path as the parser gives it."""
    local, _, domain = address.rpartition("@")
    return Path(local or domain, domain if local else "", address)


@asynccontextmanager
async def post(settings: Settings | None = None) -> AsyncIterator[Post]:
    """Accounts alice and bob, with empty mailboxes."""
    clock = FixedClock()
    store = MemoryStore(clock)
    directory = Directory()
    for account in directory.accounts.values():
        await store.provision(account.id, account.quota)
    made = settings or Settings(host="mx.example.org")
    yield Post(store, Pipeline(store, directory, clock, made), directory, clock)
