"""APPEND: streamed, all or nothing, and refused before the octets where that is possible."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.support.imap import logged_in, message, world

from postil.imap import limits
from postil.ports import store as ports


async def test_big_message_streamed() -> None:
    """A message of several MiB arrives octet for octet."""
    octets = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 300_000
    async with world() as made:
        client = await logged_in(made, "INBOX")
        answer = await client.command(b"APPEND INBOX {%d+}\r\n%b" % (len(octets), octets))
        assert answer[-1].startswith(b"t OK [APPENDUID ")
        view = await made.store.open((await made.mailbox("INBOX")).id)
        body = await made.store.body(view, 0)
        assert body.buffer() == octets
        view.close()


@pytest.mark.rfc("9051", "9", "The ASCII NUL character, %x00, MUST NOT be used anywhere,")
async def test_nul_needs_a_literal8() -> None:
    """A message with NUL is BAD in a literal and stored from a literal8, wherever the NUL stands."""
    async with world() as made:
        client = await logged_in(made)
        for octets in (
            b"A: b\r\n\r\n\0",
            b"\0: b\r\n\r\nxx",
            b"A: b\r\n\r\n" + b"x" * 70_000 + b"\0",
        ):
            answer = await client.command(b"APPEND INBOX {%d+}\r\n%b" % (len(octets), octets))
            assert answer[-1].startswith(b"t BAD")
            assert (await client.command("STATUS INBOX (MESSAGES)"))[0].endswith(b"(MESSAGES 0)")
        answer = await client.command(b"APPEND INBOX ~{%d+}\r\n%b" % (len(octets), octets))
        assert answer[-1].startswith(b"t OK")


@pytest.mark.rfc("4315", "3", "a server MUST NOT send a range such as 123:123.")
@pytest.mark.rfc(
    "4315",
    "3",
    "the UID set form of the APPENDUID response code MUST NOT be used if only a single message was appended.",
)
@pytest.mark.rfc("9051", "7.1", "a server MUST NOT send a range such as 123:123.")
@pytest.mark.rfc(
    "9051",
    "7.1",
    "the UID set form of the APPENDUID response code MUST NOT be used if only a single message was appended.",
)
async def test_single_uid() -> None:
    """APPENDUID names one uid."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n")
        assert re.fullmatch(rb"t OK \[APPENDUID \d+ \d+\] .*", answer[-1])


@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "If the destination mailbox does not exist, a server MUST return an error",
)
@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "MUST NOT automatically create the mailbox",
)
@pytest.mark.rfc(
    "9051",
    "6.3.12",
    'Unless it is certain that the destination mailbox cannot be created, the server MUST send the response code "[TRYCREATE]" as the prefix of the text of the tagged NO response.',
)
@pytest.mark.rfc(
    "3501", "6.3.11", "If the destination mailbox does not exist, a server MUST return an error,"
)
@pytest.mark.rfc("3501", "6.3.11", "and MUST NOT automatically create the mailbox.")
@pytest.mark.rfc(
    "3501",
    "6.3.11",
    'Unless it is certain that the destination mailbox can not be created, the server MUST send the response code "[TRYCREATE]" as the prefix of the text of the tagged NO response.',
)
async def test_no_mailbox_is_made() -> None:
    """A missing mailbox stays missing, and the client is told to make it."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command(b"APPEND Missing {8+}\r\nA: b\r\n\r\n")
        assert answer[-1].startswith(b"t NO [TRYCREATE]")
        names = [mailbox.name for mailbox in await made.store.mailboxes(made.account.id)]
        assert "Missing" not in names


@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "If the append is unsuccessful for any reason, the mailbox MUST be restored to its state before the APPEND attempt (other than possibly keeping the changed mailbox's UIDNEXT value)",
)
@pytest.mark.parametrize(
    "command",
    [
        b"APPEND INBOX {3+}\r\na\0b",
        b"APPEND INBOX {3+}\r\nabc x",
        b"APPEND INBOX {3+}\r\nabc{3+}\r\nabc",
        b"APPEND INBOX {3+}\r\nabc {3+}\r\na\0b",
    ],
)
@pytest.mark.rfc(
    "3501",
    "6.3.11",
    "If the append is unsuccessful for any reason, the mailbox MUST be restored to its state before the APPEND attempt; no partial appending is permitted.",
)
async def test_nothing_is_left_of_a_failure(command: bytes) -> None:
    """After a failed APPEND the mailbox and what the account uses are as before."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        answer = await client.command(command)
        assert answer == [answer[-1]]
        assert answer[-1].startswith(b"t BAD")
        assert (await made.store.usage(made.account.id)).octets == 0
        assert (await client.command("NOOP")) == [b"t OK NOOP completed"]


async def test_client_vanishes_inside_the_message() -> None:
    """A connection lost in the middle of the octets leaves nothing."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(b"a APPEND INBOX {1000+}\r\nhalf of it")
        client.stream.client_eof()
        assert await client.stream.client_line() == b""
        assert (await made.store.usage(made.account.id)).messages == 0


@pytest.mark.rfc("5530", "3", "The user would be over quota after the operation.")
async def test_quota_found_out_at_the_end() -> None:
    """A store that finds the quota full after the octets came is believed; the session goes on."""
    async with world() as made:
        client = await logged_in(made)

        async def full(*_: object) -> None:
            raise ports.OverQuota("full")

        made.store.append = full  # type: ignore[method-assign, assignment]
        answer = await client.command(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n")
        assert answer[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command("NOOP"))[-1].startswith(b"t OK")


async def test_mailbox_deleted_while_the_octets_come() -> None:
    """TRYCREATE, as if it had never been there."""
    async with world() as made:
        await made.mailbox("Doomed")
        client = await logged_in(made)
        client.stream.client_write(b"a APPEND Doomed {8}\r\n")
        assert (await client.stream.client_line()).startswith(b"+ ")
        await made.store.delete(made.account.id, "Doomed")
        client.stream.client_write(b"A: b\r\n\r\n\r\n")
        assert (await client.until(b"a"))[-1].startswith(b"t NO [TRYCREATE]")


@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "If a flag parenthesized list is specified, the flags SHOULD be set in the resulting message",
)
@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "If a date-time is specified, the internal date SHOULD be set in the resulting message",
)
async def test_flags_and_date() -> None:
    """Flags and date given are flags and date kept."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        await client.command(
            b'APPEND INBOX (\\Flagged $Junk) " 1-Jan-2020 00:00:00 +0100" {8+}\r\nA: b\r\n\r\n'
        )
        (line, _) = await client.command("FETCH 1 (FLAGS INTERNALDATE)")
        assert b"\\Flagged $Junk" in line
        assert b'"31-Dec-2019 23:00:00 +0000"' in line


@pytest.mark.rfc(
    "9051",
    "6.3.12",
    "Specifically, the server SHOULD notify the client immediately via an untagged EXISTS response.",
)
async def test_exists_at_once() -> None:
    """An APPEND to the selected mailbox is told of before its tagged OK."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        answer = await client.command(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n")
        assert answer[0] == b"* 2 EXISTS"


@pytest.mark.rfc(
    "3502",
    "6.3.11",
    "If the append is unsuccessful for any reason (including being cancelled), the mailbox MUST be restored to its state before the APPEND attempt; no partial appending is permitted.",
)
@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"APPEND INBOX {5+}\r\nabc\r\n {5+}\r\na\0c\r\n", b"t BAD"),
        (b"APPEND INBOX {5+}\r\nabc\r\n {5+}\r\nabc\r\n {0+}\r\n", b"t NO [CANNOT]"),
        (b"APPEND INBOX {5+}\r\nabc\r\n (\\Recent) {5+}\r\nabc\r\n", b"t BAD"),
        (b'APPEND INBOX {5+}\r\nabc\r\n {5+}\r\nabc\r\n"', b"t BAD"),
    ],
)
async def test_all_or_none(command: bytes, answer: bytes) -> None:
    """What is wrong with a later message undoes the earlier ones, and the next command is understood."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        assert (await client.command(command))[-1].startswith(answer)
        assert (await made.store.usage(made.account.id)).octets == 0
        assert (await client.command("STATUS INBOX (MESSAGES UIDNEXT)"))[0].endswith(
            b"(MESSAGES 0 UIDNEXT 1)"
        )
        assert await client.command("NOOP") == [b"t OK NOOP completed"]


@pytest.mark.rfc(
    "3502",
    "6.3.11",
    "A zero-length message literal argument is an error, and MUST return a NO.",
)
async def test_empty_message_cancels() -> None:
    """As the only message and as a later one."""
    async with world() as made:
        client = await logged_in(made)
        assert (await client.command("APPEND INBOX {0}"))[-1].startswith(b"t NO")
        answer = await client.command(b"APPEND INBOX {5+}\r\nabc\r\n {0}")
        assert answer[-1].startswith(b"t NO")
        assert (await made.store.status((await made.mailbox("INBOX")).id)).messages == 0


@pytest.mark.rfc("3502", "6.3.11", "the flags SHOULD be set in the resulting message")
@pytest.mark.rfc("3502", "6.3.11", "the internal date SHOULD be set in the resulting message")
@pytest.mark.rfc(
    "3502",
    "6.3.11",
    "If the mailbox is currently selected, the normal new message actions SHOULD occur.",
)
@pytest.mark.rfc(
    "3502",
    "6.3.11",
    "Specifically, the server SHOULD notify the client immediately via an untagged EXISTS response.",
)
async def test_each_has_its_own() -> None:
    """Flags and dates go with the message they stand before."""
    async with world() as made:
        client = await logged_in(made, "INBOX")
        answer = await client.command(
            b'APPEND INBOX (\\Seen) {5+}\r\nabc\r\n "17-Jul-1996 02:44:25 -0700" {5+}\r\nabd\r\n'
        )
        assert answer[0] == b"* 2 EXISTS"
        answer = await client.command("FETCH 1:2 (FLAGS INTERNALDATE)")
        assert b"FLAGS (\\Seen \\Recent)" in answer[0]
        assert b"1996" not in answer[0]
        assert answer[1].startswith(
            b'* 2 FETCH (FLAGS (\\Recent) INTERNALDATE "17-Jul-1996 09:44:25 +0000"'
        )


@pytest.mark.rfc(
    "3502", "6.3.11", "If the destination mailbox does not exist, a server MUST return an error,"
)
@pytest.mark.rfc("3502", "6.3.11", "and MUST NOT automatically create the mailbox.")
@pytest.mark.rfc(
    "3502",
    "6.3.11",
    'the server MUST send the response code "[TRYCREATE]" as the prefix of the text of the tagged NO response.',
)
async def test_several_without_a_mailbox() -> None:
    """Refused at the first literal."""
    async with world() as made:
        client = await logged_in(made)
        answer = await client.command(b"APPEND Missing {5+}\r\nabc\r\n {5+}\r\nabc\r\n")
        assert answer[-1].startswith(b"t NO [TRYCREATE]")
        names = [mailbox.name for mailbox in await made.store.mailboxes(made.account.id)]
        assert "Missing" not in names


async def test_limits_of_one_command() -> None:
    """So many octets together, and so many messages: NO [LIMIT] before the literal is asked for."""
    async with world() as made:
        made.limits = replace(made.limits, largest_message=1000)
        client = await logged_in(made)
        answer = await client.command(b"APPEND INBOX {600+}\r\n" + b"x" * 600 + b" {401}")
        assert answer[-1].startswith(b"t NO [LIMIT]")
        messages = b" {1+}\r\nx" * (limits.APPEND_MESSAGES)
        answer = await client.command(b"APPEND INBOX" + messages)
        assert answer[-1].startswith(b"t OK [APPENDUID ")
        assert b" 1:1000] " in answer[-1]
        answer = await client.command(b"APPEND INBOX" + messages + b" {1}")
        assert answer[-1].startswith(b"t NO [LIMIT]")


@pytest.mark.rfc(
    "7888",
    "5",
    "If responding to an APPEND command, the tagged BAD response MUST contain the TOOBIG response code [RFC4469].",
)
@pytest.mark.parametrize("size", [b"104857601+", b"4294967296+", b"99999999999999999999+"])
async def test_a_literal_that_nobody_waits_for(size: bytes) -> None:
    """Too large to be read and dropped: BAD [TOOBIG] with the tag, and the connection ends, since what follows is no command."""
    async with world() as made:
        client = await logged_in(made)
        client.stream.client_write(b"a APPEND INBOX {" + size + b"}\r\nb LOGOUT\r\n")
        assert (await client.stream.client_line()).startswith(b"a BAD [TOOBIG] ")
        assert (await client.stream.client_line()).startswith(b"* BYE ")
        assert await client.stream.client_line() == b""
