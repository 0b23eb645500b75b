"""PIPELINING: many commands at once, replies in order and in as few pieces as allowed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.smtp import Client, short, world


@pytest.mark.rfc(
    "2920", "3.2", "MUST respond to commands in the order they are received from the client"
)
async def test_a_whole_transaction_at_once() -> None:
    """Two transactions and QUIT in one piece: every reply, in order."""
    async with world() as w:
        client = await w.client()
        client.send(
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<alice@example.org>",
            "RCPT TO:<refused@example.org>",
            "DATA",
            "Subject: one",
            "",
            "..",
            ".",
            "MAIL FROM:<>",
            "RCPT TO:<bob@example.org>",
            "DATA",
            "Subject: two",
            ".",
            "QUIT",
        )
        replies = [short(await client.reply()) for _ in range(9)]
        assert replies == [
            "250 2.1.0",
            "250 2.1.5",
            "550 5.1.1",
            "354",
            "250 2.0.0",
            "250 2.1.0",
            "250 2.1.5",
            "354",
            "250 2.0.0",
        ]
        assert short(await client.reply()) == "221 2.0.0"
        assert w.recorder.kept == [b"Subject: one\r\n\r\n.\r\n", b"Subject: two\r\n"]


@pytest.mark.rfc("2920", "3.2", "SHOULD elect to store responses to grouped RSET")
async def test_replies_come_as_a_unit() -> None:
    """RSET, MAIL and a hundred RCPT in one piece are answered with one write."""
    async with world() as w:
        client = await w.client()
        stream = client.stream
        written = []
        original = stream.write

        def write(data: bytes | bytearray | memoryview) -> None:
            written.append(bytes(data))
            original(data)

        stream.write = write  # type: ignore[method-assign]
        client.send("RSET", "MAIL FROM:<>", *["RCPT TO:<a@example.org>"] * 100)
        for _ in range(102):
            assert (await client.reply()).startswith("250")
        assert len(written) == 1


@pytest.mark.rfc("2920", "3.2", "MUST NOT buffer responses to unrecognized commands")
async def test_some_replies_do_not_wait() -> None:
    """NOOP, unknown commands and DATA flush what was held."""
    async with world() as w:
        client = await w.client()
        written = []
        original = client.stream.write

        def write(data: bytes | bytearray | memoryview) -> None:
            written.append(bytes(data))
            original(data)

        client.stream.write = write  # type: ignore[method-assign]
        client.send("MAIL FROM:<>", "NOOP", "RCPT TO:<a@example.org>", "XYZZY", "RSET")
        for _ in range(5):
            await client.reply()
        assert [len(piece.split(b"\r\n")) - 1 for piece in written] == [2, 2, 1]


CONVERSATION = (
    b"EHLO client.example\r\nMAIL FROM:<a@b.example> SIZE=30\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..\r\n.\r\n.\r\nNOOP \xff\r\nRSET\r\nMAIL FROM:<\xc3\xbc@b.example> SMTPUTF8\r\n"
    b"RCPT TO:<bob@example.org>\r\nDATA\r\nbare\nline\r\n.\n\r\n.\r\n"
    + b"x" * 5000
    + b"\r\nVRFY alice\r\nQUIT\r\n"
)


async def replies_for(cuts: list[int]) -> tuple[bytes, list[bytes]]:
    """Everything the server says to the conversation cut there."""
    async with world() as w:
        client = Client(await w.connect())
        edges = sorted({0, len(CONVERSATION), *(cut % len(CONVERSATION) for cut in cuts)})
        for start, stop in itertools.pairwise(edges):
            client.stream.client_write(CONVERSATION[start:stop])
            await client.stream.drain()
        said = await client.stream.client_read_until(
            b"221 2.0.0 mx.example.org closing the connection\r\n"
        )
        return said, w.recorder.kept


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=20))
async def test_cuts_change_nothing(cuts: list[int]) -> None:
    """The same replies, octet for octet, and the same messages, however the network cuts the conversation."""
    assert await replies_for(cuts) == await replies_for([])
