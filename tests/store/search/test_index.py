"""The search index answers what a scan answers, whatever state it is in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from postil.ports.ids import AccountId
from postil.ports.store import Corrupt, SearchField, TextSearch
from postil.store.search import database
from postil.store.search.database import Texts
from postil.store.search.index import SearchIndex
from postil.store.search.pending import Pending
from postil.store.search.text import matches

OWNER = AccountId(65_534 * 7 + 3)


class Shelf:
    """Bodies by id, for the index to follow."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        self.last = 0
        self.broken: set[int] = set()
        self.reads = 0
        self.owner = OWNER

    def put(self, octets: bytes) -> int:
        self.last += 1
        self.bodies[self.last] = octets
        return self.last

    def last_body(self) -> int:
        return self.last

    def bodies_after(self, after: int, limit: int) -> Sequence[tuple[int, AccountId]]:
        return [(body, self.owner) for body in sorted(self.bodies) if body > after][:limit]

    def ids_between(self, first: int, last: int) -> Sequence[int]:
        return [body for body in self.bodies if first <= body <= last]

    async def octets(self, body: int) -> bytes:
        self.reads += 1
        if body in self.broken:
            raise Corrupt("broken")
        return self.bodies[body]


def truth(shelf: Shelf, what: TextSearch) -> set[int]:
    """The answer of a plain scan of everything."""
    return {
        body
        for body, octets in shelf.bodies.items()
        if body not in shelf.broken and list(matches(octets, what))[-1]
    }


def text(needle: str) -> TextSearch:
    return TextSearch(SearchField.TEXT, needle)


@pytest_asyncio.fixture
async def shelf() -> AsyncIterator[Shelf]:
    yield Shelf()


def message(subject: str, body: str, sender: str = "a@example.org") -> bytes:
    return f"From: {sender}\r\nSubject: {subject}\r\nX-Other: {body[:9]}\r\n\r\n{body}\r\n".encode()


async def test_finds_without_reading_messages(shelf: Shelf, tmp_path: Path) -> None:
    """What is indexed is answered from the index: no message is read again."""
    index = await SearchIndex.open(tmp_path, shelf)
    for number in range(300):
        shelf.put(message(f"number {number}", "the needle Grüße" if number % 3 else "hay"))
    index.added()
    await index.caught_up()
    assert index.mark == 300
    shelf.reads = 0
    keys = sorted(shelf.bodies)
    for what in (
        text("NEEDLE grüsse"),
        text("needle GRÜßE"),
        text("number 77"),
        text("er"),
        TextSearch(SearchField.BODY, "number"),
        TextSearch(SearchField.BODY, "hay"),
        TextSearch(SearchField.HEADER, "number 7", "subject"),
        TextSearch(SearchField.HEADER, "", "subject"),
        TextSearch(SearchField.HEADER, "", "cc"),
        TextSearch(SearchField.HEADER, "EXAMPLE", "from"),
    ):
        found = await index.search(OWNER, keys, what)
        assert shelf.reads == 0, what
        assert found == truth(shelf, what), what
    assert len(await index.search(OWNER, keys[:10], text("the needle"))) == 6
    await index.close()


async def test_other_accounts_are_no_candidates(shelf: Shelf, tmp_path: Path) -> None:
    """Trigrams are asked within one account, whatever its number."""
    index = await SearchIndex.open(tmp_path, shelf)
    others = (OWNER, AccountId(1), AccountId(3), AccountId(2**40), AccountId(65_534 * 3 + 7))
    own = {}
    for account in others:
        shelf.owner = account
        own[account] = shelf.put(message("same", "the same words"))
        await _followed(index)
    await index.close()
    db = database.connect(tmp_path / "search.db")
    for account in others:
        assert database.candidates(db, account, "SAME WORDS", 1, 99) == str(own[account])
    db.close()


async def test_headers_without_a_column_are_verified(shelf: Shelf, tmp_path: Path) -> None:
    """A needle that stands in another field is not taken for the one asked for."""
    index = await SearchIndex.open(tmp_path, shelf)
    shelf.put(message("secret", "x"))
    own = shelf.put(message("y", "secret"))
    await _followed(index)
    keys = sorted(shelf.bodies)
    assert await index.search(OWNER, keys, TextSearch(SearchField.HEADER, "secret", "x-other")) == {
        own
    }
    assert await index.search(OWNER, keys, TextSearch(SearchField.HEADER, "", "x-other")) == set(
        keys
    )
    assert await index.search(OWNER, keys, TextSearch(SearchField.HEADER, "", "x-none")) == set()
    await index.close()


async def test_what_is_not_indexed_is_scanned(shelf: Shelf, tmp_path: Path) -> None:
    """A message that arrived this moment is found though the index has not seen it."""
    index = await SearchIndex.open(tmp_path, shelf)
    await _followed(index)
    fresh = shelf.put(message("fresh", "just arrived"))
    assert await index.search(OWNER, [fresh], text("just arrived")) == {fresh}
    assert index.mark == 0
    await index.close()


async def test_new_messages_are_decoded_once(shelf: Shelf, tmp_path: Path) -> None:
    """However often one searches before the index has caught up, and the index takes the same texts."""
    index = await SearchIndex.open(tmp_path, shelf)
    await _followed(index)
    keys = [shelf.put(message(f"number {number}", "just arrived")) for number in range(50)]
    before = shelf.reads
    for needle in ("just", "number 7", "absent", "x"):
        for where in SearchField:
            what = TextSearch(where, needle, "subject")
            assert await index.search(OWNER, keys, what) == truth(shelf, what)
    assert shelf.reads - before == len(keys)
    await _followed(index)
    assert shelf.reads - before == len(keys)
    assert index.mark == keys[-1]
    assert await index.search(OWNER, keys, text("number 7")) == {keys[7]}
    assert not index._pending
    await index.close()


async def test_new_texts_take_bounded_memory(shelf: Shelf, tmp_path: Path) -> None:
    """What does not fit is made again; what was reclaimed is forgotten."""
    kept = Pending(most=100)
    for body in range(1, 10):
        kept.add(Texts(body, OWNER, (None,) * 5, "h" * 20, "c" * 20))
    assert [body for body in range(10) if kept.get(body)] == [1, 2]
    kept.drop(1, 5)
    kept.add(Texts(7, OWNER, (None,) * 5, "h" * 60, ""))
    kept.indexed(2)
    assert [body for body in range(10) if kept.get(body)] == [7]
    kept.add(Texts(8, OWNER, (None,) * 5, "", "c" * 40))
    assert len(kept) == 2


async def test_reclaimed_bodies_leave_the_file(shelf: Shelf, tmp_path: Path) -> None:
    """Also those that left while the index was closed; nothing of their text stays in the file."""
    index = await SearchIndex.open(tmp_path, shelf)
    first = shelf.put(message("one", "canaryalpha"))
    second = shelf.put(message("two", "canarybravo"))
    shelf.put(message("three", "stays"))
    await _followed(index)
    del shelf.bodies[first]
    index.reclaimed([first])
    await _followed(index)
    await index.close()
    del shelf.bodies[second]
    index = await SearchIndex.open(tmp_path, shelf)
    await _followed(index)
    assert await index.search(OWNER, [first, second, 3], text("canary")) == set()
    await index.close()
    octets = (tmp_path / "search.db").read_bytes()
    assert b"CANARY" not in octets
    assert b"STAYS" in octets


async def test_survives_a_restart_and_goes_on(shelf: Shelf, tmp_path: Path) -> None:
    """After a restart only what is new is read."""
    index = await SearchIndex.open(tmp_path, shelf)
    shelf.put(message("one", "first words"))
    await _followed(index)
    await index.close()
    shelf.reads = 0
    new = shelf.put(message("two", "second words"))
    index = await SearchIndex.open(tmp_path, shelf)
    await _followed(index)
    assert shelf.reads == 1
    assert await index.search(OWNER, [1, new], text("words")) == {1, new}
    await index.close()


@pytest.mark.parametrize("damage", ["garbage", "version", "ahead", "missing"])
async def test_a_file_that_is_not_ours_is_made_again(
    shelf: Shelf, tmp_path: Path, damage: str
) -> None:
    """Garbage, another version, or the index of other mail: the answers stay right."""
    index = await SearchIndex.open(tmp_path, shelf)
    shelf.put(message("one", "the words"))
    shelf.put(message("two", "other"))
    await _followed(index)
    await index.close()
    path = tmp_path / "search.db"
    match damage:
        case "garbage":
            path.write_bytes(b"not a database" * 1000)
        case "version":
            db = database.connect(path)
            db.execute("UPDATE meta SET value='0' WHERE key='version'")
            db.execute("UPDATE text SET content='WRONG'")
            db.close()
        case "ahead":
            shelf = Shelf()
            shelf.put(message("elsewhere", "the words"))
        case "missing":
            database.remove(path)
    index = await SearchIndex.open(tmp_path, shelf)
    assert await index.search(OWNER, sorted(shelf.bodies), text("the words")) == {1}
    await _followed(index)
    assert index.mark == shelf.last
    assert await index.search(OWNER, sorted(shelf.bodies), text("the words")) == {1}
    await index.close()


async def test_unreadable_bodies(shelf: Shelf, tmp_path: Path) -> None:
    """A message that cannot be read matches nothing, holds up nothing, and is found once it can."""
    index = await SearchIndex.open(tmp_path, shelf)
    bad = shelf.put(message("one", "words"))
    good = shelf.put(message("two", "words"))
    shelf.broken.add(bad)
    await _followed(index)
    assert await index.search(OWNER, [bad, good], text("words")) == {good}
    shelf.broken.clear()
    assert await index.search(OWNER, [bad, good], text("words")) == {bad, good}
    await index.close()
    index = await SearchIndex.open(tmp_path, shelf)
    await _followed(index)
    assert await index.search(OWNER, [bad, good], text("words")) == {bad, good}
    await index.close()


async def test_broken_while_running(shelf: Shelf, tmp_path: Path) -> None:
    """Tables that vanish under the running index: the answer is right, then the index is made again."""
    index = await SearchIndex.open(tmp_path, shelf)
    for _ in range(250):
        shelf.put(message("one", "some words"))
    await _followed(index)
    db = database.connect(tmp_path / "search.db")
    db.execute("DROP TABLE text")
    db.close()
    assert len(await index.search(OWNER, sorted(shelf.bodies), text("some words"))) == 250
    await _followed(index)
    shelf.reads = 0
    assert len(await index.search(OWNER, sorted(shelf.bodies), text("some words"))) == 250
    assert shelf.reads == 0
    await index.close()


async def _followed(index: SearchIndex) -> None:
    index.added()
    await asyncio.wait_for(index.caught_up(), 30)


WORDS = st.sampled_from(
    [
        "straße",
        "STRASSE",
        "ab",
        "a",
        "Ab\r\n\r\nab",
        "ǆ",
        "e\u0301",
        "É",
        "字",
        "x" * 9,
        '"',
        "=?utf-8?q?=C3=9F_x?=",
    ]
)
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
HEADS = st.sampled_from(
    ["", "Subject: {}\r\n\r\n", "From: {}\r\nfrom: b\r\n\r\n", "X: y\r\n {}\r\n\r\n"]
)
MESSAGES = st.builds(
    lambda head, one, two: (head.format(one.replace("\r\n", " ")) + two).encode(),
    HEADS,
    TEXTS,
    TEXTS,
)
NEEDLES = st.one_of(
    TEXTS, st.text('abxsßéE\u0301字" \r\n\x00ſ', max_size=4), st.sampled_from(["subject", "from:"])
)
SEARCHES = st.builds(
    TextSearch,
    st.sampled_from(list(SearchField)),
    NEEDLES,
    st.sampled_from(["from", "subject", "x", "cc"]),
)


@given(
    st.lists(MESSAGES, min_size=1, max_size=12),
    st.lists(SEARCHES, min_size=1, max_size=8),
    st.data(),
)
@settings(max_examples=40, deadline=None)
def test_always_equal_to_a_scan(
    messages: list[bytes], searches: list[TextSearch], data: st.DataObject
) -> None:
    """For any messages, needle and state of the index the answer is that of the scan."""

    async def run(folder: Path, limit: int) -> None:
        shelf = Shelf()
        index = await SearchIndex.open(folder, shelf)
        split = data.draw(st.integers(0, len(messages)))
        for octets in messages[:split]:
            shelf.put(octets)
        await _followed(index)
        for octets in messages[split:]:
            shelf.put(octets)
        keys = sorted(shelf.bodies)
        for what in searches:
            assert await index.search(OWNER, keys, what) == truth(shelf, what), (what, split)
        await index.close()

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # 0: trigrams are asked even for a handful of messages.
        limit = data.draw(st.sampled_from([0, 200]))
        patch.setattr("postil.store.search.index.SEARCH_DIRECT_KEYS", limit)
        asyncio.run(run(Path(folder), limit))
