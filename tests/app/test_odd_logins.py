"""Names, messages and cancellations that no honest client sends, over real TLS: each is a wrong login, and none a fault of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.localserve import LOGIN, PASSWORD
from tests.support.loginclient import Answer, Client, context

from postil.accounts import attempts
from postil.app.localserve import Options, localserving
from postil.app.server import Server
from postil.ports.logins import Result
from postil.sasl import scram
from postil.sasl.scram_client import ClientExchange

PORTS = {"imap": "imaps", "smtp": "submissions"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    options = Options(folder=tmp_path / "data", any_port=True, grace=1.0, login_wait=0.0)
    async with localserving(options) as running:
        yield running


@pytest.fixture(params=["imap", "smtp"])
async def client(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    port = server.ports[PORTS[request.param]]
    made = await Client.open(request.param, port, context(server.certificate))
    yield made
    await made.close()


def refused(answer: Answer) -> bool:
    return "Wrong name or password" in answer.text or "credentials invalid" in answer.text


ODD = [
    "a" * 2000,  # longer than the library of IDNA looks at
    "\u05d0" * 1025,
    "\U00018554\u200d@localhost",  # a joiner behind a character without a name
    "ann@" + "b" * 1500,
    "\u0130" * 900,  # grows when it is folded
]


@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
async def test_odd_names(client: Client, name: str) -> None:
    """A name that nobody can have is a name that nobody has."""
    exchange = ClientExchange(scram.MECHANISMS["SCRAM-SHA-256"], name, "x", b"nonce")
    assert refused(await client.scram("SCRAM-SHA-256", exchange))
    if len(name.encode()) <= 1024:
        assert refused(await client.plain(name, PASSWORD))
    if client.protocol == "imap":
        octets = name.encode()
        await client.send(f"x LOGIN {{{len(octets)}+}}\r\n{name} x")
        assert (await client.line()).startswith("x NO [AUTHENTICATIONFAILED] Wrong name")


async def test_an_odd_password(client: Client) -> None:
    assert refused(await client.plain(LOGIN, "\U00018554\u200d"))
    assert (await client.plain(LOGIN, PASSWORD)).ok


@pytest.mark.parametrize("name", [LOGIN.upper(), "ｐｏｓｔｉｌ@localhost", '"postil"@LOCALHOST'])
async def test_other_spellings(client: Client, name: str) -> None:
    """RFC 8265 §3.3: width and case make no other name; nor do quotation marks (RFC 5321 §4.1.2)."""
    exchange = ClientExchange(scram.MECHANISMS["SCRAM-SHA-256"], name, PASSWORD, b"nonce")
    assert (await client.scram("SCRAM-SHA-256", exchange)).ok


async def test_only_an_initial_response_may_be_an_equals_sign(client: Client) -> None:
    """Behind a challenge a single pad character is no base64."""
    await client.begin("PLAIN", None)
    assert await client.challenge() == b""
    await client.send("=")
    answer = await client.challenge()
    assert isinstance(answer, Answer)
    wrong = {"imap": "t1 BAD Not base64", "smtp": "501 5.5.2 that is not base64"}
    assert answer.text == wrong[client.protocol]


@pytest.mark.parametrize("protocol", ["imap", "smtp"])
async def test_results(tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up has aborted; where we fail it is our fault, and the list says so."""
    options = Options(folder=tmp_path / "data", any_port=True, grace=1.0, login_wait=0.0)
    async with localserving(options) as server:
        tls = context(server.certificate)
        client = await Client.open(protocol, server.ports[PORTS[protocol]], tls)
        await client.begin("PLAIN", None)
        await client.challenge()
        await client.respond(None)
        assert isinstance(await client.challenge(), Answer)

        async def broken(*_: object, **__: object) -> bool:
            raise ZeroDivisionError

        monkeypatch.setattr(server.accounts.passwords, "verify", broken)
        assert not (await client.plain(LOGIN, PASSWORD)).ok
        await client.close()
    rows = attempts.read(tmp_path / "data" / attempts.FILE, attempts.Filter(failed=True), 10)
    assert {row.result for row in rows} == {Result.ABORTED, Result.FAULT}
