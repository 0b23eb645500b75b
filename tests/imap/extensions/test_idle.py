"""IDLE: at once, and alive when nothing happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.imap import logged_in, message, world


async def test_delivery_is_told_at_once() -> None:
    """A message that arrives is told of without a word from the client."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        assert (await client.stream.client_line()).startswith(b"+ ")
        await made.deliver("INBOX", message(1))
        assert await client.stream.client_line() == b"* 1 EXISTS\r\n"
        client.stream.client_write(b"DONE\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"t OK")


async def test_other_mailboxes_do_not_disturb() -> None:
    """What happens elsewhere is not told."""
    async with world() as made:
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        await client.stream.client_line()
        await made.deliver("Other", message(1))
        client.stream.client_write(b"DONE\r\n")
        assert await client.until(b"a") == [b"t OK IDLE terminated"]


async def test_still_here() -> None:
    """Silence is broken now and then, so that routers keep the connection."""
    async with world() as made:
        made.limits = replace(made.limits, still_here=0.001)
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        await client.stream.client_line()
        assert await client.stream.client_line() == b"* OK Still here\r\n"


@pytest.mark.rfc(
    "9051",
    "6.3.13",
    "If the server chooses to send unsolicited FETCH responses, they MUST include a UID FETCH item.",
)
async def test_fetch_in_idle_carries_uid() -> None:
    """After ENABLE IMAP4rev2 a flag change in IDLE names the uid."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        other = await logged_in(made, "INBOX")
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        await client.stream.client_line()
        await other.command("STORE 1 FLAGS (\\Seen)")
        assert await client.stream.client_line() == b"* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"


async def test_listening_ends_with_the_session() -> None:
    """After a lost connection the store no longer calls the session, even out of IDLE."""
    async with world() as made:
        stops = []
        listen = made.store.listen

        def counted(*arguments: object) -> object:
            stop = listen(*arguments)  # type: ignore[arg-type]

            def stopped() -> None:
                stops.append(1)
                stop()

            return stopped

        made.store.listen = counted  # type: ignore[method-assign, assignment]
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\nDONE\r\nb IDLE\r\n")
        await client.until(b"a")
        await client.stream.client_line()
        client.stream.client_eof()
        assert await client.stream.client_line() == b""
        assert stops == [1]


@pytest.mark.rfc(
    "9051",
    "6.3.13",
    "and then MUST immediately send the tagged response to the IDLE command and prepare to process other commands.",
)
@pytest.mark.rfc(
    "2177",
    "3",
    "and then MUST immediately send the tagged response to the IDLE command and prepare to process other commands.",
)
@pytest.mark.parametrize(
    ("said", "answer"),
    [(b"DONE", b"a OK"), (b"done", b"a OK"), (b"DONE ", b"a BAD"), (b"", b"a BAD"), (b"b NOOP", b"a BAD"), (b"DONE {3+}", b"a BAD"), (b"x" * 5000, b"a BAD")],
)  # fmt: skip
async def test_what_ends_it(said: bytes, answer: bytes) -> None:
    """Any line does, DONE with OK; what stands in the same packet behind it is the next command."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\n")
        assert (await client.stream.client_line()).startswith(b"+ ")
        client.stream.client_write(said + b"\r\nc NOOP\r\n")
        assert (await client.stream.client_line()).startswith(answer)
        assert (await client.stream.client_line()).startswith(b"c OK")


async def test_all_in_one_packet() -> None:
    """IDLE and DONE together, twice."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        client.stream.client_write(b"a IDLE\r\nDONE\r\nb IDLE\r\nDONE\r\n")
        for tag in (b"a", b"b"):
            assert (await client.stream.client_line()).startswith(b"+ ")
            assert (await client.stream.client_line()).startswith(tag + b" OK")
