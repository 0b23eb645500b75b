"""A session from greeting to QUIT, and everything that ends it otherwise."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.smtp import short, world

from postil.ports.delivery import Verdict
from postil.smtp import Limits

BODY = b"Subject: x\r\n\r\nbody\r\n.\r\n"


async def test_a_message_arrives() -> None:
    """MAIL, RCPT, DATA: envelope and octets reach the pipeline."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.message(b"Subject: x\r\n\r\n..dot\r\n.\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [b"Subject: x\r\n\r\n.dot\r\n"]
        transaction = w.recorder.messages[0].transaction
        assert (transaction.mail_from.wire, transaction.helo) == (
            "sender@client.example",
            "client.example",
        )
        assert transaction.protocol == "ESMTP"
        assert short(await client.ask("QUIT")) == "221 2.0.0"
        assert await client.reply() == ""


@pytest.mark.rfc(
    "5321",
    "4.1.4",
    "out of order to the degree that they cannot be processed by the server, a 503 failure reply MUST be returned",
)
async def test_order_of_commands() -> None:
    """Each command out of its place gets 503 and changes nothing."""
    async with world() as w:
        client = await w.client(hello=None)
        assert (
            await client.codes("MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA") == ["503 5.5.1"] * 3
        )
        await client.ask("EHLO client.example")
        assert await client.codes("RCPT TO:<a@b.example>", "DATA") == ["503 5.5.1"] * 2
        assert await client.codes("MAIL FROM:<>", "MAIL FROM:<>", "DATA") == [
            "250 2.1.0",
            "503 5.5.1",
            "503 5.5.1",
        ]
        assert short(await client.ask("RCPT TO:<alice@example.org>")) == "250 2.1.5"
        assert short(await client.message(BODY)) == "250 2.0.0"
        assert await client.codes("DATA", "RCPT TO:<a@b.example>") == ["503 5.5.1"] * 2


@pytest.mark.rfc(
    "5321",
    "4.1.4",
    "SMTP servers SHOULD process these normally (that is, not return a 503 code) even if no EHLO command has yet been received",
)
async def test_commands_at_any_time() -> None:
    """NOOP, HELP, EXPN, VRFY and RSET need no EHLO."""
    async with world() as w:
        client = await w.client(hello=None)
        assert await client.codes("NOOP", "HELP", "EXPN list", "VRFY alice", "RSET") == [
            "250 2.0.0",
            "214 2.0.0",
            "502 5.5.1",
            "252 2.5.0",
            "250 2.0.0",
        ]


@pytest.mark.rfc(
    "5321",
    "4.1.4",
    "the SMTP server MUST clear all buffers and reset the state exactly as if a RSET command had been issued",
)
async def test_ehlo_resets() -> None:
    """A second EHLO ends the transaction."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        await client.ask("EHLO again.example")
        assert w.recorder.messages[0].aborted
        assert short(await client.ask("RCPT TO:<alice@example.org>")) == "503 5.5.1"


@pytest.mark.rfc(
    "5321",
    "4.1.4",
    "The SMTP server MUST stay in the same state after transmitting these replies that it was in before the EHLO was received",
)
async def test_bad_ehlo_changes_nothing() -> None:
    """EHLO without a name is 501 and leaves the transaction alone."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert await client.codes("EHLO", "HELO", "EHLO (x)") == ["501 5.5.4"] * 3
        assert short(await client.message(BODY)) == "250 2.0.0"


@pytest.mark.rfc(
    "5321",
    "4.1.1.5",
    "Any stored sender, recipients, and mail data MUST be discarded, and all buffers and state tables cleared",
)
async def test_rset() -> None:
    """After RSET a transaction begins anew."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert short(await client.ask("RSET")) == "250 2.0.0"
        assert w.recorder.messages[0].aborted
        await client.envelope("bob@example.org")
        await client.message(BODY)
        assert [path.local for path in w.recorder.messages[1].recipients] == ["bob"]


@pytest.mark.rfc(
    "5321", "4.3.2", "(DATA, RSET, QUIT) SHOULD return a 501 message if arguments are supplied"
)
async def test_no_arguments() -> None:
    """DATA, RSET and QUIT take none; NOOP ignores them."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert await client.codes("DATA x", "RSET x", "QUIT x", "NOOP x") == ["501 5.5.4"] * 3 + [
            "250 2.0.0"
        ]


@pytest.mark.rfc("5321", "4.2.4", "If the command is not recognized, code 500 SHOULD be returned")
async def test_unknown_commands() -> None:
    """Unknown, empty, with control characters, with octets above 127: 500, and the session goes on."""
    async with world() as w:
        client = await w.client()
        assert await client.codes(
            "XYZZY", "", "SEND FROM:<>", "NOOP\x00", "NOOP \n", "NÖÖP", "NOOP ö"
        ) == [
            "500 5.5.1",
            "500 5.5.1",
            "500 5.5.1",
            "500 5.5.2",
            "500 5.5.2",
            "500 5.5.1",
            "500 5.5.2",
        ]
        client.stream.client_write(b"NOOP \xff\r\n")
        assert short(await client.reply()) == "500 5.5.2"
        assert short(await client.ask("NOOP")) == "250 2.0.0"


@pytest.mark.rfc("5321", "2.4", "MAY be encoded in upper case, lower case, or any mixture")
async def test_case_and_trailing_blanks() -> None:
    """Verbs, FROM:, TO: and keywords without case; blanks at the end do not matter (RFC 5321 §4.1.1)."""
    async with world() as w:
        client = await w.client("eHlO client.example  ")
        assert await client.codes(
            "mail from:<a@b.example> size=5 \t", "rcpt to:<alice@example.org>  ", "rset "
        ) == ["250 2.1.0", "250 2.1.5", "250 2.0.0"]


async def test_long_lines() -> None:
    """512 octets are read; far more is 500, once, and the session goes on; without end it is over."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask("NOOP " + "x" * 505)) == "250 2.0.0"
        assert short(await client.ask("NOOP " + "x" * 10_000)) == "500 5.5.2"
        assert short(await client.ask("NOOP")) == "250 2.0.0"
        client.stream.client_write(b"x" * 100_000)
        assert short(await client.reply()) == "421 4.7.0"
        assert await client.reply() == ""


async def test_too_many_errors() -> None:
    """After so much nonsense the session is over."""
    async with world() as w:
        w.limits = Limits(errors=3)
        client = await w.client()
        assert await client.codes("A", "B") == ["500 5.5.1"] * 2
        assert short(await client.ask("C")) == "421 4.7.0"
        assert await client.reply() == ""


@pytest.mark.parametrize(
    "line", ["GET / HTTP/1.1", "POST /x HTTP/1.1", "CONNECT a:80 HTTP/1.1", "FOO / HTTP/1.0"]
)
async def test_http_is_shown_the_door(line: str) -> None:
    """What a browser was made to send is not read for commands."""
    async with world() as w:
        client = await w.client(hello=None)
        client.send(line, "Host: x", "", "EHLO a.example", "MAIL FROM:<>")
        assert short(await client.reply()) == "502 5.7.0"
        assert await client.reply() == ""


@pytest.mark.rfc("5321", "3.8", "SHOULD attempt to send a line containing a 421 response code")
async def test_drain_between_commands() -> None:
    """A waiting session hears 421 and is closed."""
    async with world() as w:
        client = await w.client()
        w.sessions[0].drain()
        assert short(await client.reply()) == "421 4.3.2"
        assert await client.reply() == ""


async def test_drain_lets_a_message_finish() -> None:
    """A message that is on its way is taken, then comes 421."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        assert (await client.ask("DATA")).startswith("354")
        w.sessions[0].drain()
        client.stream.client_write(BODY)
        assert short(await client.reply()) == "250 2.0.0"
        assert short(await client.reply()) == "421 4.3.2"
        assert len(w.recorder.kept) == 1


async def test_silence_ends_with_421() -> None:
    """Nobody waits for ever, between commands and inside a message."""
    async with world() as w:
        w.limits = Limits(idle=0.01, data_block=0.01)
        client = await w.client(hello=None)
        assert short(await client.reply()) == "421 4.4.2"
        assert await client.reply() == ""
    async with world() as w:
        w.limits = Limits(data_block=0.01)
        client = await w.client()
        await client.envelope()
        assert (await client.ask("DATA")).startswith("354")
        client.stream.client_write(b"half")
        assert short(await client.reply()) == "421 4.4.2"
        assert w.recorder.messages[0].aborted
        assert not w.recorder.kept


@pytest.mark.rfc("5321", "4.1.1.10", "the server MUST cancel any pending transaction")
@pytest.mark.parametrize("sent", [b"", b"DATA\r\n", b"DATA\r\nhalf a message", b"DATA\r\nx\r\n.\r"])
async def test_a_lost_connection_keeps_nothing(sent: bytes) -> None:
    """The connection goes away before the end: nothing is delivered."""
    async with world() as w:
        client = await w.client()
        await client.envelope()
        client.stream.client_write(sent)
        client.stream.client_eof()
        while await client.reply():
            pass
        assert w.recorder.messages[0].aborted
        assert not w.recorder.kept


async def test_our_own_fault_is_451() -> None:
    """An exception in the pipeline is logged, answered, and the connection lives."""
    async with world() as w:
        client = await w.client()
        w.recorder.finish_fails = RuntimeError("boom")
        await client.envelope()
        assert short(await client.message(BODY)) == "451 4.3.0"
        w.recorder.finish_fails = None
        w.recorder.write_fails = RuntimeError("bang")
        await client.envelope()
        assert short(await client.message(BODY)) == "451 4.3.0"
        w.recorder.write_fails = None
        await client.envelope()
        assert short(await client.message(BODY)) == "250 2.0.0"
        assert [str(error) for error in w.failures] == ["boom", "bang"]


async def test_a_verdict_of_421_closes() -> None:
    """The pipeline may end a connection."""
    async with world() as w:
        w.recorder.at_mail = Verdict(421, "4.7.0", "go away", "test")
        client = await w.client()
        assert short(await client.ask("MAIL FROM:<>")) == "421 4.7.0"
        assert await client.reply() == ""


async def test_nothing_secret_is_logged() -> None:
    """Events carry neither passwords nor text of messages."""
    async with world() as w:
        w.submission()
        client = await w.client()
        await client.login()
        await client.codes("MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.org>")
        await client.message(b"Subject: hush\r\n\r\nhush\r\n.\r\n")
        await asyncio.sleep(0)
        assert "login" in [what for what, _ in w.events]
        assert "secret" not in repr(w.events)
        assert "hush" not in repr(w.events)
