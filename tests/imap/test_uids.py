"""Unique identifiers: what they promise to clients that remember them, over both stores and across a restart."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.imap import Client, World, logged_in, message, world

from postil.base.clock import FixedClock
from postil.store.sqlite import SqliteStore

STATIC = "(INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])"


@dataclass
class Place:
    """A world, and what a restart of its store is."""

    made: World
    restart: Callable[[], Awaitable[None]]


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """An account with three messages in INBOX."""
    async with world() as made:
        kept: list[SqliteStore] = []

        async def opened() -> None:
            for store in kept:
                await store.close()
            kept[:] = [await SqliteStore.at(tmp_path, clock=FixedClock(), free_space_floor=0)]
            made.store = kept[0]

        async def nothing() -> None:
            pass

        if request.param == "sqlite":
            await opened()
            await made.store.provision(made.account.id, None)
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        yield Place(made, opened if request.param == "sqlite" else nothing)
        await made.tasks.close()
        for store in kept:
            await store.close()


async def counters(client: Client, name: str = "INBOX") -> tuple[int, int]:
    """UIDVALIDITY and UIDNEXT."""
    line = (await client.command(f"STATUS {name} (UIDVALIDITY UIDNEXT)"))[0]
    found = re.search(rb"UIDVALIDITY (\d+) UIDNEXT (\d+)", line)
    assert found is not None, line
    return int(found[1]), int(found[2])


async def append(client: Client, name: str = "INBOX") -> tuple[int, int]:
    """UIDVALIDITY and uid of a new message."""
    line = (await client.command(f"APPEND {name} {{6+}}\r\nA: b\r\n".encode()))[-1]
    found = re.search(rb"APPENDUID (\d+) (\d+)", line)
    assert found is not None, line
    return int(found[1]), int(found[2])


async def expunge(client: Client, uids: str) -> None:
    await client.command(f"UID STORE {uids} +FLAGS.SILENT (\\Deleted)")
    assert (await client.command("EXPUNGE"))[-1].startswith(b"t OK")


async def uids(client: Client) -> list[int]:
    """Of the messages, in the order of their numbers."""
    lines = [line for line in await client.command("FETCH 1:* UID") if b"FETCH" in line]
    assert [int(line.split()[1]) for line in lines[:-1]] == list(range(1, len(lines)))
    return [int(line.rstrip(b")").rsplit(b" ", 1)[1]) for line in lines[:-1]]


@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "MUST NOT refer to any other message in the mailbox or any subsequent mailbox with the same name forever.",
)
@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "When a message is expunged, its UID MUST NOT be reused under the same UIDVALIDITY value.",
)
@pytest.mark.rfc(
    "9051", "2.3.1.1", "Unique identifiers MUST be strictly ascending in the mailbox at all times."
)
@pytest.mark.rfc(
    "9051", "2.3.1.2", "This position MUST be ordered by ascending unique identifiers."
)
@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "Any change of unique identifiers between sessions MUST be detectable using the UIDVALIDITY mechanism discussed below.",
)
@pytest.mark.rfc(
    "3501", "2.3.1.1", "Unique identifiers MUST be strictly ascending in the mailbox at all times."
)
@pytest.mark.rfc(
    "3501",
    "2.3.1.1",
    "A 32-bit value assigned to each message, which when used with the unique identifier validity value (see below) forms a 64-bit value that MUST NOT refer to any other message in the mailbox or any subsequent mailbox with the same name forever.",
)
@pytest.mark.rfc(
    "3501",
    "2.3.1.1",
    "Any change of unique identifiers between sessions MUST be detectable using the UIDVALIDITY mechanism discussed below.",
)
@pytest.mark.rfc("3501", "2.3.1.2", "This position MUST be ordered by ascending unique identifier.")
async def test_no_uid_comes_twice(place: Place) -> None:
    """Neither after the newest message went, nor after all went, nor after a restart; numbers follow the uids."""
    made, seen = place.made, {1, 2, 3}
    client = await logged_in(made, "INBOX")
    validity, _ = await counters(client)
    for gone in ("3", "2", "1:*", "1:*"):
        await expunge(client, gone)
        for _ in range(2):
            now, uid = await append(client)
            assert now == validity
            assert uid > max(seen)
            seen.add(uid)
        found = await uids(client)
        assert found == sorted(set(found))
        await place.restart()
        client = await logged_in(made, "INBOX")
        assert await uids(client) == found
        assert (await counters(client))[0] == validity


@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "Unless the unique identifier validity also changes (see below), the next unique identifier value MUST have the following two characteristics.",
)
@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "First, the next unique identifier value MUST NOT change unless new messages are added to the mailbox;",
)
@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "and second, the next unique identifier value MUST change whenever new messages are added to the mailbox, even if those new messages are subsequently expunged.",
)
@pytest.mark.rfc(
    "3501",
    "2.3.1.1",
    "Unless the unique identifier validity also changes (see below), the next unique identifier value MUST have the following two characteristics.",
)
@pytest.mark.rfc(
    "3501",
    "2.3.1.1",
    "First, the next unique identifier value MUST NOT change unless new messages are added to the mailbox;",
)
@pytest.mark.rfc(
    "3501",
    "2.3.1.1",
    "and second, the next unique identifier value MUST change whenever new messages are added to the mailbox, even if those new messages are subsequently expunged.",
)
async def test_uidnext(place: Place) -> None:
    """It stays through flags, expunges, a failed APPEND and a restart, and tells of a message that came and went."""
    client = await logged_in(place.made, "INBOX")
    before = await counters(client)
    assert before[1] == 4
    await client.command("STORE 1 +FLAGS (\\Seen)")
    await expunge(client, "3")
    await client.command("COPY 1 Nowhere")
    await place.restart()
    client = await logged_in(place.made, "INBOX")
    assert await counters(client) == before
    await append(client)
    await expunge(client, "4")
    assert await counters(client) == (before[0], 5)
    await client.command("COPY 1 INBOX")
    assert await counters(client) == (before[0], 6)


@pytest.mark.rfc(
    "9051",
    "2.3.1.1",
    "In particular, the internal date, RFC822.SIZE, envelope, body structure, and message texts (all BODY[...] fetch data items) MUST never change.",
)
@pytest.mark.rfc("9051", "2.3.1.1", "The unique identifier of a message MUST NOT")
@pytest.mark.rfc(
    "9051",
    "6.4.5",
    "are static and MUST NOT change for any particular message.",
)
@pytest.mark.rfc(
    "3501", "2.3.1.1", "The unique identifier of a message MUST NOT change during the session,"
)
@pytest.mark.rfc(
    "3501",
    "6.4.5",
    "Most data items, identified in the formal syntax under the msg-att-static rule, are static and MUST NOT change for any particular message.",
)
async def test_what_a_uid_stands_for_stays(place: Place) -> None:
    """After flags, expunges before it, a mailbox with another name and a restart: the same uid, the same octets and facts."""
    client = await logged_in(place.made, "INBOX")
    before = await client.command(f"UID FETCH 3 {STATIC}")
    assert before[0].startswith(b"* 3 FETCH ")
    await client.command("UID STORE 3 +FLAGS (\\Flagged)")
    await expunge(client, "1")
    await append(client)
    same = before[0].replace(b"* 3 ", b"* 2 ")
    assert (await client.command(f"UID FETCH 3 {STATIC}"))[0] == same
    await place.restart()
    client = await logged_in(place.made, "INBOX")
    assert (await client.command(f"UID FETCH 3 {STATIC}"))[0] == same


@pytest.mark.rfc(
    "9051",
    "6.3.4",
    "its unique identifiers MUST be greater than any unique identifiers used in the previous incarnation of the mailbox unless the new incarnation has a different unique identifier validity value.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.5",
    "The value of the highest-used unique identifier of the deleted mailbox MUST be preserved so that a new mailbox created with the same name will not reuse the identifiers of the former incarnation, unless the new incarnation has a different unique identifier validity value.",
)
@pytest.mark.rfc(
    "9051",
    "6.3.6",
    "The value of the highest-used unique identifier of the old mailbox name MUST be preserved so that a new mailbox created with the same name will not reuse the identifiers of the former incarnation, unless the new incarnation has a different unique identifier validity value.",
)
@pytest.mark.parametrize("away", ["DELETE Box", "RENAME Box Elsewhere"])
@pytest.mark.rfc(
    "3501",
    "6.3.3",
    "If a new mailbox is created with the same name as a mailbox which was deleted, its unique identifiers MUST be greater than any unique identifiers used in the previous incarnation of the mailbox UNLESS the new incarnation has a different unique identifier validity value.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.4",
    "The value of the highest-used unique identifier of the deleted mailbox MUST be preserved so that a new mailbox created with the same name will not reuse the identifiers of the former incarnation, UNLESS the new incarnation has a different unique identifier validity value.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.5",
    "The value of the highest-used unique identifier of the old mailbox name MUST be preserved so that a new mailbox created with the same name will not reuse the identifiers of the former incarnation, UNLESS the new incarnation has a different unique identifier validity value.",
)
async def test_a_name_used_again(place: Place, away: str) -> None:
    """The new mailbox has another UIDVALIDITY, a greater one, each time; also across restarts."""
    client = await logged_in(place.made)
    last = 0
    for turn in range(3):
        await client.command("CREATE Box")
        validity, uid = await append(client, "Box")
        assert (uid, validity > last) == (1, True)
        last = validity
        command = away if "DELETE" in away else f"{away}{turn}"
        assert (await client.command(command))[-1].startswith(b"t OK")
        await place.restart()
        client = await logged_in(place.made)


@pytest.mark.rfc(
    "9051",
    "6.3.6",
    "If the name has inferior hierarchical names, then the inferior hierarchical names MUST also be renamed.",
)
@pytest.mark.rfc(
    "3501",
    "6.3.5",
    "If the name has inferior hierarchical names, then the inferior hierarchical names MUST also be renamed.",
)
async def test_a_new_name_keeps_everything(place: Place) -> None:
    """UIDVALIDITY, uids and messages of the mailbox and of those below it; the old names are gone."""
    client = await logged_in(place.made)
    for name in ("Top/Mid/Low", "Top/Mid"):
        await client.command(f"CREATE {name}")
        await append(client, name)
    before = [await counters(client, name) for name in ("Top", "Top/Mid", "Top/Mid/Low")]
    assert (await client.command("RENAME Top Peak"))[-1].startswith(b"t OK")
    assert [await counters(client, name) for name in ("Peak", "Peak/Mid", "Peak/Mid/Low")] == before
    listed = await client.command('LIST "" Top*')
    assert listed == [b"t OK LIST completed"]
