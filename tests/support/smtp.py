"""An SMTP server in memory for tests: real sessions, and a pipeline that writes down what it is given."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.support.scram import challenge
from tests.support.streams import PEER, MemoryStream

from postil.base.clock import FixedClock
from postil.base.tasks import Tasks
from postil.ports.accounts import Account, AccountsUnavailable, Delivery, Salted
from postil.ports.channel import Channel
from postil.ports.delivery import Inbound, Path, Receiving, Transaction, Verdict
from postil.ports.ids import AccountId
from postil.ports.logins import Gate, OpenGate
from postil.smtp import Limits, Session, Settings

PASSWORD = "secret"
SMTP_PEER = replace(PEER, ip="192.0.2.1", local_port=25, listener="smtp")


@dataclass
class Directory:
    """Accounts by address `name@example.org`; one password for all; `down` makes it fail."""

    accounts: dict[str, Account] = field(
        default_factory=lambda: {
            name: Account(AccountId(number), f"{name}@example.org")
            for number, name in enumerate(("alice", "bob"), 1)
        }
    )
    aliases: dict[str, str] = field(
        default_factory=lambda: {"postmaster": "alice", "abuse": "alice"}
    )
    keys: dict[str, str] = field(default_factory=dict)  # TLS key to login name
    down: bool = False

    def _check(self) -> None:
        if self.down:
            raise AccountsUnavailable("down")

    async def authenticate(
        self, login: str, password: str, *, protocol: str, peer: str
    ) -> Account | None:
        self._check()
        return self._enabled(login) if password == PASSWORD else None

    async def scram(self, login: str, hash_name: str, *, protocol: str) -> Salted:
        self._check()
        return challenge(self._enabled, login, hash_name, PASSWORD)

    def _enabled(self, login: str) -> Account | None:
        account = self.accounts.get(login.removesuffix("@example.org"))
        return account if account and not account.disabled else None

    async def cram_md5(
        self, login: str, challenge: bytes, digest: bytes, *, protocol: str
    ) -> Account | None:
        self._check()
        right = hmac.new(PASSWORD.encode(), challenge, "md5").hexdigest().encode()
        return self._enabled(login) if digest == right else None

    async def by_key(self, key: str, *, protocol: str) -> Account | None:
        self._check()
        return self._enabled(self.keys.get(key, ""))

    async def authorize(self, account: Account, identity: str) -> Account | None:
        return account if identity == account.name else None

    async def resolve(self, local_part: str, domain: str) -> Sequence[Delivery]:
        self._check()
        name = local_part.casefold()
        if domain not in ("example.org", "xn--bcher-kva.example", ""):
            return ()
        account = self.accounts.get(self.aliases.get(name, name))
        return (Delivery(account, f"{name}@{domain}" if domain else name),) if account else ()

    async def is_local(self, domain: str) -> bool:
        self._check()
        return domain in ("example.org", "xn--bcher-kva.example")

    async def may_send_as(self, account: Account, local_part: str, domain: str) -> bool:
        return any(
            found.account.id == account.id for found in await self.resolve(local_part, domain)
        )


@dataclass
class Recorded:
    """A message that came in, or began to."""

    transaction: Transaction
    recipients: list[Path] = field(default_factory=list)
    octets: bytearray = field(default_factory=bytearray)
    finished: bool = False
    aborted: bool = False
    pieces: int = 0


@dataclass
class Recorder:
    """`ports.delivery.Inbound` that accepts everything but local parts `refused`, and breaks on request."""

    messages: list[Recorded] = field(default_factory=list)
    at_mail: Verdict | None = None
    at_end: Verdict = Verdict(250, "2.0.0", "kept", "test")
    write_fails: Exception | None = None
    finish_fails: Exception | None = None

    async def begin(self, transaction: Transaction) -> Receiving | Verdict:
        if self.at_mail is not None:
            return self.at_mail
        self.messages.append(Recorded(transaction))
        return RecordedReceiving(self, self.messages[-1])

    @property
    def kept(self) -> list[bytes]:
        """The messages that were finished."""
        return [bytes(message.octets) for message in self.messages if message.finished]


@dataclass
class RecordedReceiving:
    recorder: Recorder
    message: Recorded

    async def recipient(self, path: Path) -> Verdict:
        if path.local.startswith("refused"):
            return Verdict(550, "5.1.1", "no such user here", "test")
        self.message.recipients.append(path)
        return Verdict(250, "2.1.5", "recipient ok", "test")

    async def write(self, piece: bytes | memoryview) -> None:
        if self.recorder.write_fails is not None:
            raise self.recorder.write_fails
        self.message.octets += piece
        self.message.pieces += 1

    async def finish(self) -> Verdict:
        if self.recorder.finish_fails is not None:
            raise self.recorder.finish_fails
        self.message.finished = self.recorder.at_end.ok
        return self.recorder.at_end

    async def abort(self) -> None:
        self.message.aborted = True


@dataclass
class World:
    """Everything a session needs, and what it reported."""

    tasks: Tasks
    inbound: Inbound
    recorder: Recorder
    directory: Directory = field(default_factory=Directory)
    clock: FixedClock = field(default_factory=FixedClock)
    events: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tls: bool = False
    certificate: bool = True
    offer_login: bool = False
    require_login: bool = False
    plaintext_login: bool = False
    ip: str = SMTP_PEER.ip
    limits: Limits = field(default_factory=Limits)
    bound: Channel | None = None  # what connections with TLS bind to
    client_key: str | None = None  # what clients with TLS prove to have
    cram_md5: bool = False
    gate: Gate = field(default_factory=OpenGate)
    sessions: list[Session] = field(default_factory=list)

    def submission(self) -> None:
        """From now on connections are to a submission port with TLS."""
        self.tls = self.offer_login = self.require_login = True

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def settings(self) -> Settings:
        return Settings(
            sleep=self._sleep,
            gate=self.gate,
            host="mx.example.org",
            offer_login=self.offer_login,
            require_login=self.require_login,
            plaintext_login=self.plaintext_login,
            limits=self.limits,
            cram_md5=self.cram_md5,
            event=lambda what, facts: self.events.append((what, facts)),
            failure=self.failures.append,
        )

    async def connect(self) -> MemoryStream:
        """A new connection; the greeting is still to be read."""
        peer = replace(SMTP_PEER, ip=self.ip)
        if self.tls:
            peer = replace(
                peer, tls="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", client_key=self.client_key
            )
        stream = MemoryStream(peer, can_start_tls=self.certificate)
        if self.bound is not None:
            stream.bound = self.bound
        session = Session(stream, self.inbound, self.directory, self.clock, self.settings())
        self.sessions.append(session)
        self.tasks.start("session", session.run())
        return stream

    async def client(self, hello: str | None = "EHLO client.example") -> Client:
        """A connection past greeting and introduction."""
        client = Client(await self.connect())
        assert (await client.reply()).startswith("220 mx.example.org ")
        if hello:
            assert (await client.ask(hello)).startswith("250")
        return client


@dataclass
class Client:
    """A client that sends lines and reads whole replies as text with LF."""

    stream: MemoryStream

    def send(self, *lines: str) -> None:
        """Send lines, CRLF added."""
        self.stream.client_write(b"".join(line.encode() + b"\r\n" for line in lines))

    async def reply(self) -> str:
        """The next reply, several lines joined by LF; "" when the server has closed."""
        lines = []
        while True:
            line = (await self.stream.client_line()).decode("ascii")
            lines.append(line.removesuffix("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def ask(self, line: str) -> str:
        """Send a line, get its reply."""
        self.send(line)
        return await self.reply()

    async def codes(self, *lines: str) -> list[str]:
        """One after the other: code and enhanced code of each reply."""
        return [short(await self.ask(line)) for line in lines]

    async def login(self, token: str = "AGFsaWNlAHNlY3JldA==") -> str:
        """AUTH PLAIN as alice."""
        return await self.ask(f"AUTH PLAIN {token}")

    async def envelope(self, *recipients: str) -> None:
        """MAIL and RCPT, accepted."""
        assert (await self.ask("MAIL FROM:<sender@client.example>")).startswith("250")
        for recipient in recipients or ("alice@example.org",):
            assert (await self.ask(f"RCPT TO:<{recipient}>")).startswith("250")

    async def message(self, octets: bytes) -> str:
        """DATA with octets that are on the wire already (stuffed, with their end)."""
        assert (await self.ask("DATA")).startswith("354")
        self.stream.client_write(octets)
        return await self.reply()


def short(reply: str) -> str:
    """`550 5.1.1` of a reply, `354` of one without enhanced code."""
    words = (reply[:3] + " " + reply[4:]).replace("\n", " ").split(" ")
    return (
        " ".join(words[:2]) if len(words) > 1 and words[1][:2] in ("2.", "4.", "5.") else words[0]
    )


@asynccontextmanager
async def world(inbound: Inbound | None = None) -> AsyncIterator[World]:
    """A world; sessions end with it, and their own errors fail the test."""
    errors: list[BaseException] = []
    tasks = Tasks(lambda name, error: errors.append(error))
    recorder = Recorder()
    try:
        yield World(tasks, inbound or recorder, recorder)
    finally:
        await tasks.close()
    assert not errors, errors


__all__ = ["Client", "Directory", "Recorder", "World", "short", "world"]
