"""Logging in by a TLS key over real sockets: EXTERNAL on IMAP and submission, PREAUTH on implicit TLS, and what is written down."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from tests.app.test_server import config
from tests.support.clientkeys import certificate, client, private, thief, write
from tests.support.loginclient import Answer, Client

from postil.accounts import Administration, attempts, tlskeys
from postil.accounts.attempts import FILE, Filter
from postil.app import identities
from postil.app.server import DATABASE, Server, Variant, serving
from postil.base.clock import SystemClock
from postil.config.model import Listener, Logins, Tls
from postil.net import clientkeys

NAME, OTHER = "ann@example.org", "bob@example.org"
NAMED = Tls(names=("localhost",))
VARIANT = Variant(any_port=True, grace=1.0, login_wait=0.0)
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
LISTENERS = tuple(
    Listener(protocol=p, port=port, tls=t, name=n, client_keys=k, ips=("127.0.0.1",))  # type: ignore[arg-type]
    for n, p, port, t, k in (
        ("submissions", "submission", 465, "implicit", "external"),
        ("imap", "imap", 143, "starttls", "external"),
        ("imaps", "imap", 993, "implicit", "external"),
        ("preauth", "imap", 994, "implicit", "preauth"),
        ("plain", "imap", 995, "implicit", "no"),
    )
)


async def register(
    folder: Path, digest: str, protocols: tuple[str, ...] = ("imap", "submission")
) -> None:
    admin = await Administration.open(folder / "data" / DATABASE, clock=SystemClock())
    await admin.add(NAME, "correct horse")
    await admin.add(OTHER, "correct horse")
    await admin.addresses.add(NAME, "info@example.org")
    await tlskeys.add(admin, NAME, "laptop", digest, protocols)
    await admin.close()


async def external(
    server: Server, protocol: str, tls: ssl.SSLContext, identity: str | None = ""
) -> Answer:
    """AUTH EXTERNAL on a connection of its own; None: without an initial response."""
    port = server.ports["imaps" if protocol == "imap" else "submissions"]
    connection = await Client.open(protocol, port, tls)
    try:
        assert "EXTERNAL" in connection.announced
        await connection.begin("EXTERNAL", None if identity is None else identity.encode())
        said = await connection.challenge()
        if identity is None:
            assert said == b""
            await connection.respond(b"")
            said = await connection.challenge()
        assert isinstance(said, Answer)
        return said
    finally:
        await connection.close()


@pytest.mark.rfc(
    "4422",
    "A.1",
    "If empty, the client is requesting to act as the identity the server has associated with the client's credentials.",
)
@pytest.mark.rfc(
    "4422",
    "A.1",
    "If non-empty, the client is requesting to act as the identity represented by the string.",
)
@pytest.mark.rfc(
    "4422",
    "A.1",
    "the client provided a non-empty authorization identity string representing an identity that the client is not allowed to act as",
)
@pytest.mark.parametrize("version", [V12, V13])
async def test_external(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """As oneself, by one's name, by one's address; as somebody else never; and the list tells of it."""
    key = private("ecdsa")
    tls = client(write(tmp_path, key), version)
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        await register(tmp_path, tlskeys.digest(certificate(key)))
        for protocol in ("imap", "smtp"):
            for identity in ("", None, NAME, "info@example.org"):
                assert (await external(server, protocol, tls, identity)).ok, (protocol, identity)
            refused = await external(server, protocol, tls, OTHER)
            assert not refused.ok
            assert "[AUTHORIZATIONFAILED]" in refused.text or refused.text.startswith("535 5.7.8")
    rows = await asyncio.to_thread(attempts.read, tmp_path / "data" / FILE, Filter(), 100)
    assert {(row.protocol, row.mechanism, row.login, row.result.name) for row in rows} == {
        (protocol, "EXTERNAL", login, result)
        for protocol in ("imap", "submission")
        for login, result in (
            (NAME, "OK"), ("info@example.org", "OK"), (OTHER, "AUTHORIZATION"),
        )
    }  # fmt: skip


@pytest.mark.rfc("4422", "A.1", "the client has not established its credentials via external means")
async def test_who_may_not(tmp_path: Path) -> None:
    """No key, an unknown key, a key for another protocol, a closed account: never logged in, and nothing told but that."""
    known, stranger = private("ecdsa"), private("ed25519")
    tls = client(write(tmp_path, known), V13)
    strange = client(write(tmp_path, stranger, "stranger"), V13)
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        await register(tmp_path, tlskeys.digest(certificate(known)), ("imap",))
        for protocol, port in (("imap", "imaps"), ("smtp", "submissions")):
            connection = await Client.open(protocol, server.ports[port], client(None, V13))
            assert "EXTERNAL" not in connection.announced and "PLAIN" in connection.announced
            await connection.begin("EXTERNAL", b"")
            answer = await connection.challenge()
            assert isinstance(answer, Answer) and not answer.ok
            await connection.close()
            wrong = await external(server, protocol, strange)
            assert "Wrong name or password" in wrong.text or wrong.text.startswith("535 5.7.8")
        assert (await external(server, "imap", tls)).ok
        assert not (await external(server, "smtp", tls)).ok
        admin = await Administration.open(tmp_path / "data" / DATABASE, clock=SystemClock())
        await admin.disable(NAME, "left")
        await admin.close()
        assert "This account is disabled: left" in (await external(server, "imap", tls)).text
        # A listener that does not ask sees no key.
        connection = await Client.open("imap", server.ports["plain"], tls)
        assert "EXTERNAL" not in connection.announced
        await connection.close()


async def test_a_thief(tmp_path: Path) -> None:
    """The registered certificate without its key: the handshake fails, nobody is greeted."""
    key = private("rsa")
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        await register(tmp_path, tlskeys.digest(certificate(key)))
        for name in ("imaps", "preauth", "submissions"):
            for version in (V12, V13):
                reader = None
                try:
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", server.ports[name], ssl=thief(tmp_path, key, version)
                    )
                    said = await reader.read(100)
                    writer.close()
                except (ssl.SSLError, OSError):
                    said = b""
                assert said == b"", (name, version)


async def test_starttls(tmp_path: Path) -> None:
    """Behind STARTTLS too; before it nothing is announced."""
    key = private("ecdsa")
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        await register(tmp_path, tlskeys.digest(certificate(key)))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports["imap"])
        assert b"EXTERNAL" not in await reader.readline()
        writer.write(b"a STARTTLS\r\n")
        assert (await reader.readline()).startswith(b"a OK")
        await writer.start_tls(client(write(tmp_path, key), V13), server_hostname="localhost")
        writer.write(b"b CAPABILITY\r\n")
        assert b" AUTH=EXTERNAL " in await reader.readline()
        assert (await reader.readline()).startswith(b"b OK")
        writer.write(b"c AUTHENTICATE EXTERNAL =\r\n")
        assert (await reader.readline()).startswith(b"c OK")
        writer.close()


@pytest.mark.rfc(
    "9051",
    "7.1.4",
    "It indicates that the connection has already been authenticated by external means; thus, no LOGIN/ AUTHENTICATE command is needed.",
)
async def test_preauth(tmp_path: Path) -> None:
    """A registered key is logged in before the greeting; others are greeted as ever, and can log in by password."""
    key = private("ecdsa")
    tls = client(write(tmp_path, key), V13)
    strange = client(write(tmp_path, private("ecdsa"), "stranger"), V13)
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        await register(tmp_path, tlskeys.digest(certificate(key)))
        port = server.ports["preauth"]
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=tls, server_hostname="localhost"
        )
        greeting = (await reader.readline()).decode()
        assert greeting.startswith("* PREAUTH [CAPABILITY IMAP4rev1 ")
        assert f"logged in as {NAME}" in greeting and "AUTH=" not in greeting
        writer.write(b"a SELECT INBOX\r\n")
        while not (line := await reader.readline()).startswith(b"a "):
            pass
        assert line.startswith(b"a OK")
        writer.close()
        for other in (strange, client(None, V13)):
            connection = await Client.open("imap", port, other)
            assert "PLAIN" in connection.announced
            assert (await connection.plain(NAME, "correct horse")).ok
            await connection.close()
    rows = await asyncio.to_thread(attempts.read, tmp_path / "data" / FILE, Filter(), 100)
    assert {(row.mechanism, row.result.name, row.detail) for row in rows} == {
        ("EXTERNAL", "OK", "before the greeting"),
        ("PLAIN", "OK", ""),
    }


async def test_limits_hold(tmp_path: Path) -> None:
    """Unknown keys count as wrong logins; from there nobody gets in then, with a known key neither, by PREAUTH neither."""
    key = private("ecdsa")
    tls = client(write(tmp_path, key), V13)
    strange = client(write(tmp_path, private("ecdsa"), "stranger"), V13)
    few = Logins(failures_per_minute=2, failures_per_hour=2, failures_per_day=2, allow=())
    async with serving(
        config(tmp_path, tls=NAMED, listener=LISTENERS, logins=few), VARIANT
    ) as server:
        await register(tmp_path, tlskeys.digest(certificate(key)))
        assert (await external(server, "imap", tls)).ok
        for _ in range(2):
            assert "AUTHENTICATIONFAILED" in (await external(server, "imap", strange)).text
        assert "[LIMIT]" in (await external(server, "imap", tls)).text
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.ports["preauth"], ssl=tls, server_hostname="localhost"
        )
        assert (await reader.readline()).startswith(b"* OK ")
        writer.close()


async def test_where_keys_cannot_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an interpreter that is otherwise, the server runs without them."""
    monkeypatch.setattr(clientkeys, "self_test", lambda: "another interpreter")
    tls = client(write(tmp_path, private("ecdsa")), V13)
    async with serving(config(tmp_path, tls=NAMED, listener=LISTENERS), VARIANT) as server:
        connection = await Client.open("imap", server.ports["preauth"], tls)
        assert "EXTERNAL" not in connection.announced and "PLAIN" in connection.announced
        await connection.close()
    assert not any(identities.asks_for_keys(listener) for listener in LISTENERS)
