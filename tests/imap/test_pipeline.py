"""Pipelined commands: begun together, answered in order, none lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.support.imap import World, logged_in, message, world

from postil.ports import store as ports
from postil.ports.ids import MailboxId

APPEND = b"%d APPEND INBOX {8+}\r\nA: b\r\n\r\n\r\n"


class Gate:
    """Holds every append of a store until as many as wanted have been called."""

    def __init__(self, made: World, wanted: int) -> None:
        self.calls = 0
        self.most = 0
        self.waiting = 0
        self._enough = asyncio.Event()
        self._wanted = wanted
        self._append = made.store.append
        made.store.append = self.append  # type: ignore[method-assign]

    async def append(
        self, mailbox: MailboxId, messages: Sequence[ports.NewMessage]
    ) -> ports.Appended:
        self.calls += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.calls >= self._wanted:
            self._enough.set()
        await self._enough.wait()
        self.waiting -= 1
        return await self._append(mailbox, messages)


@pytest.mark.rfc(
    "9051",
    "5.5",
    "a server MAY begin processing another command before processing the current command to completion, subject to ambiguity rules.",
)
async def test_appends_share_a_commit() -> None:
    """Twenty pipelined APPENDs all reach the store before the first is answered; answers keep the order."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        gate = Gate(made, 20)
        client.stream.client_write(b"".join(APPEND % number for number in range(20)))
        uids = []
        for number in range(20):
            answer = await client.until(b"%d" % number)
            assert answer[-1].startswith(b"t OK [APPENDUID ")
            uids.append(int(answer[-1].split()[4].rstrip(b"]")))
        assert sorted(uids) == list(range(1, 21))
        assert gate.most == 20
        assert (await made.store.usage(made.account.id)).messages == 20


async def test_uids_follow_the_order_of_commands() -> None:
    """Messages get their uids in the order in which they were sent."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(b"".join(APPEND % number for number in range(100)))
        answers = [(await client.until(b"%d" % number))[-1] for number in range(100)]
        assert [int(line.split()[4].rstrip(b"]")) for line in answers] == list(range(1, 101))


async def test_a_lone_append_does_not_wait() -> None:
    """Without a next command the answer comes at once."""
    async with world() as made:
        client = await logged_in(made)
        Gate(made, 1)
        client.stream.client_write(APPEND % 1)
        assert (await client.until(b"1"))[-1].startswith(b"t OK")


async def test_another_command_comes_after() -> None:
    """A command of another kind sees everything that was begun before it."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(
            APPEND % 1
            + APPEND % 2
            + b"s STATUS INBOX (MESSAGES)\r\n"
            + APPEND % 3
            + b"x NONSENSE\r\n"
        )
        lines = [await client.stream.client_line() for _ in range(6)]
        assert [line.split()[0] for line in lines] == [b"1", b"2", b"*", b"s", b"3", b"x"]
        assert lines[2] == b"* STATUS INBOX (MESSAGES 2)\r\n"


async def test_one_refused_among_others() -> None:
    """A refusal in the middle is answered in its place and harms no other."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        append = made.store.append
        count = 0

        async def second_fails(
            mailbox: MailboxId, messages: Sequence[ports.NewMessage]
        ) -> ports.Appended:
            nonlocal count
            count += 1
            if count == 2:
                await asyncio.sleep(0)
                raise ports.OverQuota("full")
            return await append(mailbox, messages)

        made.store.append = second_fails  # type: ignore[method-assign]
        client.stream.client_write(b"".join(APPEND % number for number in range(3)))
        results = [(await client.until(b"%d" % number))[-1] for number in range(3)]
        assert [result.split()[1] for result in results] == [b"OK", b"NO", b"OK"]
        assert results[1].startswith(b"t NO [OVERQUOTA]")


async def test_pipelined_stores() -> None:
    """STORE after STORE: each shows its own message, a limit reached is told in full."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made)
        await client.command("ENABLE IMAP4rev2")
        await client.command("SELECT INBOX")
        client.stream.client_write(
            b"".join(b"%d STORE %d +FLAGS (\\Seen)\r\n" % (seq, seq) for seq in (1, 2, 3))
        )
        for seq in (1, 2, 3):
            answer = await client.until(b"%d" % seq)
            assert answer[0] == b"* %d FETCH (FLAGS (\\Seen))" % seq

        async def full(*_: object) -> ports.Flagged:
            raise ports.LimitReached("too many keywords")

        made.store.change_flags = full  # type: ignore[method-assign, assignment]
        answer = await client.command("STORE 1 +FLAGS (new)")
        assert answer[0].startswith(b"* OK [PERMANENTFLAGS (")
        assert b"\\*" not in answer[0]
        assert answer[1].startswith(b"t NO [LIMIT]")


@pytest.mark.rfc(
    "9051",
    "7.5.1",
    "An EXPUNGE response MAY be sent during a UID command.",
)
async def test_expunge_waits_for_the_last_of_a_batch() -> None:
    """With UID STOREs under way positions must hold: EXPUNGE comes with the last."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client, other = await logged_in(made, "INBOX"), await logged_in(made, "INBOX")
        await other.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.command("EXPUNGE")
        client.stream.client_write(
            b"1 UID STORE 2 FLAGS (\\Seen)\r\n2 UID STORE 3 FLAGS (\\Seen)\r\n"
        )
        first, second = await client.until(b"1"), await client.until(b"2")
        assert not any(line.endswith(b"EXPUNGE") for line in first)
        assert first[0].startswith(b"* 2 FETCH (UID 2 ")
        assert second[0].startswith(b"* 3 FETCH (UID 3 ")
        assert b"* 1 EXPUNGE" in second


async def test_client_vanishes_with_writes_under_way() -> None:
    """What was begun is finished and tidied up, though nobody hears of it."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(b"".join(APPEND % number for number in range(5)))
        client.stream.client_eof()
        client.stream.closed = True
        while made.sessions[-1].reader.pending() or made.sessions[-1].view or len(made.tasks):
            await asyncio.sleep(0)
        assert (await made.store.usage(made.account.id)).messages in range(6)
