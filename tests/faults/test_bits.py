"""A bit that flips on the disk: named by `postil verify`, told of the message it hit, and all other mail is served.

The bodies have checksums, and so has what is made of them for clients. The rest of the index has what its tables say about each other; SQLite has no
checksum of a page. A flipped date, or a flag's name that became another, is therefore not found: see `UNNOTICED`.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.store.contract.bench import ALICE, BOB, Bench

from postil.base.clock import FixedClock
from postil.ports.ids import Uid
from postil.ports.store import Corrupt, StoreError
from postil.store.segments import HEADER
from postil.store.shard import Settings
from postil.store.sqlite import SqliteStore
from postil.store.verify import verify

from .cases import quick_folder

FLIPS = int(os.environ.get("POSTIL_FLIPS", "250"))
UNNOTICED = 0.03  # of all flips change a date, a name or a flag without a trace: measured 0.6 %
CLOCK = FixedClock()
BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 20_000


async def _make(folder: Path) -> None:
    """A closed shard with small and big messages in two accounts."""
    bench = Bench(await SqliteStore.at(folder, clock=CLOCK, settings=Settings(0)), CLOCK)
    for account in (ALICE, BOB):
        await bench.port.provision(account, None)
    inbox, archive = await bench.id(), await bench.id("Archive")
    for number in range(40):
        head = b"From: a%d@example.org\r\nSubject: number %d\r\nMessage-ID: <%d@x>\r\n\r\n"
        octets = head % (number, number, number) + b"body %d\r\n" % number * (number * 5)
        await bench.put(inbox, *("\\Seen", "\\Flagged", "Work")[: number % 4], octets=octets)
    await bench.put(inbox, octets=BIG, prefix=b"Received: x\r\n")
    await bench.port.copy(inbox, [Uid(number) for number in range(1, 10)], archive)
    await bench.port.expunge(inbox, [Uid(3), Uid(4)], False)
    await bench.close()


async def _messages(folder: Path) -> dict[tuple[str, int], Any]:
    """What FETCH gives of each message; the class of the error where it gives none."""
    store = await SqliteStore.at(folder, clock=CLOCK, settings=Settings(0, background=False))
    found: dict[tuple[str, int], Any] = {}
    try:
        for mailbox in await store.mailboxes(ALICE):
            try:
                view = await store.open(mailbox.id)
            except Corrupt:
                found[mailbox.name, 0] = Corrupt
                continue
            shown = view.generation
            for place, uid in enumerate(shown.uids):
                try:
                    octets = (await store.body(view, place)).buffer()
                    details = await store.details(view, [place])
                except Corrupt:
                    found[mailbox.name, uid] = Corrupt
                    continue
                flags = view.flagsets.names(shown.flags[place])
                found[mailbox.name, uid] = (octets, details, flags, shown.dates[place])
            view.close()
    finally:
        await store.close()
    return found


def _flip(path: Path, at: int, dice: random.Random) -> None:
    octets = bytearray(path.read_bytes())
    octets[at] ^= 1 << dice.randrange(8)
    path.write_bytes(octets)


async def test_in_bodies(tmp_path: Path) -> None:
    """Exactly the messages whose octets were hit are refused, and verify names them."""
    dice = random.Random(1)
    await _make(tmp_path / "good")
    with quick_folder() as quick:
        shutil.copytree(tmp_path / "good", quick / "data")
        right = await _messages(quick / "data")
        for _ in range(40):
            shutil.rmtree(quick / "data")
            shutil.copytree(tmp_path / "good", quick / "data")
            path = dice.choice(sorted((quick / "data" / "segments").iterdir()))
            # Not in the head of the first record: a flip there is found, but harms no octets.
            _flip(path, dice.randrange(HEADER.size, path.stat().st_size), dice)
            named = {
                (f.where.split("(")[1].split(")")[0], int(f.where.split()[-1]))
                for f in verify(quick / "data")
            }
            found = await _messages(quick / "data")
            refused = {key for key, value in found.items() if value is Corrupt}
            assert refused <= named
            assert len({right[key][0] for key in named}) <= 1
            for key in right.keys() - refused:
                assert found[key] == right[key]


@pytest.mark.proof
async def test_in_pages_of_the_index(tmp_path: Path) -> None:
    """Wherever the bit is: no other error than the store's own, and what differs is nearly always named."""
    dice = random.Random(2)
    await _make(tmp_path / "good")
    unnoticed = []
    with quick_folder() as quick:
        data = quick / "data"
        shutil.copytree(tmp_path / "good", data)
        right = await _messages(data)
        for _ in range(FLIPS):
            shutil.rmtree(data)
            shutil.copytree(tmp_path / "good", data)
            at = dice.randrange((data / "index.db").stat().st_size)
            _flip(data / "index.db", at, dice)
            named = verify(data)
            try:
                found = await _messages(data)
            except StoreError:
                assert named, f"flipped at {at}: refused, but verify finds nothing"
                continue
            if found != right and not named:
                unnoticed.append(at)
    assert len(unnoticed) <= FLIPS * UNNOTICED, unnoticed


async def test_in_an_envelope(tmp_path: Path) -> None:
    """A damaged envelope is refused and named, its octets and all other messages are served."""
    await _make(tmp_path)
    db = apsw.Connection(str(tmp_path / "index.db"))
    db.execute(
        "UPDATE shape SET envelope=CAST(replace(CAST(envelope AS TEXT), 'number 7', 'Number 7') AS BLOB)"
    )
    db.close()
    found = await _messages(tmp_path)
    refused = {key for key, value in found.items() if value is Corrupt}
    assert refused == {("INBOX", 8), ("Archive", 8)}
    assert {f.where for f in verify(tmp_path)} == {
        "mailbox 1 (INBOX) uid 8",
        "mailbox 2 (Archive) uid 8",
    }
