"""MAIL: syntax, parameters, who may begin."""

from __future__ import annotations

import pytest
from tests.support.smtp import short, world

from postil.ports.delivery import Verdict


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MAIL FROM:<>", "250 2.1.0"),
        ("MAIL FROM:<a@b.example>", "250 2.1.0"),
        ("MAIL FROM: <a@b.example>", "250 2.1.0"),
        ("MAIL FROM:<@relay.example:a@b.example>", "250 2.1.0"),
        ('MAIL FROM:<"a b"@[192.0.2.1]>', "250 2.1.0"),
        ("MAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME SMTPUTF8 AUTH=<>", "250 2.1.0"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM", "501 5.5.4"),
        ("MAIL TO:<a@b.example>", "501 5.5.4"),
        ("MAIL FROM:", "501 5.1.7"),
        ("MAIL FROM:a@b.example", "501 5.1.7"),
        ("MAIL FROM:<a>", "501 5.1.7"),
        ("MAIL FROM:<a@b_c.example>", "501 5.1.8"),
        ("MAIL FROM:<a@b.example>SIZE=1", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4"),
        ("MAIL FROM:<a@b.example> RET=FULL", "555 5.5.4"),
        ("MAIL FROM:<a@b.example> X", "555 5.5.4"),
        ("MAIL FROM:<ü@b.example>", "550 5.6.7"),
        ("MAIL FROM:<ü@b.example> SMTPUTF8", "250 2.1.0"),
    ],
)
async def test_forms(line: str, code: str) -> None:
    """Each form and its answer."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask(line)) == code


@pytest.mark.rfc(
    "5321",
    "4.1.4",
    "If the transaction beginning command argument is not acceptable, a 501 failure reply MUST be returned",
)
async def test_a_refused_mail_begins_nothing() -> None:
    """After a bad MAIL, a good one is accepted: no transaction was open."""
    async with world() as w:
        client = await w.client()
        assert await client.codes("MAIL FROM:<a>", "RCPT TO:<a@b.example>", "MAIL FROM:<>") == [
            "501 5.1.7",
            "503 5.5.1",
            "250 2.1.0",
        ]


async def test_no_parameters_after_helo() -> None:
    """Parameters belong to extensions, and HELO negotiates none."""
    async with world() as w:
        client = await w.client("HELO client.example")
        assert short(await client.ask("MAIL FROM:<> SIZE=5")) == "555 5.5.4"
        assert short(await client.ask("MAIL FROM:<>")) == "250 2.1.0"
        assert w.recorder.messages[0].transaction.protocol == "SMTP"


@pytest.mark.rfc(
    "6409",
    "4.3",
    "The MSA MUST, by default, issue an error response to the MAIL command if the session has not been authenticated",
)
async def test_submission_wants_a_login() -> None:
    """Without AUTH 530 5.7.0, with it 250."""
    async with world() as w:
        w.submission()
        client = await w.client()
        assert short(await client.ask("MAIL FROM:<alice@example.org>")) == "530 5.7.0"
        assert short(await client.login()) == "235 2.7.0"
        assert short(await client.ask("MAIL FROM:<alice@example.org>")) == "250 2.1.0"
        transaction = w.recorder.messages[0].transaction
        assert transaction.account == w.directory.accounts["alice"]
        assert transaction.protocol == "ESMTPSA"


@pytest.mark.rfc(
    "3207",
    "4",
    "A publicly-referenced SMTP server MUST NOT require use of the STARTTLS extension in order to deliver mail locally",
)
async def test_port_25_takes_mail_in_the_clear() -> None:
    """STARTTLS is offered, and nothing depends on it."""
    async with world() as w:
        client = await w.client(hello=None)
        assert "STARTTLS" in await client.ask("EHLO client.example")
        await client.envelope()
        assert short(await client.message(b"x\r\n.\r\n")) == "250 2.0.0"


async def test_what_the_pipeline_hears() -> None:
    """Parameters arrive in the transaction."""
    async with world() as w:
        client = await w.client()
        await client.ask("MAIL FROM:<a@b.example> SIZE=77 body=8bitmime smtputf8")
        transaction = w.recorder.messages[0].transaction
        assert transaction.declared_size == 77
        assert transaction.eight_bit
        assert transaction.smtputf8
        assert transaction.protocol == "UTF8SMTP"


async def test_the_pipeline_may_refuse() -> None:
    """Its verdict is the reply, and no transaction begins."""
    async with world() as w:
        w.recorder.at_mail = Verdict(550, "5.7.1", "not you", "test")
        client = await w.client()
        assert await client.codes("MAIL FROM:<>", "RCPT TO:<a@b.example>") == [
            "550 5.7.1",
            "503 5.5.1",
        ]
