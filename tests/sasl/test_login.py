"""The attempts of one connection: what is asked of the gate, what is written down, and who it is in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.support.imap import PASSWORD, Directory

from postil.ports.accounts import Account
from postil.ports.channel import Channel
from postil.ports.ids import AccountId
from postil.ports.logins import Attempt, Leave, Result
from postil.ports.peer import Peer
from postil.sasl import scram
from postil.sasl.login import Failed, Login
from postil.sasl.scram_client import Binding, ClientExchange

DATA = b"\1" * 32
PEER = Peer("198.51.100.7", 1, "192.0.2.1", 993, "imaps", "c", "TLSv1.3", client_key="ab" * 32)


@dataclass(frozen=True)
class Connection:
    """A `sasl.login.Line` under TLS 1.3."""

    peer: Peer = PEER
    channel: Channel = Channel(True, True, ("tls-exporter",), {"tls-exporter": DATA}.get)


@dataclass
class Watched:
    """A gate that says what it is told to say, and keeps what it hears."""

    leave: Leave = Leave(True)
    in_turn: Leave = Leave(True)
    heard: list[Attempt] = field(default_factory=list)

    def ask(self, ip: str) -> Leave:
        return self.leave

    @asynccontextmanager
    async def turn(self, ip: str) -> AsyncIterator[Leave]:
        yield self.in_turn

    def record(self, attempt: Attempt) -> None:
        self.heard.append(attempt)


@pytest.fixture
def gate() -> Watched:
    return Watched()


@pytest.fixture
def login(gate: Watched) -> Login:
    names = ("user", "admin")
    accounts = {name: Account(AccountId(n), name) for n, name in enumerate(names, 1)}
    directory = Directory(accounts, keys={"ab" * 32: "user"})
    return Login(Connection(), directory, gate, "imap")


async def scrammed(
    login: Login, user: str, password: str, kind: str = "", authorize: str = ""
) -> Account:
    """An exchange of SCRAM-SHA-256, or of its -PLUS with a binding of that type."""
    name = "SCRAM-SHA-256-PLUS" if kind else "SCRAM-SHA-256"
    client = ClientExchange(
        scram.MECHANISMS[name],
        user,
        password,
        b"abc",
        binding=Binding("p", kind, DATA) if kind else Binding(),
        authorize=authorize,
    )
    answers: list[Callable[[bytes], bytes]] = [
        client.final,
        lambda said: client.finish(said) or b"",
    ]

    async def ask(said: bytes) -> bytes:
        return answers.pop(0)(said)

    return await login.exchange(name, client.first(), ask)


async def test_what_is_written_down(gate: Watched, login: Login) -> None:
    """A wrong proof is a wrong password, another type of binding an interception; each with the name."""
    for password, kind, result in (
        ("guess", "", Result.CREDENTIALS),
        (PASSWORD, "tls-unique", Result.BINDING),
    ):
        with pytest.raises(Failed) as failed:
            await scrammed(login, "user", password, kind)
        assert failed.value.result is gate.heard[-1].result is result
    assert gate.heard[0].login == "user"
    await scrammed(login, "user", PASSWORD)
    assert (gate.heard[-1].result, gate.heard[-1].account) == (Result.OK, 1)


async def test_acting_as_somebody_else(gate: Watched, login: Login) -> None:
    """The name in a= is who it is then, where the account may; else nobody is logged in (RFC 5802 §5.1)."""
    assert (await scrammed(login, "admin", PASSWORD, authorize="user")).name == "user"
    with pytest.raises(Failed):
        await scrammed(login, "user", PASSWORD, authorize="admin")
    assert gate.heard[-1].result is Result.AUTHORIZATION


async def test_once_used_is_used(login: Login) -> None:
    """No exchange without the binding makes the connection fresh again."""
    with pytest.raises(Failed):
        await scrammed(login, "user", "guess", "tls-exporter")
    assert login.spent
    await scrammed(login, "user", PASSWORD)
    assert login.spent


async def test_refused_in_its_turn(gate: Watched, login: Login) -> None:
    """Where the limit was reached while others were looked at, the right password logs nobody in."""
    gate.in_turn = Leave(False, again=60.0)

    async def ask(said: bytes) -> bytes:
        raise AssertionError("it has all it needs")

    async def key() -> Account:
        return await login.exchange("EXTERNAL", b"", ask)

    async def password() -> Account:
        return await login.password("user", PASSWORD, "LOGIN")

    for attempt in (password, lambda: scrammed(login, "user", PASSWORD), key):
        with pytest.raises(Failed, match="try again in 60 s"):
            await attempt()
        assert gate.heard[-1].result is Result.LIMITED


async def test_keys(gate: Watched, login: Login) -> None:
    """A key that says nothing of a name is written down with its account's; a network that must wait is not logged in by one."""
    account = await login.by_key()
    assert account is not None and account.name == "user"

    async def ask(said: bytes) -> bytes:
        raise AssertionError("it has all it needs")

    assert (await login.exchange("EXTERNAL", b"", ask)).name == "user"
    assert [one.login for one in gate.heard] == ["user", "user"]
    gate.leave = Leave(False, again=60.0)
    assert await login.by_key() is None


async def test_what_is_kept_of_a_name_is_bounded(gate: Watched, login: Login) -> None:
    with pytest.raises(Failed):
        await login.password("u" * 1000, "guess", "LOGIN")
    assert gate.heard[0].login == "u" * 320
