"""The list of attempts: nothing secret, bounded, and never in anybody's way."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from postil.accounts import attempts
from postil.accounts.attempts import FILE, KEEP_SECONDS, Attempts, Filter, Row, read
from postil.base.clock import FixedClock
from postil.ports.ids import AccountId
from postil.ports.logins import Attempt, Result
from postil.ports.peer import Peer

PEER = Peer(
    "198.51.100.7", 40000, "192.0.2.1", 993, "imaps", "c1", "TLSv1.3", "AES", "mail.example.org"
)
GOOD = Attempt(
    "imap", "SCRAM-SHA-256-PLUS", "ann@example.org", PEER, Result.OK, AccountId(1), "Thunderbird"
)
WRONG = Attempt("submission", "PLAIN", "Bob", PEER, Result.CREDENTIALS)


def rows(folder: Path, most: int = 100, **wanted: object) -> Sequence[Row]:
    return read(folder / FILE, Filter(**wanted), most)  # type: ignore[arg-type]


async def test_what_is_kept(tmp_path: Path) -> None:
    """Time, addresses, TLS, name, mechanism, client and result; newest first; alike ones of an hour are one row."""
    clock = FixedClock(wall=1_700_000_000.0)
    log = await Attempts.open(tmp_path / FILE, clock)
    log.add(GOOD)
    for _ in range(3):
        clock.advance(60)
        log.add(WRONG)
    clock.advance(3600)
    log.add(WRONG)
    await log.close()
    later, earlier, good = rows(tmp_path)
    assert (later.count, earlier.count, good.count) == (1, 3, 1)
    assert (earlier.first, earlier.last) == (1_700_000_060, 1_700_000_180)
    assert good == Row(
        1_700_000_000, 1_700_000_000, 1, "imap", "SCRAM-SHA-256-PLUS", "ann@example.org", 1, "198.51.100.7",
        "192.0.2.1", "imaps", "TLSv1.3", "mail.example.org", "Thunderbird", Result.OK, "",
    )  # fmt: skip
    assert [row.login for row in rows(tmp_path, failed=True)] == ["Bob", "Bob"]
    assert [row.login for row in rows(tmp_path, failed=False)] == ["ann@example.org"]
    assert len(rows(tmp_path, login="BOB")) == 2 and len(rows(tmp_path, ip="203.0.113.1")) == 0
    assert len(rows(tmp_path, protocol="imap")) == 1
    assert len(rows(tmp_path, since=1_700_003_000)) == 1 and len(rows(tmp_path, most=1)) == 1


async def test_thirty_days(tmp_path: Path) -> None:
    clock = FixedClock()
    log = await Attempts.open(tmp_path / FILE, clock)
    log.add(GOOD)
    await log.flush()
    clock.advance(KEEP_SECONDS - 10)
    log.add(WRONG)
    await log.close()
    log = await Attempts.open(tmp_path / FILE, clock)
    assert len(rows(tmp_path)) == 2
    await log.close()
    clock.advance(20)
    log = await Attempts.open(tmp_path / FILE, clock)
    await log.close()
    assert [row.login for row in rows(tmp_path)] == ["Bob"]


async def test_failures_do_not_push_out_logins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guesser with a new name each time keeps the newest rows of failures, and every login stays."""
    monkeypatch.setattr(attempts, "KEEP_ROWS", 50)
    monkeypatch.setattr(attempts, "PRUNE_EVERY", 100)
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    log.add(GOOD)
    for number in range(400):
        log.add(dataclasses.replace(WRONG, login=f"guess{number}"))
        if number % 100 == 99:
            await log.flush()
    await log.close()
    kept = rows(tmp_path, most=1000)
    assert len(kept) == 51 and kept[0].login == "guess399"
    assert kept[-1].login == "ann@example.org"


async def test_what_is_free_does_not_push_out_guesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused, or gives up, as often as he likes pushes out neither logins nor the guesses before."""
    monkeypatch.setattr(attempts, "KEEP_ROWS", 50)
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    log.add(GOOD)
    log.add(WRONG)
    log.add(dataclasses.replace(WRONG, result=Result.DISABLED))
    for number in range(400):
        result = (Result.LIMITED, Result.ABORTED, Result.UNAVAILABLE, Result.FAULT)[number % 4]
        log.add(dataclasses.replace(WRONG, login=f"guess{number}", result=result))
    await log.flush()
    await log.close()
    await (await Attempts.open(tmp_path / FILE, FixedClock())).close()
    kept = rows(tmp_path, most=1000)
    assert len(kept) == 53
    assert {row.result for row in kept} >= {Result.OK, Result.CREDENTIALS, Result.DISABLED}


async def test_a_million_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come, rows and file stay within their bounds. (A hundredth of everything.)"""
    monkeypatch.setattr(attempts, "KEEP_ROWS", 1000)
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    sizes = []
    for number in range(10_000):
        log.add(dataclasses.replace(WRONG, login=f"guess{number}"))
        if number % 100 == 99:
            await log.flush()
            sizes.append((tmp_path / FILE).stat().st_size)
    await log.close()
    assert len(rows(tmp_path, most=100_000)) <= 1000 + attempts.PRUNE_EVERY and log.lost == 0
    assert max(sizes[50:]) <= 1.2 * max(sizes[:50])


async def test_filters(tmp_path: Path) -> None:
    """Names in any case, of any script; addresses however they are written, and networks."""
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    six = dataclasses.replace(PEER, ip="2001:db8::7")
    log.add(dataclasses.replace(WRONG, login="ÄNNE@example.org", peer=six))
    log.add(dataclasses.replace(WRONG, peer=dataclasses.replace(PEER, ip="")))
    log.add(GOOD)
    await log.close()
    assert len(rows(tmp_path, login="änne@EXAMPLE.org")) == 1
    for ip, found in (
        ("2001:DB8:0::7", 1),
        ("2001:db8::/32", 1),
        ("198.51.100.0/24", 1),
        ("198.51.101.0/24", 0),
        ("", 3),
    ):
        assert len(rows(tmp_path, ip=ip)) == found, ip


async def test_what_clients_write(tmp_path: Path) -> None:
    """Octets that are no text, and text that looks like SQL, are kept as text."""
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    for login in ("\ud800\x00\x1b[2J", "'; DROP TABLE attempt; --", ""):
        log.add(dataclasses.replace(WRONG, login=login, client=login))
    await log.close()
    assert {row.login for row in rows(tmp_path)} == {
        "?\x00\x1b[2J",
        "'; DROP TABLE attempt; --",
        "",
    }


async def test_a_full_queue_and_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written is counted, and nothing is raised at a session."""
    monkeypatch.setattr(attempts, "QUEUE", 5)
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    for _ in range(8):
        log.add(WRONG)
    assert log.lost == 3
    await log.flush()
    await log._connection.execute("PRAGMA max_page_count = 1")
    for number in range(5):
        log.add(dataclasses.replace(WRONG, login="x" * 300 * number, client="y" * 5000))
    await log.flush()
    assert log.lost == 8
    await log._connection.execute("PRAGMA max_page_count = 100000")
    log.add(GOOD)
    await log.close()
    assert {row.login for row in rows(tmp_path)} == {"Bob", "ann@example.org"}


async def test_a_broken_file_is_put_aside(tmp_path: Path) -> None:
    """The list is no reason not to start."""
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    log = await Attempts.open(tmp_path / FILE, FixedClock())
    log.add(GOOD)
    await log.close()
    assert len(rows(tmp_path)) == 1
    assert (tmp_path / "logins.broken").exists()


def test_no_file_yet(tmp_path: Path) -> None:
    assert rows(tmp_path) == ()
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        rows(tmp_path)


async def test_closed_while_it_writes(tmp_path: Path) -> None:
    """What is on its way to the disk when the server stops arrives there, or is counted as lost; never neither."""
    clock = FixedClock(wall=1_700_000_000.0)
    for turns in range(6):
        log = await Attempts.open(tmp_path / f"{turns}.db", clock)
        log.add(WRONG)
        for _ in range(turns):
            await asyncio.sleep(0)  # the writer is then at another point of its way
        await log.close()
        found = read(tmp_path / f"{turns}.db", Filter(), 10)
        assert [row.count for row in found] == [1] and log.lost == 0, turns
