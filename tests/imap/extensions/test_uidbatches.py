"""UIDBATCHES: the ranges hold what they promise, in any mailbox."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.imap.answers import answer
from tests.support.imap import Client, World, logged_in, message, world

from postil.imap.extensions.uidbatches import Batches, ranges_of


async def _many(made: World, count: int) -> Client:
    """A session with INBOX of `count` messages, made by copies of a few."""
    await made.deliver("INBOX", message(1))
    client = await logged_in(made, "INBOX")
    have = 1
    while have < count:
        more = min(have, count - have)
        await client.command(f"UID COPY 1:{more} INBOX")
        have += more
    return client


def _ranges(said: bytes) -> list[tuple[int, int]]:
    line, tagged, _ = said.split(b"\r\n")
    assert tagged.startswith(b"q OK")
    prefix = b'* UIDBATCHES (TAG "q")'
    assert line.startswith(prefix)
    pairs = [pair.split(b":") for pair in line[len(prefix) :].split(b",") if pair]
    return [(int(high), int(low)) for high, low in pairs]


@pytest.mark.rfc("10022", "3.1", "REQUIRED untagged response: UIDBATCHES")
@pytest.mark.rfc("10022", "3.1.2", "response MUST include the tag of the command it relates to")
@pytest.mark.rfc(
    "10022",
    "3.1.2",
    "The UID ranges in the response MUST be ordered in descending sequence, from the highest to the lowest UIDs.",
)
@pytest.mark.rfc("10022", "3.1.3.1", "Servers MUST NOT return more messages than requested")
@pytest.mark.rfc(
    "10022",
    "3.1.3.1",
    "Servers SHOULD return batches close to the requested size (>= 90% when possible)",
)
@pytest.mark.rfc(
    "10022", "3.1.3.2", "The server MUST support batch sizes of 500 messages or larger."
)
@pytest.mark.rfc(
    "10022",
    "3.1.3.2",
    "The server MUST respond with NO and a response code TOOFEW if the client uses a batch size smaller",
)
@pytest.mark.rfc(
    "10022",
    "3.1.3.3",
    "While servers SHOULD return batches that correspond exactly to the requested size",
)
@pytest.mark.rfc(
    "10022",
    "3.1.3.3.1",
    "The server MUST NOT return ranges that contain more than the number of messages per batch requested by the client.",
)
@pytest.mark.rfc(
    "10022",
    "3.1.3.3.1",
    "If the requested batch size equals or exceeds the total number of messages in the mailbox, the server MUST return a single UID range spanning all messages.",
)
@pytest.mark.rfc(
    "10022", "4", "Implementations MUST accept these strings in a case-insensitive fashion."
)
async def test_batches_of_a_real_mailbox() -> None:
    """1,300 messages, of which some are gone: exact batches from the newest on, whatever the case of the command."""
    async with world() as made:
        client = await _many(made, 1300)
        await client.command("UID STORE 100:199,1290 +FLAGS.SILENT (\\Deleted)")
        await client.command("EXPUNGE")
        uids = [uid for uid in range(1, 1301) if not 100 <= uid <= 199 and uid != 1290]
        found = _ranges(await answer(client, "uidbatches 500"))
        assert [high for high, _ in found] == [1300, uids[-501], uids[-1001]]
        sizes = [len([uid for uid in uids if low <= uid <= high]) for high, low in found]
        assert sizes == [500, 500, 199]
        assert _ranges(await answer(client, "UIDBATCHES 500 2:2")) == found[1:2]
        assert _ranges(await answer(client, "UIDBATCHES 1199")) == [(1300, 1)]
        assert _ranges(await answer(client, "UIDBATCHES 4294967295")) == [(1300, 1)]
        assert (await client.command("UIDBATCHES 499"))[-1].startswith(b"t NO [TOOFEW]")


@pytest.mark.rfc(
    "10022",
    "3.1.2",
    "The server MUST reply with a UIDBATCHES response, even if no ranges are returned",
)
@pytest.mark.rfc(
    "10022",
    "3.1.5",
    "Servers MUST reject batch ranges that are in the wrong order with BAD and a response code CLIENTBUG:",
)
@pytest.mark.rfc(
    "10022",
    "3.1.5",
    "If the client requests a range of batches that do not exist on the server, the server MUST still return an empty response.",
)
@pytest.mark.rfc(
    "10022", "3.1.6", "and the mailbox is empty, the server MUST reply with a UIDBATCHES response"
)
@pytest.mark.rfc(
    "10022",
    "3.1.6",
    "If the client requests a range of batches that do not exist, the server MUST reply with an empty UIDBATCHES response.",
)
async def test_empty_answers_and_wrong_ranges() -> None:
    """Also where there is nothing to answer there is a line."""
    async with world() as made:
        client = await _many(made, 3)
        assert _ranges(await answer(client, "UIDBATCHES 500 2:9")) == []
        assert (await client.command("UIDBATCHES 500 2:1"))[-1].startswith(b"t BAD [CLIENTBUG]")
        await made.mailbox("Empty")
        await client.command("SELECT Empty")
        assert _ranges(await answer(client, "UIDBATCHES 500")) == []
        assert _ranges(await answer(client, "UIDBATCHES 500 1:2")) == []


@pytest.mark.rfc(
    "10022",
    "3.4",
    "Servers that support SEARCHRES [RFC5182] MUST NOT store the result of UIDBATCHES in the $ variable.",
)
async def test_search_result_stays() -> None:
    """`$` is what the last SEARCH saved."""
    async with world() as made:
        client = await _many(made, 3)
        await client.command("UID SEARCH RETURN (SAVE) UID 2")
        await client.command("UIDBATCHES 500")
        assert (await client.command("UID FETCH $ (UID)"))[0] == b"* 2 FETCH (UID 2)"


@pytest.mark.rfc(
    "10022",
    "3.1.7",
    "The server MUST at least support returning UID ranges spanning 100,000 messages.",
)
@given(
    st.lists(st.integers(1, 5000), unique=True, max_size=400).map(sorted),
    st.integers(1, 50),
    st.none() | st.tuples(st.integers(1, 20), st.integers(0, 20)),
)
def test_every_uid_is_in_one_range(
    uids: list[int], size: int, some: tuple[int, int] | None
) -> None:
    """All ranges together are the mailbox; a part of them is that part. 100,000 messages take as many slices as batches."""
    whole = ranges_of(uids, Batches(size, None))
    found = [[uid for uid in uids if low <= uid <= high] for high, low in whole]
    assert [uid for batch in reversed(found) for uid in batch] == uids
    assert all(0 < len(batch) <= size for batch in found)
    if some is not None:
        first, last = some[0], some[0] + some[1]
        assert ranges_of(uids, Batches(size, (first, last))) == whole[first - 1 : last]
    many = range(1, 100_001)
    assert len(ranges_of(many, Batches(2000, (1, 50)))) == 50


async def test_as_wide_as_a_client_may_ask() -> None:
    """100,000 messages in a range are not too many, one batch more is; the last batch ends with 1 though no message has that uid."""
    async with world() as made:
        for number in (1, 2, 3):
            await made.deliver("INBOX", message(number))
        client = await logged_in(made, "INBOX")
        await client.command("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
        await client.command("EXPUNGE")
        for asked in ("500 1:200", "100000 1:1", "500"):
            said = await client.command(f"UIDBATCHES {asked}")
            assert said[0].endswith(b") 3:1"), asked
        for asked in ("500 1:201", "100001 1:1"):
            assert (await client.command(f"UIDBATCHES {asked}"))[-1].startswith(b"t NO [TOOMANY]")
