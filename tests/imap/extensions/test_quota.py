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
