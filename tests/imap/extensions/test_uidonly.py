"""UIDONLY: no message number in, none out, whatever is said."""

from __future__ import annotations

import re

import pytest
from tests.support.imap import Client, World, logged_in, message, world

NUMBERED = [
    "FETCH 1 FLAGS", "fetch 1:* flags", "STORE 1 +FLAGS (x)", "SEARCH ALL", "COPY 1 Other", "MOVE 1 Other",
    "FETCH * UID", "FETCH $ UID",
]  # fmt: skip


async def _client(made: World, count: int = 4, more: str = "") -> Client:
    for number in range(1, count + 1):
        await made.deliver("INBOX", message(number))
    client = await logged_in(made)
    assert (await client.command(f"ENABLE UIDONLY{more}"))[-2:-1] == [
        b"* ENABLED UIDONLY" + more.encode()
    ]
    lines = await client.command("SELECT INBOX")
    # UNSEEN of RFC 3501 is a message number too
    assert not any(b"[UNSEEN" in line for line in lines)
    return client


@pytest.mark.rfc(
    "9586",
    "3",
    "the server MUST return a tagged BAD response if the client uses message sequence numbers.",
)
@pytest.mark.rfc(
    "9586", "3", "The server MUST include the UIDREQUIRED response code in such BAD responses"
)
@pytest.mark.rfc(
    "9586",
    "3.2",
    "When UIDONLY is enabled, the FETCH, STORE, SEARCH, COPY, and MOVE commands are prohibited and MUST result in a tagged BAD response.",
)
@pytest.mark.rfc(
    "9586", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
@pytest.mark.parametrize("command", NUMBERED)
async def test_numbers_are_refused(command: str) -> None:
    """And the commands that have a UID form do nothing."""
    async with world() as made:
        await made.mailbox("Other")
        client = await _client(made)
        (only,) = await client.command(command)
        assert only.startswith(b"t BAD [UIDREQUIRED] ")
        assert (await client.command("UID SEARCH KEYWORD x"))[0] == b"* SEARCH"
        assert b"MESSAGES 0" in (await client.command("STATUS Other (MESSAGES)"))[0]


@pytest.mark.rfc(
    "9586",
    "3.8",
    "Once UIDONLY is enabled, the server MUST reject such commands with a tagged BAD response.",
)
async def test_replace_by_number_is_refused() -> None:
    """REPLACE counts messages too; the octets behind it are no commands."""
    async with world() as made:
        client = await _client(made)
        (only,) = await client.command(b"REPLACE 1 INBOX {8+}\r\nA: b\r\n\r\n")
        assert only.startswith(b"t BAD [UIDREQUIRED] ")
        assert (await client.command(b"UID REPLACE 1 INBOX {8+}\r\nA: b\r\n\r\n"))[-2:] == [
            b"* VANISHED 1",
            b"t OK UID REPLACE completed",
        ]


@pytest.mark.rfc(
    "9586",
    "3",
    "once the UIDONLY extension is enabled, the server MUST NOT return message sequence numbers in any response.",
)
@pytest.mark.rfc(
    "9586", "3.6", "The UID MOVE / UID COPY commands SHOULD return the COPYUID response code"
)
@pytest.mark.rfc(
    "9586",
    "3.6",
    "a server that advertises the UIDONLY extension MUST NOT return a UIDNOTSTICKY response code.",
)
@pytest.mark.parametrize("more", ["", " CONDSTORE", " QRESYNC"])
async def test_no_number_comes_back(more: str) -> None:
    """With and without mod-sequences: FETCH and EXPUNGE never, whoever changes what."""
    async with world() as made:
        await made.mailbox("Other")
        client = await _client(made, 6, more)
        other = await logged_in(made, "INBOX")
        said: list[bytes] = []
        for command in (
            "UID FETCH 1:* (FLAGS)", "UID FETCH 2 (ENVELOPE)", "UID FETCH 2 (BODY[])", "UID STORE 1 +FLAGS (x)",
            "UID STORE 1 +FLAGS.SILENT (y)", "UID COPY 3 Other", "UID MOVE 4 Other", "UID STORE 5 +FLAGS (\\Deleted)",
            "UID EXPUNGE 5", "NOOP",
        ):  # fmt: skip
            said += await client.command(command)
        await other.command("UID STORE 2 +FLAGS.SILENT (\\Deleted z)")
        said += await client.command("NOOP")
        await other.command("EXPUNGE")
        said += await client.command("NOOP")
        assert not [one for one in said if re.match(rb"\* \d+ (FETCH|EXPUNGE)\b", one)]
        assert not [one for one in said if b"UIDNOTSTICKY" in one]
        assert [one for one in said if one.startswith(b"* VANISHED")] == [
            b"* VANISHED 4", b"* VANISHED 5", b"* VANISHED 2",
        ]  # fmt: skip
        assert len([one for one in said if b"COPYUID" in one]) == 2
        assert [one for one in said if re.match(rb"\* 2 UIDFETCH \(.*\bz\b", one)]


@pytest.mark.rfc(
    "9586",
    "3.7",
    "The server MUST return a tagged BAD response if such a parameter is observed once UIDONLY is enabled.",
)
async def test_sequence_match_data() -> None:
    """The other parameters of QRESYNC go on working."""
    async with world() as made:
        client = await _client(made, 3, " QRESYNC")
        validity = (await client.command("STATUS INBOX (UIDVALIDITY)"))[0].split()[-1][:-1].decode()
        (only,) = await client.command(f"SELECT INBOX (QRESYNC ({validity} 1 1:3 (1 1)))")
        assert only.startswith(b"t BAD [UIDREQUIRED] ")
        lines = await client.command(f"SELECT INBOX (QRESYNC ({validity} 1 1:3))")
        assert len([one for one in lines if re.match(rb"\* \d UIDFETCH \(UID \d ", one)]) == 3


async def test_enable_in_a_mailbox_and_unauthenticate() -> None:
    """It holds from ENABLE on, also for the mailbox that is open, and ends with the login."""
    async with world() as made:
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        assert (await client.command("FETCH 1 UID"))[0] == b"* 1 FETCH (UID 1)"
        await client.command("ENABLE UIDONLY")
        assert (await client.command("UID FETCH 1 RFC822.SIZE"))[0].startswith(b"* 1 UIDFETCH (RF")
        await client.command("UNAUTHENTICATE")
        await client.command("LOGIN user secret")
        await client.command("SELECT INBOX")
        assert (await client.command("FETCH 1 UID"))[0] == b"* 1 FETCH (UID 1)"
