"""DATA: what is a message, when it is refused, and that nothing behind it is lost."""

from __future__ import annotations

import pytest
from tests.support.smtp import short, world

from postil.ports.delivery import Verdict
from postil.ports.store import StoreUnavailable
from postil.smtp import Limits


@pytest.mark.rfc(
    "2920",
    "3.2",
    "SHOULD issue a positive response to the DATA command if and only if one or more valid RCPT TO addresses have been previously received",
)
async def test_no_recipient_no_data() -> None:
    """503 without RCPT, 554 when all were refused, 354 as soon as one was accepted."""
    async with world() as w:
        client = await w.client()
        assert await client.codes(
            "MAIL FROM:<>",
            "DATA",
            "RCPT TO:<refused@example.org>",
            "DATA",
            "RCPT TO:<alice@example.org>",
            "RCPT TO:<refused@example.org>",
            "DATA",
        ) == ["250 2.1.0", "503 5.5.1", "550 5.1.1", "554 5.5.1", "250 2.1.5", "550 5.1.1", "354"]


@pytest.mark.rfc(
    "5321",
    "4.1.1.4",
    "SMTP server systems MUST NOT do this, even in the name of improved robustness",
)
@pytest.mark.parametrize(
    "message",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\n.\nMAIL FROM:<evil@example.org>\r\n",
        b"a\n.\r\nMAIL FROM:<evil@example.org>\r\n",
        b"a\n.\nMAIL FROM:<evil@example.org>\r\n",
        b"a\r.\rb\r\n",
        b"\r\r\n",
        b"x" * 100_000 + b"\n" + b"y" * 100_000 + b"\r\n",
    ],
)
async def test_smuggling(message: bytes) -> None:
    """A bare CR or LF: the whole message is refused after its real end, and the session goes on."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        answer = await client.message(message + b".\r\n")
        assert short(answer) == "550 5.5.2"
        assert "smuggling" in answer
        assert not w.recorder.kept
        assert w.recorder.messages[0].aborted
        assert len(w.recorder.messages) == 1
        await client.envelope()
        assert short(await client.message(b"fine\r\n.\r\n")) == "250 2.0.0"


@pytest.mark.rfc("1870", "6.1", "the server responds with code")
async def test_declared_too_big() -> None:
    """SIZE above the limit is refused at MAIL."""
    async with world() as w:
        w.limits = Limits(message_size=1000)
        client = await w.client()
        assert await client.codes("MAIL FROM:<> SIZE=1001", "MAIL FROM:<> SIZE=1000") == [
            "552 5.3.4",
            "250 2.1.0",
        ]


@pytest.mark.parametrize(("octets", "code"), [(1000, "250 2.0.0"), (1001, "552 5.3.4")])
async def test_counted_size(octets: int, code: str) -> None:
    """What is sent counts, whatever was declared; stuffed dots do not (RFC 1870 §5)."""
    async with world() as w:
        w.limits = Limits(message_size=1000)
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b".." + b"x" * (octets - 3) + b"\r\n.\r\n")) == code
        assert len(w.recorder.kept) == (code == "250 2.0.0")
        assert short(await client.ask("NOOP")) == "250 2.0.0"


async def test_endless_refused_message() -> None:
    """A refused message that never ends is cut off."""
    async with world() as w:
        w.limits = Limits(message_size=1000, refused_data=10_000)
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b"x" * 20_000)) == "421 4.7.0"
        assert await client.reply() == ""


async def test_no_space() -> None:
    """The store is full: 452 4.3.1 at the end, and what follows is a command again."""
    async with world() as w:
        w.recorder.write_fails = StoreUnavailable("the disk is full")
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b"x" * 300_000 + b"\r\n.\r\n")) == "452 4.3.1"
        assert w.recorder.messages[0].aborted
        assert short(await client.ask("NOOP")) == "250 2.0.0"


async def test_the_verdict_is_the_reply() -> None:
    """The pipeline's refusal reaches the client; a new transaction may begin."""
    async with world() as w:
        w.recorder.at_end = Verdict(554, "5.4.6", "loop", "test")
        client = await w.client()
        await client.envelope()
        assert await client.message(b"x\r\n.\r\n") == "554 5.4.6 loop"
        assert short(await client.ask("MAIL FROM:<>")) == "250 2.1.0"


@pytest.mark.rfc(
    "6152",
    "3",
    "A server that supports the 8-bit MIME transport service extension shall preserve all bits in each octet passed using the DATA command",
)
async def test_every_octet_survives() -> None:
    """All 256 octets (CR and LF as CRLF), long lines, large messages in pieces."""
    octets = bytes(n for n in range(256) if n not in (10, 13)) + b"\r\n"
    message = octets * 3000 + b"y" * 100_000 + b"\r\n"
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.message(message + b".\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [message]
        assert w.recorder.messages[0].pieces > 1


async def test_empty_message() -> None:
    """A dot at once is an empty message, and an empty message is one."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b".\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [b""]
