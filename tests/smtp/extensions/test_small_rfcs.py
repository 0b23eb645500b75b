"""Sentences of the small extensions of SMTP, one by one, each against a session."""

from __future__ import annotations

import re

import pytest
from tests.support.smtp import short, world

from postil.smtp import Limits
from postil.smtp.replies import reply

ENHANCED = re.compile(r"([245])[0-9]{2}[ -]\1\.[0-9]{1,3}\.[0-9]{1,3} ")


# --- RFC 2034, ENHANCEDSTATUSCODES

LINES = (
    "HELP", "NOOP", "RSET", "XYZZY", "ü", "NOOP \x01", "MAIL", "MAIL FROM:<> X", "MAIL FROM:<a@b.example> SIZE=99999999999",
    "RCPT TO:<a@b.example>", "DATA", "AUTH PLAIN", "VRFY a", "EXPN a", "STARTTLS x", "MAIL FROM:<>", "MAIL FROM:<>", "RCPT TO:<refused@b.example>",
    "DATA", "RCPT TO:<a@b.example>", "RCPT", "QUIT x", "QUIT",
)  # fmt: skip


@pytest.mark.rfc(
    "2034",
    "4",
    "Servers supporting the Enhanced-Status-Codes extension must preface the text part of almost all response lines with a status code.",
)
@pytest.mark.rfc(
    "2034",
    "4",
    "These codes must appear in all 2xx, 4xx, and 5xx response lines other than initial greeting and any response to HELO or EHLO.",
)
@pytest.mark.rfc(
    "2034", "4", "All status codes returned by the server must agree with the primary response code"
)
async def test_every_reply_has_its_enhanced_code() -> None:
    """Good, bad or out of order: the code is on every line and of the reply's own class."""
    async with world() as w:
        client = await w.client()
        for line in LINES:
            for said in (await client.ask(line)).split("\r\n"):
                assert ENHANCED.match(said + " "), (line, said)


@pytest.mark.rfc(
    "2034",
    "4",
    "When responses are continued across multiple lines the same status code must appear at the beginning of the text in each line of the response.",
)
def test_the_code_is_on_every_line() -> None:
    """Lines given and lines wrapped carry the same code."""
    said = reply(550, "5.7.1", "one", "two", "word " * 400).encode().decode().splitlines()
    assert len(said) > 4
    assert all(re.match(r"550[ -]5\.7\.1 ", line) for line in said)


@pytest.mark.rfc(
    "2034",
    "4",
    "Servers supporting this extension must attach enhanced status codes to their responses regardless of whether or not EHLO is employed by the client.",
)
@pytest.mark.parametrize("hello", ["EHLO client.example", "HELO client.example", None])
async def test_codes_without_ehlo(hello: str | None) -> None:
    """After HELO, and before any greeting, replies have codes as after EHLO."""
    async with world() as w:
        client = await w.client(hello)
        for line in ("NOOP", "XYZZY", "RCPT TO:<a@b.example>", "QUIT"):
            assert ENHANCED.match(await client.ask(line)), line


# --- RFC 1870, SIZE


@pytest.mark.rfc(
    "1870",
    "7",
    "Such a server must accept the extended MAIL command and return a 552 reply code if the client's declared size exceeds its fixed size limit",
)
async def test_declared_size() -> None:
    """The limit is announced; up to it MAIL is accepted, above it 552, and nothing has begun."""
    async with world() as w:
        w.limits = Limits(message_size=100_000)
        client = await w.client(hello=None)
        assert "SIZE 100000" in await client.ask("EHLO client.example")
        assert await client.codes("MAIL FROM:<> SIZE=100001", "RCPT TO:<a@b.example>") == [
            "552 5.3.4",
            "503 5.5.1",
        ]
        assert short(await client.ask("MAIL FROM:<> SIZE=100000")) == "250 2.1.0"


@pytest.mark.rfc(
    "1870",
    "6.3",
    "it should not return a 552 reply code after the transfer phase of the DATA command, unless the actual size of the message transferred is greater than the declared message size",
)
async def test_what_was_agreed_is_taken() -> None:
    """A message of exactly the declared size and of the limit is accepted."""
    async with world() as w:
        w.limits = Limits(message_size=1000)
        client = await w.client()
        await client.codes("MAIL FROM:<> SIZE=1000", "RCPT TO:<a@b.example>")
        body = b"x" * 498 + b"\r\n"
        assert short(await client.message(body + body + b".\r\n")) == "250 2.0.0"
        assert len(w.recorder.kept[0]) == 1000


@pytest.mark.rfc("1870", "6", "Only one SIZE parameter may be specified in a single MAIL command.")
@pytest.mark.parametrize("second", ["SIZE=1", "SIZE=2", "size=1"])
async def test_one_size(second: str) -> None:
    """Two are 501, the same or another, in any case."""
    async with world() as w:
        client = await w.client()
        assert short(await client.ask(f"MAIL FROM:<> SIZE=1 {second}")) == "501 5.5.4"
        assert short(await client.ask("MAIL FROM:<> SIZE=1")) == "250 2.1.0"


# --- RFC 6152, 8BITMIME


@pytest.mark.rfc(
    "6152",
    "3",
    "A server that supports the 8-bit MIME transport service extension shall preserve all bits in each octet passed using the DATA command.",
)
@pytest.mark.parametrize("body", ["", " BODY=8BITMIME", " BODY=7BIT", " body=8bitmime"])
async def test_all_octets_arrive(body: str) -> None:
    """Every octet but NUL, CR and LF, declared or not, arrives as it was sent."""
    octets = bytes(octet for octet in range(1, 256) if octet not in b"\r\n") + b"\r\n"
    async with world() as w:
        client = await w.client(hello=None)
        assert "8BITMIME" in await client.ask("EHLO client.example")
        await client.codes(f"MAIL FROM:<>{body}", "RCPT TO:<a@b.example>")
        assert short(await client.message(octets + b".\r\n")) == "250 2.0.0"
        assert w.recorder.kept == [octets]


@pytest.mark.rfc("6152", "3", "Only one BODY parameter may be used in a single MAIL command.")
async def test_one_body() -> None:
    """Two are 501, and so is what BODY cannot be."""
    async with world() as w:
        client = await w.client()
        for parameters in ("BODY=7BIT BODY=8BITMIME", "BODY=BINARYMIME", "BODY=", "BODY"):
            assert short(await client.ask(f"MAIL FROM:<> {parameters}")) == "501 5.5.4", parameters
        assert short(await client.ask("MAIL FROM:<> BODY=7BIT")) == "250 2.1.0"


# --- RFC 2920, PIPELINING


@pytest.mark.rfc(
    "2920",
    "3.2",
    "MUST NOT buffer responses to EHLO, DATA, VRFY, EXPN, TURN, QUIT, and NOOP.",
)
async def test_replies_that_never_wait() -> None:
    """The reply to each of them is written before the next command is looked at."""
    async with world() as w:
        client = await w.client()
        written: list[bytes] = []
        original = client.stream.write

        def write(data: bytes | bytearray | memoryview) -> None:
            written.append(bytes(data))
            original(data)

        client.stream.write = write  # type: ignore[method-assign]
        lines = ["EHLO a.example", "DATA", "VRFY a", "EXPN a", "TURN", "NOOP", "QUIT"]
        client.send(*lines)
        for _ in lines:
            await client.reply()
        assert [piece[:3] for piece in written] == [
            b"250", b"503", b"252", b"502", b"500", b"250", b"221",
        ]  # fmt: skip


@pytest.mark.rfc(
    "2920", "3.2", "MUST NOT make assumptions about commands that are yet to be received."
)
async def test_each_command_by_itself() -> None:
    """Behind a transaction that failed, any other command is taken for what it is."""
    async with world() as w:
        client = await w.client()
        client.send("MAIL FROM:<>", "RCPT TO:<refused@b.example>", "RCPT TO:<a@b.example>", "RSET")
        client.send("MAIL FROM:<b@b.example>", "NOOP", "QUIT")
        assert [short(await client.reply()) for _ in range(7)] == [
            "250 2.1.0",
            "550 5.1.1",
            "250 2.1.5",
            "250 2.0.0",
            "250 2.1.0",
            "250 2.0.0",
            "221 2.0.0",
        ]
