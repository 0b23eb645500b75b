"""EHLO and HELO."""

from __future__ import annotations

import pytest
from tests.support.smtp import world


async def test_ehlo_in_the_clear() -> None:
    """The full list, SIZE with its number, STARTTLS, no AUTH; HELP stands last."""
    async with world() as w:
        client = await w.client(hello=None)
        assert await client.ask("EHLO client.example") == (
            "250-mx.example.org greets client.example\n250-PIPELINING\n250-SIZE 104857600\n250-8BITMIME\n"
            "250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250-STARTTLS\n250 HELP"
        )


@pytest.mark.rfc(
    "5321", "3.2", "Servers MUST NOT return the extended EHLO-style response to a HELO command"
)
async def test_helo() -> None:
    """One line with our name."""
    async with world() as w:
        client = await w.client(hello=None)
        assert await client.ask("HELO client.example") == "250 mx.example.org"


@pytest.mark.rfc(
    "6531",
    "3.1",
    "Servers offering this extension MUST provide support for, and announce, the 8BITMIME extension",
)
async def test_smtputf8_brings_8bitmime() -> None:
    """Both are announced."""
    async with world() as w:
        client = await w.client(hello=None)
        words = (await client.ask("EHLO client.example")).split()
        assert "250-SMTPUTF8" in words
        assert "250-8BITMIME" in words


@pytest.mark.rfc(
    "5321",
    "4.2.4",
    "Extended SMTP systems MUST NOT list capabilities in response to EHLO for which they will return 502 (or 500) replies",
)
async def test_everything_announced_works() -> None:
    """No announced verb is answered with 500 or 502."""
    async with world() as w:
        client = await w.client(hello=None)
        listed = [
            line[4:].split()[0]
            for line in (await client.ask("EHLO client.example")).split("\n")[1:]
        ]
        verbs = [word for word in listed if word in ("HELP", "STARTTLS", "VRFY", "EXPN", "AUTH")]
        assert "HELP" in verbs
        for verb in verbs:
            assert (await client.ask(verb))[:3] not in ("500", "502")


async def test_help() -> None:
    """HELP lists the commands, HELP x explains one."""
    async with world() as w:
        client = await w.client()
        listed = await client.ask("HELP")
        for verb in (
            "EHLO",
            "MAIL",
            "RCPT",
            "DATA",
            "RSET",
            "NOOP",
            "QUIT",
            "VRFY",
            "STARTTLS",
            "HELP",
        ):
            assert f" {verb}" in listed
        assert (await client.ask("HELP rcpt")).startswith("214 2.0.0 RCPT TO:<address>")
        assert (await client.ask("HELP nonsense")).startswith("504 5.5.4")


@pytest.mark.rfc(
    "5321",
    "3.5.3",
    "A server MUST NOT return a 250 code in response to a VRFY or EXPN command unless it has actually verified the address",
)
async def test_vrfy_tells_nothing() -> None:
    """The same answer for a user, a stranger, and UTF-8; nothing without a name."""
    async with world() as w:
        client = await w.client()
        answers = {
            await client.ask(line)
            for line in ("VRFY alice", "VRFY nobody@example.org", "VRFY ü SMTPUTF8")
        }
        assert len(answers) == 1
        assert answers.pop().startswith("252 2.5.0")
        assert (await client.ask("VRFY")).startswith("501")
        assert (await client.ask("EXPN staff")).startswith("502 5.5.1")
