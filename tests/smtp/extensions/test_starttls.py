"""STARTTLS: what was said before is forgotten, what was smuggled in is dropped."""

from __future__ import annotations

import pytest
from tests.support.smtp import short, world


@pytest.mark.rfc(
    "3207",
    "4.2",
    "The server MUST discard any knowledge obtained from the client, such as the argument to the EHLO command, which was not obtained from the TLS negotiation itself",
)
async def test_everything_is_forgotten() -> None:
    """EHLO, login and transaction are gone after the handshake."""
    async with world() as w:
        w.offer_login = w.plaintext_login = True
        client = await w.client()
        await client.login()
        await client.envelope()
        assert short(await client.ask("STARTTLS")) == "220 2.0.0"
        assert w.recorder.messages[0].aborted
        assert await client.codes("MAIL FROM:<>", "RCPT TO:<a@b.example>") == ["503 5.5.1"] * 2
        await client.ask("EHLO again.example")
        assert short(await client.login()) == "235 2.7.0"


async def test_injected_commands_are_dropped() -> None:
    """Commands pipelined behind STARTTLS in plaintext are not executed."""
    async with world() as w:
        client = await w.client()
        client.send("STARTTLS", "EHLO evil.example", "MAIL FROM:<evil@example.org>")
        assert short(await client.reply()) == "220 2.0.0"
        assert short(await client.ask("MAIL FROM:<>")) == "503 5.5.1"
        assert w.recorder.messages == []
        assert [facts.get("name") for what, facts in w.events if what == "hello"] == [
            "client.example"
        ]


@pytest.mark.rfc(
    "3207",
    "4.2",
    "A server MUST NOT return the STARTTLS extension in response to an EHLO command received after a TLS handshake has completed",
)
async def test_not_announced_twice() -> None:
    """Under TLS it is not listed, and asking is 503."""
    async with world() as w:
        client = await w.client()
        await client.ask("STARTTLS")
        assert "STARTTLS" not in await client.ask("EHLO client.example")
        assert short(await client.ask("STARTTLS")) == "503 5.5.1"
        await client.envelope()
        assert w.recorder.messages[0].transaction.protocol == "ESMTPS"


async def test_refusals() -> None:
    """An argument is 501; without a certificate it is neither listed nor possible (454)."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask("STARTTLS now")) == "501 5.5.4"
        w.certificate = False
        client = await w.client(hello=None)
        assert "STARTTLS" not in await client.ask("EHLO client.example")
        assert short(await client.ask("STARTTLS")) == "454 4.7.0"


async def test_before_ehlo() -> None:
    """It may be the first command."""
    async with world() as w:
        client = await w.client(hello=None)
        assert short(await client.ask("STARTTLS")) == "220 2.0.0"
