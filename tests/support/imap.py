"""An IMAP server in memory for tests: real sessions, a real store without a disk, a directory of two accounts."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.support.dialogue import Dialogue, Player
from tests.support.scram import challenge
from tests.support.streams import BOUND, PEER, MemoryStream

from postil.base.clock import FixedClock
from postil.base.tasks import Tasks
from postil.imap.serving import serve
from postil.imap.session import Session
from postil.imap.settings import Limits, Settings
from postil.ports.accounts import Account, Delivery, Salted
from postil.ports.channel import Channel
from postil.ports.ids import AccountId
from postil.ports.store import Mailbox, NewMessage, Store
from postil.store.memory import MemoryStore

PASSWORD = "secret"


@dataclass
class Directory:
    """Accounts by login name; the password is the same for all; `admin` may act as anybody."""

    accounts: dict[str, Account] = field(default_factory=dict)
    off: dict[AccountId, frozenset[str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  # TLS key to login name

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        return self._found(login) if password == PASSWORD else None

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        return challenge(self._found, login, hash_name, PASSWORD)

    async def cram_md5(
        self, login: str, challenge: bytes, digest: bytes, *, protocol: str
    ) -> Account | None:
        right = hmac.new(PASSWORD.encode(), challenge, "md5").hexdigest().encode()
        return self._found(login) if digest == right else None

    async def by_key(self, key: str, *, protocol: str) -> Account | None:
        return self._found(self.keys.get(key, ""))

    async def authorize(self, account: Account, identity: str) -> Account | None:
        return self._found(identity) if account.name == "admin" else None

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        return ()

    async def is_local(self, domain: str) -> bool:
        return False

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        return False

    def _found(self, name: str) -> Account | None:
        found = self.accounts.get(name)
        if found is None:
            return None
        off = self.off.get(found.id, frozenset())
        return replace(found, switched_off=found.switched_off | off)


@dataclass
class World:
    """Everything a session needs, and what it reported."""

    store: Store
    directory: Directory
    tasks: Tasks
    clock: FixedClock = field(default_factory=FixedClock)
    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tls: bool = True
    plaintext_login: bool = False
    certificate: bool = True
    limits: Limits = field(default_factory=Limits)
    entries: Mapping[str, bytes] = field(default_factory=dict)  # METADATA of the server
    bound: Channel | None = None  # what connections with TLS bind to
    client_key: str | None = None  # what clients with TLS prove to have
    preauth: bool = False
    cram_md5: bool = False
    sessions: list[Session] = field(default_factory=list)

    @property
    def account(self) -> Account:
        return self.directory.accounts["user"]

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def settings(self) -> Settings:
        return Settings(
            sleep=self._sleep,
            later=lambda seconds, call: asyncio.get_running_loop().call_later(seconds, call).cancel,
            host="test",
            plaintext_login=self.plaintext_login,
            limits=self.limits,
            entries=self.entries,
            preauth=frozenset({PEER.listener} if self.preauth else ()),
            cram_md5=self.cram_md5,
            event=lambda what, facts: self.events.append((what, facts)),
            failure=self.failures.append,
        )

    async def connect(self) -> MemoryStream:
        """A new connection; the greeting is still to be read."""
        peer = replace(PEER, tls="TLSv1.3", client_key=self.client_key) if self.tls else PEER
        stream = MemoryStream(peer, can_start_tls=self.certificate)
        if self.bound is not None:
            stream.bound = self.bound
        session = Session(stream, self.store, self.directory, self.clock, self.settings())
        self.sessions.append(session)
        self.tasks.start("session", serve(session))
        return stream

    async def mailbox(self, name: str) -> Mailbox:
        """The account's mailbox, made if missing."""
        for mailbox in await self.store.mailboxes(self.account.id):
            if mailbox.name == name:
                return mailbox
        return await self.store.create(self.account.id, name)

    async def deliver(
        self,
        name: str,
        octets: bytes,
        flags: frozenset[str] = frozenset(),
        date: int = 1_600_000_000,
    ) -> None:
        """A message from nowhere."""
        mailbox = await self.mailbox(name)
        writer = self.store.stage(self.account.id, len(octets))
        await writer.write(octets)
        staged = await writer.finish()
        await self.store.append(mailbox.id, [NewMessage(staged, flags, date)])
        await self.store.discard(staged)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A world with the accounts `user`, `other` and `admin`."""
    errors: list[BaseException] = []
    tasks = Tasks(lambda name, error: errors.append(error))
    made = World(MemoryStore(), Directory(), tasks)
    for number, name in enumerate(("user", "other", "admin"), 1):
        made.directory.accounts[name] = Account(AccountId(number), name)
        await made.store.provision(AccountId(number), None)
    try:
        yield made
    finally:
        await tasks.close()
    assert not errors, errors
    assert not made.failures, made.failures


def message(number: int, subject: str = "") -> bytes:
    """A small message; message 1 and message 2 differ."""
    return (
        f"From: sender{number}@example.org\r\nTo: user@example.org\r\n"
        f"Subject: {subject or f'message {number}'}\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
        f"Message-ID: <{number}@example.org>\r\n\r\nText of message {number}.\r\n"
    ).encode()


class Client:
    """A client that says one command at a time and hears everything up to its tagged line."""

    def __init__(self, stream: MemoryStream) -> None:
        self.stream = stream
        self._tags = 0

    async def greeting(self) -> bytes:
        return await self.stream.client_line()

    async def command(self, text: str | bytes) -> list[bytes]:
        """The lines of the answer without CRLF, the tagged one last (its tag replaced by `t`)."""
        self._tags += 1
        tag = b"t%d" % self._tags
        octets = text.encode() if isinstance(text, str) else text
        self.stream.client_write(tag + b" " + octets + b"\r\n")
        return await self.until(tag)

    async def until(self, tag: bytes) -> list[bytes]:
        """Lines up to the tagged one."""
        lines = []
        while line := await self.stream.client_line():
            lines.append(line.removesuffix(b"\r\n"))
            if line.startswith(tag + b" "):
                lines[-1] = b"t" + lines[-1][len(tag) :]
                break
        return lines


async def logged_in(made: World, select: str | None = None, user: str = "user") -> Client:
    """A client behind LOGIN, and SELECT when asked."""
    client = Client(await made.connect())
    await client.greeting()
    assert (await client.command(f"LOGIN {user} {PASSWORD}"))[-1].startswith(b"t OK")
    if select is not None:
        assert (await client.command(f"SELECT {select}"))[-1].startswith(b"t OK")
    return client


async def play(dialogue: Dialogue, made: World) -> None:
    """Set the scene, then let them talk.

    Keys: `state` (nonauth, auth, selected: INBOX), `mailbox` NAME, `messages` NAME COUNT, `message` NAME (FLAGS) SUBJECT,
    `subscribe` NAME, `delete` NAME, `bare` yes (INBOX only), `seen-before` NAME (nothing is \\Recent), `special` NAME ATTRIBUTE, `enable` CAPABILITY, `off` CAPABILITIES, `tls` no, `plaintext` yes,
    `certificate` no, `quota` OCTETS, `bind` exporter, `largest` OCTETS, `failed-logins` COUNT,
    `key` LOGIN (who the client's TLS key is registered for), `preauth` yes, `cram-md5` yes.
    """
    await _furnish(dialogue, made)
    state = dialogue.value("state", "auth")

    async def connect(number: int) -> MemoryStream:
        client = Client(await made.connect())
        if state == "greeting":
            return client.stream
        await client.greeting()
        if state != "nonauth":
            await client.command(f"LOGIN user {PASSWORD}")
            if dialogue.value("enable"):
                await client.command(f"ENABLE {dialogue.value('enable')}")
        if state == "selected":
            answer = await client.command("SELECT INBOX")
            assert answer[-1].startswith(b"t OK"), answer
        return client.stream

    await Player(dialogue, connect).play()


async def _furnish(dialogue: Dialogue, made: World) -> None:
    account = made.account
    made.tls = dialogue.value("tls", "yes") == "yes"
    made.certificate = dialogue.value("certificate", "yes") == "yes"
    made.plaintext_login = dialogue.value("plaintext", "no") == "yes"
    if dialogue.value("bind"):
        made.bound = BOUND
    if key := dialogue.value("key"):
        made.client_key = "ab" * 32
        made.directory.keys["ab" * 32] = key
    made.preauth = dialogue.value("preauth") == "yes"
    made.cram_md5 = dialogue.value("cram-md5") == "yes"
    if largest := dialogue.value("largest"):
        made.limits = replace(made.limits, largest_message=int(largest))
    if tries := dialogue.value("failed-logins"):
        made.limits = replace(made.limits, failed_logins=int(tries))
    off = frozenset(dialogue.value("off").split())
    quota = dialogue.value("quota")
    made.directory.accounts["user"] = replace(
        account, switched_off=off, quota=int(quota) if quota else None
    )
    if quota:
        await made.store.provision(account.id, int(quota))
    for key, value in dialogue.scene:
        await _one(made, key, value)


async def _one(made: World, key: str, value: str) -> None:
    account = made.account.id
    match key:
        case "mailbox":
            await made.mailbox(value)
        case "messages":
            name, count = value.rsplit(" ", 1)
            for number in range(1, int(count) + 1):
                await made.deliver(name, message(number))
        case "message":
            name, _, rest = value.partition(" (")
            flags, _, subject = rest.partition(")")
            await made.deliver(name, message(1, subject.strip()), frozenset(flags.split()))
        case "subscribe":
            await made.store.subscribe(account, value, True)
        case "bare":
            for mailbox in await made.store.mailboxes(account):
                await made.store.subscribe(account, mailbox.name, False)
                if mailbox.name != "INBOX":
                    await made.store.delete(account, mailbox.name)
        case "seen-before":
            await made.store.claim_recent((await made.mailbox(value)).id)
        case "delete":
            await made.store.delete(account, value)
        case "special":
            name, attributes = value.rsplit(" ", 1)
            mailbox = await made.mailbox(name)
            await made.store.set_special_use(mailbox.id, frozenset([attributes]))
        case _:
            pass
