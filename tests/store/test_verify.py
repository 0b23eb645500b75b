"""`postil verify`: a healthy shard has no findings, and each planted damage is found and named."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from postil.base.clock import FixedClock
from postil.ports.ids import Uid
from postil.ports.store import FlagChange, NewMessage
from postil.store.sqlite import SqliteStore
from postil.store.verify import Finding, verify

from .contract.bench import ALICE, BOB, Bench

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 20_000  # a file of its own


async def shard(folder: Path) -> Path:
    """A shard with a bit of everything, closed."""
    clock = FixedClock()
    bench = Bench(await SqliteStore.at(folder, clock=clock, free_space_floor=0), clock)
    await bench.port.provision(ALICE, 10_000_000)
    await bench.port.provision(BOB, None)
    inbox, archive = await bench.id(), await bench.id("Archive")
    await bench.put(inbox, "\\Seen", "Work", times=5)
    await bench.put(inbox, octets=BIG, prefix=b"Received: x\r\n")
    await bench.put(await bench.id(account=BOB), octets=BIG)
    await bench.port.copy(inbox, [Uid(1), Uid(6)], archive)
    flags = frozenset({"\\Deleted"})
    await bench.port.change_flags(inbox, [Uid(2), Uid(3)], FlagChange.ADD, flags)
    await bench.port.expunge(inbox, [Uid(3)])
    await bench.port.annotate(ALICE, inbox, {"/private/comment": b"x"})
    await bench.port.create(ALICE, "a/b")
    important = frozenset({"$Important"})
    await bench.port.change_flags(inbox, [Uid(1)], FlagChange.ADD, important)
    await bench.put(await bench.id("Sent"), octets=b"To: b@x\r\n\r\n")
    await bench.store._index.caught_up()
    await bench.close()
    return folder


def tamper(path: Path, sql: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(sql)
    db.close()


async def test_a_healthy_shard_has_no_findings(tmp_path: Path) -> None:
    """Also while it is in use, and with messages that no mailbox shows any more."""
    await shard(tmp_path)
    assert verify(tmp_path) == []
    store = await SqliteStore.at(tmp_path, clock=FixedClock(), free_space_floor=0)
    writer = store.stage(ALICE, len(BIG))
    await writer.write(BIG)
    assert verify(tmp_path) == []
    await writer.abort()
    await store.close()
    assert verify(tmp_path) == []


async def test_messages_of_several_accounts_are_healthy(tmp_path: Path) -> None:
    """One message delivered to two accounts, and one copied to another's mailbox, small and big."""
    bench = Bench(
        await SqliteStore.at(tmp_path, clock=FixedClock(), free_space_floor=0), FixedClock()
    )
    for account in (ALICE, BOB):
        await bench.port.provision(account, None)
    inboxes = [await bench.id(account=account) for account in (ALICE, BOB)]
    for octets in (b"Subject: small\r\n\r\n", BIG):
        body = await bench.stage(octets, account=None)
        await bench.port.deliver(
            [(inbox, NewMessage(body, prefix=b"To: x\r\n")) for inbox in inboxes]
        )
        await bench.port.discard(body)
    await bench.port.copy(inboxes[0], [Uid(1), Uid(2)], inboxes[1])
    await bench.close()
    assert verify(tmp_path) == []


async def test_it_changes_nothing(tmp_path: Path) -> None:
    """Every file is as it was, octet for octet, and none is new: so it works on a disk that cannot be written."""
    await shard(tmp_path)

    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}

    before = state()
    assert verify(tmp_path) == []
    assert state() == before


INBOX = "(SELECT id FROM mailbox WHERE account=1 AND name='INBOX')"
DAMAGES = [
    (f"UPDATE mailbox SET uidnext=6 WHERE id={INBOX}", "uids", "uid 6"),
    (f"UPDATE mailbox SET messages=messages+1 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET unseen=99 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET size=size-1 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET size=size-1 WHERE id={INBOX}", "usage", "account 1"),
    (f"UPDATE mailbox SET deleted=0 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET deleted_size=0 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET recent=0 WHERE id={INBOX}", "counters", "(INBOX)"),
    (f"UPDATE mailbox SET recent_from=999 WHERE id={INBOX}", "counters", "(INBOX)"),
    ("UPDATE account SET octets=1 WHERE id=1", "usage", "account 1"),
    ("UPDATE account SET messages=7 WHERE id=2", "usage", "account 2"),
    ("UPDATE account SET mailboxes=0 WHERE id=2", "usage", "account 2"),
    ("DELETE FROM account WHERE id=2", "usage", "(INBOX)"),
    (f"UPDATE mailbox SET highest_modseq=2 WHERE id={INBOX}", "modseqs", "uid 2"),
    (f"UPDATE mailbox SET highest_modseq=2 WHERE id={INBOX}", "gone", "uid 3"),
    (f"UPDATE mailbox SET snapshot_modseq=999 WHERE id={INBOX}", "modseqs", "(INBOX)"),
    (f"INSERT INTO gone VALUES ({INBOX}, 2, 1)", "gone", "uid 1"),
    (f"INSERT INTO gone VALUES ({INBOX}, 1, 3)", "gone", "uid 3"),
    (f"INSERT INTO gone VALUES ({INBOX}, 1, 700)", "gone", "uid 700"),
    (
        f"UPDATE mailbox SET uidvalidity=(SELECT max(uidvalidity) FROM mailbox) WHERE id={INBOX}",
        "uidvalidity",
        "INBOX",
    ),
    (f"UPDATE msg SET flags=77 WHERE mailbox={INBOX} AND uid=1", "flag sets", "uid 1"),
    (
        f"INSERT INTO flagset SELECT mailbox, 50, names FROM flagset WHERE mailbox={INBOX} LIMIT 1",
        "flag sets",
        "flag set 50",
    ),
    (f"INSERT INTO flagset VALUES ({INBOX}, 51, ' a')", "flag sets", "flag set 51"),
    ("DELETE FROM mailbox WHERE name='Archive' AND account=1", "owners", "mailbox"),
    (f"UPDATE msg SET body=777 WHERE mailbox={INBOX} AND uid=4", "bodies", "uid 4"),
    ("UPDATE body SET refs=refs+1 WHERE id=2", "bodies", "body 2"),
    ("DELETE FROM shape WHERE body=2", "bodies", "body 2"),
    ("UPDATE shape SET body=999 WHERE body=2", "bodies", "body 999"),
    ("UPDATE body SET account=9 WHERE id=4", "bodies", "uid 4"),
    (f"UPDATE msg SET size=size+1 WHERE mailbox={INBOX} AND uid=4", "bodies", "uid 4"),
    ("UPDATE body SET crc=crc+1 WHERE id=4", "bodies", "uid 4"),
    ("UPDATE body SET header_crc=header_crc+1 WHERE id=4", "bodies", "uid 4"),
    ("UPDATE body SET offset=offset+1 WHERE id=4", "bodies", "uid 4"),
    ("UPDATE segment SET blocks=zeroblob(length(blocks)) WHERE kind=1", "bodies", "uid 6"),
    ("UPDATE body SET segment=88888 WHERE id=4", "segments", "body 4"),
    ("UPDATE segment SET live=live+1 WHERE kind=0", "segments", "segment"),
    ("UPDATE segment SET size=size+1000000 WHERE kind=1", "segments", "segment"),
    ("UPDATE segment SET number=99999 WHERE kind=0", "segments", "segment 99999"),
    ("UPDATE sqlite_sequence SET seq=1 WHERE name='body'", "bodies", "body 2"),
    ("UPDATE sqlite_sequence SET seq=1 WHERE name='body'", "search", "search.db"),
    ("PRAGMA user_version=99", "schema", "index.db"),
    ("PRAGMA application_id=1", "schema", "index.db"),
    ("UPDATE acquaintance SET account=9", "acquaintances", "account 9"),
    ("UPDATE joined SET account=9", "acquaintances", "account 9"),
    ("UPDATE acquaintance SET marked=6 WHERE marked=1", "acquaintances", "marked 6 times"),
    ("UPDATE acquaintance SET marked=0 WHERE marked=1", "acquaintances", "says nothing"),
]


@pytest.mark.parametrize(("sql", "check", "where"), DAMAGES)
async def test_damage_in_the_index_is_found(
    tmp_path: Path, sql: str, check: str, where: str
) -> None:
    """Each broken promise between the tables is found and says where."""
    await shard(tmp_path)
    tamper(tmp_path / "index.db", sql)
    findings = verify(tmp_path)
    assert [one for one in findings if one.check == check and where in str(one)], findings


def flip(path: Path, at: int) -> None:
    octets = bytearray(path.read_bytes())
    octets[at] ^= 0x20
    path.write_bytes(octets)


def segments(folder: Path) -> tuple[Path, Path]:
    """The log and the file of the big message in INBOX."""
    files = sorted((folder / "segments").iterdir())
    (log,) = (path for path in files if path.stat().st_size < len(BIG))
    return log, next(path for path in files if path != log)


async def test_a_flipped_bit_names_every_message_that_has_it(tmp_path: Path) -> None:
    """A broken body is reported for each mailbox and uid it shows in, the others are well."""
    await shard(tmp_path)
    _, big = segments(tmp_path)
    flip(big, 200_000)
    findings = verify(tmp_path)
    assert {one.check for one in findings} == {"bodies"}
    text = " ".join(map(str, findings))
    assert "(INBOX) uid 6" in text
    assert "(Archive) uid 2" in text
    assert verify(tmp_path, bodies=False) == []


async def test_a_flipped_bit_in_the_log(tmp_path: Path) -> None:
    """In a payload or in a record's header."""
    await shard(tmp_path)
    log, _ = segments(tmp_path)
    for at in (3, 40):
        flip(log, at)
        findings = verify(tmp_path)
        assert [one.where for one in findings if "INBOX" in one.where] != []
        assert len(findings) == 2, findings  # INBOX and its copy in Archive
        flip(log, at)
    assert verify(tmp_path) == []


async def test_files_that_are_missing_cut_or_too_many(tmp_path: Path) -> None:
    """Each is named."""
    await shard(tmp_path)
    log, big = segments(tmp_path)
    stray = tmp_path / "segments" / "0000000777"
    stray.write_bytes(b"x")
    (tmp_path / "segments" / "notes.txt").write_bytes(b"x")
    assert {one.where for one in verify(tmp_path)} == {
        "segments/0000000777",
        "segments/notes.txt",
    }
    stray.unlink()
    (tmp_path / "segments" / "notes.txt").unlink()
    octets = log.read_bytes()
    log.write_bytes(octets[: len(octets) // 2])
    assert {"segments", "bodies"} == {one.check for one in verify(tmp_path)}
    log.write_bytes(octets)
    big.unlink()
    found = verify(tmp_path)
    assert any("missing" in one.what and one.check == "segments" for one in found)
    assert any("(INBOX) uid" in one.where for one in found)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE meta SET value=999 WHERE key='mark'",
        "UPDATE meta SET value=1 WHERE key='mark'",
        "DELETE FROM text WHERE body=1",
        "UPDATE text SET body=998 WHERE body=1",
        "DROP TABLE text",
    ],
)
async def test_search_out_of_step(tmp_path: Path, sql: str) -> None:
    """An index that lacks, has too much or cannot be read is found."""
    await shard(tmp_path)
    tamper(tmp_path / "search.db", sql)
    assert {one.check for one in verify(tmp_path)} == {"search"}


async def test_snapshot_that_lies(tmp_path: Path) -> None:
    """A packed mailbox that is not what the rows say would show sessions another mailbox."""
    await shard(tmp_path)
    clock = FixedClock()
    bench = Bench(await SqliteStore.at(tmp_path, clock=clock, free_space_floor=0), clock)
    inbox = await bench.id()
    await bench.put(inbox, octets=b"x", times=2500)
    (await bench.port.open(inbox)).close()
    await bench.close()
    assert verify(tmp_path) == []
    db = apsw.Connection(str(tmp_path / "index.db"))
    assert db.execute("SELECT count(*) FROM snapshot").fetchall() == [(1,)], "no snapshot made"
    (data,) = db.execute("SELECT data FROM snapshot").fetchall()[0]
    db.execute("UPDATE snapshot SET data=?", (data[:-3] + b"\x09" + data[-2:],))
    db.close()
    assert {one.check for one in verify(tmp_path)} == {"snapshots"}


def test_no_shard(tmp_path: Path) -> None:
    """A folder without an index, and one with garbage in its place."""
    assert [one.check for one in verify(tmp_path)] == ["index"]
    (tmp_path / "index.db").write_bytes(b"garbage" * 1000)
    assert [one.check for one in verify(tmp_path)] == ["index"]
    assert str(Finding("bodies", "body 3", "is broken")) == "body 3: is broken [bodies]"
