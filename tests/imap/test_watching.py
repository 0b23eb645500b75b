"""What NOTIFY tells of INBOX under a new name: one mailbox that was called INBOX; over both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.imap import Client, World, logged_in, message, world

from postil.base.clock import FixedClock
from postil.store.sqlite import SqliteStore

WISH = "NOTIFY SET (personal (MessageNew MessageExpunge MailboxName SubscriptionChange))"


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """An account with two messages in INBOX."""
    async with world() as there:
        store = None
        if request.param == "sqlite":
            store = await SqliteStore.at(tmp_path, clock=FixedClock(), free_space_floor=0)
            await store.provision(there.account.id, None)
            there.store = store
        for number in (1, 2):
            await there.deliver("INBOX", message(number))
        yield there
        await there.tasks.close()
        if store is not None:
            await store.close()


async def lines(client: Client) -> list[bytes]:
    """What waits to be told, in the order of names."""
    said = await client.command("NOOP")
    assert said[-1] == b"t OK NOOP completed"
    return sorted(said[:-1])


async def at_once(client: Client, other: Client, *commands: str) -> list[bytes]:
    """What one is told who was in the middle of a command while another did all this."""
    client.stream.client_write(b"x CREATE {9}\r\n")
    assert (await client.stream.client_line()).startswith(b"+ ")
    await done(other, *commands)
    client.stream.client_write(b"INBOX/bad\x00\r\n")
    said = (await client.until(b"x"))[:-1]
    return sorted([*said, *await lines(client)])


async def done(client: Client, *commands: str) -> None:
    for command in commands:
        assert (await client.command(command))[-1].startswith(b"t OK"), command


@pytest.mark.rfc(
    "5465",
    "5.4",
    "When INBOX is renamed, a new INBOX is assumed to be created. No MailboxName event is sent for INBOX in this case.",
)
@pytest.mark.rfc(
    "5465",
    "5.4",
    "the server sends an extended LIST response [RFC5258] for the new mailbox name, containing the OLDNAME extended data item with the old mailbox name.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.6",
    "No unsolicited LIST responses need to be sent for INBOX in this case.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.6",
    "MAY be announced to other IMAP sessions using an unsolicited LIST response with an OLDNAME extended data item.",
)
async def test_inbox_under_a_new_name(made: World) -> None:
    """The new name was INBOX, INBOX itself is not told of, and the counters of both are; who did it hears nothing."""
    client, other = await logged_in(made), await logged_in(made)
    await done(client, WISH)
    await done(other, WISH, "RENAME INBOX old-mail")
    listed, *counted = await lines(client)
    assert listed == b'* LIST (\\HasNoChildren) "/" old-mail ("OLDNAME" (INBOX))'
    assert [line.split(b" UIDVALIDITY")[0].rstrip(b")") for line in counted] == [
        b"* STATUS INBOX (MESSAGES 0 UIDNEXT 3",
        b"* STATUS old-mail (MESSAGES 2 UIDNEXT 3",
    ]
    assert not [line for line in await lines(other) if b"LIST" in line]
    assert await lines(client) == []


async def test_what_came_of_it_before_it_was_told(made: World) -> None:
    """Renamed again it is called as it is now; deleted there is nothing to tell; a level above is a new mailbox."""
    client, other = await logged_in(made), await logged_in(made)
    await done(client, "NOTIFY SET (personal (MailboxName))")
    assert await at_once(client, other, "RENAME INBOX first", "RENAME first a/second") == [
        b'* LIST (\\HasChildren) "/" a',
        b'* LIST (\\HasNoChildren) "/" a/second ("OLDNAME" (INBOX))',
    ]
    await done(other, "RENAME a/second third")
    assert b'* LIST (\\HasNoChildren) "/" third ("OLDNAME" (a/second))' in await lines(client)
    assert await at_once(client, other, "RENAME INBOX gone", "DELETE gone") == []
    await done(other, "RENAME INBOX b/fourth")
    assert await lines(client) == [
        b'* LIST (\\HasChildren) "/" b',
        b'* LIST (\\HasNoChildren) "/" b/fourth ("OLDNAME" (INBOX))',
    ]


async def test_children_of_inbox_stay(made: World) -> None:
    """They keep their names, and none is told of."""
    client, other = await logged_in(made), await logged_in(made)
    await done(other, "CREATE INBOX/below")
    await done(client, "NOTIFY SET (personal (MailboxName))")
    await done(other, "RENAME INBOX old")
    assert await lines(client) == [b'* LIST (\\HasNoChildren) "/" old ("OLDNAME" (INBOX))']
    listed = await client.command('LIST "" INBOX*')
    assert listed[:-1] == [
        b'* LIST (\\HasChildren) "/" INBOX',
        b'* LIST (\\HasNoChildren) "/" INBOX/below',
    ]


async def test_a_mailbox_of_that_name_before(made: World) -> None:
    """Made anew under the name of one that was deleted: what was INBOX is told, not the one that is gone."""
    client, other = await logged_in(made), await logged_in(made)
    await done(other, "CREATE old")
    await done(client, "NOTIFY SET (personal (MailboxName))")
    assert await at_once(client, other, "DELETE old", "RENAME INBOX old") == [
        b'* LIST (\\HasNoChildren) "/" old ("OLDNAME" (INBOX))'
    ]
