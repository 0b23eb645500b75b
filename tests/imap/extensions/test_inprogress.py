"""INPROGRESS: a client that waits long hears that it is not forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.extensions.inprogress import Progress, line
from postil.imap.limits import PROGRESS_EVERY
from postil.ports.ids import MailboxId, Uid


def _held(made: World, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """COPY waits in the store until the event is set."""
    go = asyncio.Event()
    copy = made.store.copy

    async def slow(mailbox: MailboxId, uids: Sequence[Uid], target: MailboxId) -> Any:
        await go.wait()
        return await copy(mailbox, uids, target)

    monkeypatch.setattr(made.store, "copy", slow)
    return go


@pytest.mark.rfc(
    "9585",
    "3",
    'IMAP servers that support this extension MUST include "INPROGRESS" in the response list to the CAPABILITY command.',
)
@pytest.mark.rfc("9585", "4", "The response code MUST NOT appear in a tagged response")
@pytest.mark.rfc(
    "9585", "4", "If the PROGRESS is not available, both PROGRESS and GOAL MUST be set to NIL."
)
@pytest.mark.rfc(
    "9585",
    "4",
    'If the tag is not available or if it contains the "]" character, it MUST be set to NIL.',
)
@pytest.mark.parametrize(("tag", "shown"), [(b"long-1", b'"long-1"'), (b"a]b", b"NIL")])
async def test_a_long_wait(tag: bytes, shown: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports come while the store is busy, with the tag; none comes behind the tagged answer."""
    async with world() as made:
        made.limits = replace(made.limits, progress_every=0.001)
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        assert b" INPROGRESS" in (await client.command("CAPABILITY"))[0]
        go = _held(made, monkeypatch)
        client.stream.client_write(tag + b" COPY 1 INBOX\r\n")
        for _ in range(2):
            report = await client.stream.client_line()
            assert report.startswith(b"* OK [INPROGRESS (" + shown + b" NIL NIL)] ")
        go.set()
        answer = await client.until(tag)
        assert answer[-1].startswith(b"t OK [COPYUID ")
        later = asyncio.Event()  # a report that was not called off would have come by then
        asyncio.get_running_loop().call_later(0.01, later.set)
        await later.wait()
        assert client.stream.client_output() == b""


async def _many(made: World) -> Client:
    """512 messages in INBOX, which is selected."""
    await made.deliver("INBOX", message(1))
    client = await logged_in(made, "INBOX")
    for count in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        await client.command(f"UID COPY 1:{count} INBOX")
    return client


async def test_switched_off() -> None:
    """The same search, and not a word."""
    async with world() as made:
        made.limits = replace(made.limits, progress_every=0.0)
        made.directory.off[made.account.id] = frozenset({"INPROGRESS"})
        answer = await (await _many(made)).command("SEARCH SENTSINCE 1-Jan-1990")
        assert answer[0].startswith(b"* SEARCH 1 2 ")


async def test_several_mailboxes() -> None:
    """A search of many mailboxes that finds nothing is still heard of; no report is in the middle of an answer."""
    async with world() as made:
        made.limits = replace(made.limits, progress_every=0.0)
        client = await _many(made)
        for sought in ("SENTBEFORE 1-Jan-1990", "SENTSINCE 1-Jan-1990"):
            said = await client.command(f"ESEARCH IN (personal) {sought}")
            assert any(line.startswith(b"* OK [INPROGRESS (") for line in said), sought
            assert all(line.startswith((b"* OK [", b"* ESEARCH (TAG", b"t OK")) for line in said)


@pytest.mark.rfc(
    "9585",
    "4",
    "The number MUST be positive,",
)
@pytest.mark.rfc(
    "9585",
    "4",
    "The number MUST be non-negative",
)
@pytest.mark.rfc(
    "9585",
    "4",
    "This is the number that PROGRESS is expected to reach after the completion of the command; therefore, it MUST be greater than PROGRESS.",
)
@pytest.mark.rfc(
    "9585",
    "4",
    "The server SHOULD NOT send a progress notification where PROGRESS equals GOAL, as that would mean the command is completed.",
)
async def test_search_says_how_far_it_is() -> None:
    """Pages of the index are counted: messages looked at, of all in question."""
    async with world() as made:
        made.limits = replace(made.limits, progress_every=0.0)
        client = await _many(made)
        answer = await client.command("SEARCH SENTSINCE 1-Jan-1990")
        reports = [one for one in answer if b"INPROGRESS" in one]
        assert any(b'" 256 512)] Looked at 256 of 512 messages' in one for one in reports)
    done = Progress()
    done.at(5, 5)
    assert line(b"a", done).startswith(b'* OK [INPROGRESS ("a" NIL NIL)] ')


@pytest.mark.rfc(
    "9585",
    "4",
    "If the server elects to send notifications, it is RECOMMENDED that these are sent every 10-15 seconds.",
)
def test_interval() -> None:
    """Seconds."""
    assert 10 <= PROGRESS_EVERY <= 15


async def test_a_client_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hangs up while he waits harms nobody."""
    async with world() as made:
        made.limits = replace(made.limits, progress_every=0.001)
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        other: Client = await logged_in(made, "INBOX")
        go = _held(made, monkeypatch)
        client.stream.client_write(b"x COPY 1 INBOX\r\n")
        await client.stream.client_line()
        await client.stream.close()
        assert (await other.command("NOOP"))[-1].startswith(b"t OK")
        go.set()
