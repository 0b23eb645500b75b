"""RCPT: syntax, limits, what the pipeline says."""

from __future__ import annotations

import pytest
from tests.support.smtp import short, world

from postil.smtp import Limits


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("RCPT TO:<a@b.example>", "250 2.1.5"),
        ("RCPT TO: <a@b.example>", "250 2.1.5"),
        ("RCPT TO:<@relay.example,@other.example:a@b.example>", "250 2.1.5"),
        ("RCPT TO:<Postmaster>", "250 2.1.5"),
        ("RCPT TO:<pOSTMASTER>", "250 2.1.5"),
        ("RCPT TO:<postmaster@b.example>", "250 2.1.5"),
        ("RCPT TO:<refused@b.example>", "550 5.1.1"),
        ("RCPT", "501 5.5.4"),
        ("RCPT FROM:<a@b.example>", "501 5.5.4"),
        ("RCPT TO:", "501 5.1.3"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:<abuse>", "501 5.1.3"),
        ("RCPT TO:a@b.example", "501 5.1.3"),
        ("RCPT TO:<a@b..example>", "501 5.1.2"),
        ("RCPT TO:<a@b.example> NOTIFY=NEVER", "555 5.5.4"),
        ("RCPT TO:<a@b.example> =", "501 5.5.4"),
        ("RCPT TO:<ü@b.example>", "553 5.6.7"),
    ],
)
async def test_forms(line: str, code: str) -> None:
    """Each form and its answer."""
    async with world() as w:
        client = await w.client()
        await client.ask("MAIL FROM:<>")
        assert short(await client.ask(line)) == code


@pytest.mark.rfc("5321", "3.3", 'the server MUST return a 503 "Bad sequence of commands" response')
async def test_rcpt_without_mail() -> None:
    """RCPT outside a transaction is 503."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask("RCPT TO:<a@b.example>")) == "503 5.5.1"


@pytest.mark.rfc(
    "6531",
    "3.5",
    "the reply-code 553 is returned with the meaning",
)
async def test_international_recipients() -> None:
    """With SMTPUTF8 at MAIL they are taken, local part and domain."""
    async with world() as w:
        client = await w.client()
        await client.ask("MAIL FROM:<> SMTPUTF8")
        assert short(await client.ask("RCPT TO:<用户@bücher.example>")) == "250 2.1.5"
        assert w.recorder.messages[0].recipients[0].domain == "xn--bcher-kva.example"


@pytest.mark.rfc(
    "5321",
    "4.5.3.1.8",
    "The minimum total number of recipients that MUST be buffered is 100 recipients",
)
@pytest.mark.rfc("5321", "4.5.3.1.10", "it MUST use a response code of 452")
async def test_many_recipients() -> None:
    """A thousand by default; the next gets 452 4.5.3 and those before it stay."""
    async with world() as w:
        assert Limits().recipients >= 100
        w.limits = Limits(recipients=100)
        client = await w.client()
        await client.envelope(*(f"r{number}@example.org" for number in range(100)))
        assert short(await client.ask("RCPT TO:<one@example.org>")) == "452 4.5.3"
        assert short(await client.message(b"x\r\n.\r\n")) == "250 2.0.0"
        assert len(w.recorder.messages[0].recipients) == 100


async def test_harvesting_ends() -> None:
    """RFC 5321 §7.8: after many unknown recipients 421, also over several transactions."""
    async with world() as w:
        w.limits = Limits(unknown_recipients=3)
        client = await w.client()
        assert await client.codes(
            "MAIL FROM:<>",
            "RCPT TO:<refused1@example.org>",
            "RCPT TO:<refused2@example.org>",
            "RSET",
            "MAIL FROM:<>",
            "RCPT TO:<refused3@example.org>",
        ) == ["250 2.1.0", "550 5.1.1", "550 5.1.1", "250 2.0.0", "250 2.1.0", "421 4.7.0"]
        assert await client.reply() == ""
