"""QUOTA: numbers that a client can show, and refusals that it can explain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.imap import World, logged_in, message, world


def _limit(made: World, octets: int | None) -> None:
    made.directory.accounts["user"] = replace(made.account, quota=octets)


@pytest.mark.rfc(
    "9208",
    "5.1",
    'Support for this resource MUST be indicated by the server by advertising the "QUOTA=RES-STORAGE" capability.',
)
@pytest.mark.rfc(
    "9208", "3.1.2", "Limits will be specified as, and MUST be represented as, an integer."
)
@pytest.mark.rfc("9208", "4.1.1", "REQUIRED untagged responses: QUOTA")
@pytest.mark.rfc(
    "9208", "3.1.2", "The usage of a resource MUST be represented as a 63-bit unsigned integer."
)
@pytest.mark.rfc(
    "9208",
    "7",
    "Implementations MUST accept these strings in a case-insensitive fashion.",
)
async def test_usage_and_limit() -> None:
    """What is begun of a unit counts as used; without a limit the list is empty (erratum 8846)."""
    async with world() as made:
        client = await logged_in(made)
        words = (await client.command("CAPABILITY"))[0].split()
        assert {b"QUOTA", b"QUOTA=RES-STORAGE"} <= set(words)
        assert b"QUOTASET" not in words
        assert (await client.command('GETQUOTA ""'))[0] == b'* QUOTA "" ()'
        _limit(made, (1 << 62) * 2 - 1)
        client = await logged_in(made)
        assert (await client.command('getQuota ""'))[0] == b'* QUOTA "" (STORAGE 0 %d)' % (
            (1 << 53) - 1
        )
        octets = b"Subject: x\r\n\r\n".ljust(1025, b"x")
        await made.deliver("INBOX", octets)
        assert (await client.command('GETQUOTA ""'))[0].startswith(b'* QUOTA "" (STORAGE 2 ')


@pytest.mark.rfc(
    "9208",
    "5.2",
    'Support for this resource MUST be indicated by the server by advertising the "QUOTA=RES-MESSAGE" capability.',
)
@pytest.mark.rfc(
    "9208",
    "5.3",
    'Support for this resource MUST be indicated by the server by advertising the "QUOTA=RES-MAILBOX" capability.',
)
@pytest.mark.rfc("9208", "5.2", "it MUST also support the DELETED status data item.")
@pytest.mark.rfc("9208", "5.2", "This MUST be an exact number;")
@pytest.mark.rfc("9208", "5.3", "This MUST be an exact number;")
@pytest.mark.rfc("9208", "5", "MUST advertise all resource types it supports.")
@pytest.mark.rfc(
    "9208",
    "5",
    'A server supporting a resource type MUST advertise this as a CAPABILITY with a name consisting of the resource name prefixed by "QUOTA=RES-".',
)
@pytest.mark.rfc(
    "9208",
    "3.1.1",
    'Supported resource names MUST be advertised as a capability by prepending the resource name with "QUOTA=RES-".',
)
@pytest.mark.rfc(
    "9208", "3.1.2", "All resources that the server handles MUST be advertised in a CAPABILITY"
)
@pytest.mark.rfc(
    "9208", "1", 'MUST also return at least one capability starting with the "QUOTA=RES-" prefix'
)
async def test_messages_and_mailboxes() -> None:
    """Exact numbers, and OVERQUOTA before a literal is asked for, for each message of one command, and for CREATE."""
    async with world() as made:
        made.directory.accounts["user"] = replace(made.account, quota_messages=2, quota_mailboxes=7)
        await made.store.provision(made.account.id, None, 2, 7)
        await made.deliver("INBOX", message(1))
        client = await logged_in(made, "INBOX")
        words = (await client.command("CAPABILITY"))[0].split()
        assert {b"QUOTA=RES-MESSAGE", b"QUOTA=RES-MAILBOX"} <= set(words)
        assert (await client.command('GETQUOTA ""'))[0] == b'* QUOTA "" (MESSAGE 1 2 MAILBOX 6 7)'
        said = await client.command(b"APPEND INBOX {8+}\r\nA: b\r\n\r\n {8}")
        assert said[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command("COPY 1 Archive"))[-1].startswith(b"t OK")
        assert (await client.command("APPEND INBOX {8}"))[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command("COPY 1 Archive"))[-1].startswith(b"t NO [OVERQUOTA]")
        said = await client.command(b"REPLACE 1 Archive {8+}\r\nA: b\r\n\r\n")
        assert said[-1].startswith(b"t OK")
        assert (await client.command("CREATE a/b"))[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command("CREATE a"))[-1].startswith(b"t OK")
        assert (await client.command("CREATE b"))[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command('GETQUOTA ""'))[0] == b'* QUOTA "" (MESSAGE 2 2 MAILBOX 7 7)'
        assert (await client.command("STATUS Archive (DELETED)"))[
            0
        ] == b"* STATUS Archive (DELETED 0)"


@pytest.mark.rfc("9208", "4.1.2", "REQUIRED untagged responses: QUOTAROOT, QUOTA")
async def test_root() -> None:
    """First the root of the mailbox, then its quota."""
    async with world() as made:
        _limit(made, 2048)
        client = await logged_in(made)
        assert await client.command("GETQUOTAROOT INBOX") == [
            b'* QUOTAROOT INBOX ""',
            b'* QUOTA "" (STORAGE 0 2)',
            b"t OK GETQUOTAROOT completed",
        ]


@pytest.mark.rfc("9208", "4.2.2", "zero or more quota root names")
async def test_no_limit_no_root() -> None:
    """Thunderbird (153) cannot read an empty list of resources, and would end the connection it idles on."""
    async with world() as made:
        client = await logged_in(made)
        assert await client.command("GETQUOTAROOT INBOX") == [
            b"* QUOTAROOT INBOX",
            b"t OK GETQUOTAROOT completed",
        ]


async def test_free_space_for_clients_without_empty_lists() -> None:
    """An account may be shown what the disk has left, since clients of RFC 2087 show nothing without a limit."""
    async with world() as made:
        made.directory.accounts["user"] = replace(made.account, shows_free_space=True)
        client = await logged_in(made)
        await made.deliver("INBOX", message(1))
        free = made.store.free_octets() // 1024
        assert (await client.command('GETQUOTA ""'))[0] == b'* QUOTA "" (STORAGE 1 %d)' % (1 + free)


@pytest.mark.rfc(
    "9208",
    "4.3.1",
    "The OVERQUOTA response code SHOULD be returned in the tagged NO response to an APPEND/COPY/MOVE when the addition of the message(s) puts the target mailbox over any one of its quota limits.",
)
async def test_over_quota() -> None:
    """APPEND and COPY beyond the limit; MOVE within the account adds nothing."""
    async with world() as made:
        size = len(message(1))
        _limit(made, size)
        await made.store.provision(made.account.id, size)
        await made.deliver("INBOX", message(1))
        await made.mailbox("Other")
        client = await logged_in(made, "INBOX")
        assert (await client.command(f"APPEND INBOX {{{size}}}"))[-1].startswith(
            b"t NO [OVERQUOTA]"
        )
        assert (await client.command("COPY 1 Other"))[-1].startswith(b"t NO [OVERQUOTA]")
        assert (await client.command("MOVE 1 Other"))[-1].startswith(b"t OK")


@pytest.mark.rfc(
    "9208",
    "5.1",
    "When the server supports this resource type, it MUST also support the DELETED-STORAGE status data item.",
)
@pytest.mark.rfc("9208", "4.1.4", "The server SHOULD return the exact value;")
async def test_deleted_storage() -> None:
    """The octets that EXPUNGE gives back, from the counters."""
    async with world() as made:
        for number in (1, 2, 30):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        await client.command("STORE 1,3 +FLAGS (\\Deleted)")
        freed = len(message(1)) + len(message(30))
        line = (await client.command("STATUS INBOX (DELETED DELETED-STORAGE)"))[0]
        assert line.endswith(b"(DELETED 2 DELETED-STORAGE %d)" % freed)
        before = (await made.store.usage(made.account.id)).octets
        await client.command("EXPUNGE")
        assert before - (await made.store.usage(made.account.id)).octets == freed
