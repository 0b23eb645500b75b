"""The keys for SCRAM in the control database: made with the password, gone with it, and no help for guessing names."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from postil.accounts import AccountsDatabase, Administration, credentials
from postil.accounts.schema import STEPS
from postil.base.clock import FixedClock
from postil.ports.accounts import AccountDisabled, Proved
from postil.sasl import scram
from postil.sasl.scram import MECHANISMS, Hash
from postil.sasl.scram_client import ClientExchange

NAME = "zoë@example.org"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Administration]:
    administration = await Administration.open(tmp_path / "postil.db", clock=FixedClock())
    yield administration
    await administration.close()


async def opened(tmp_path: Path) -> AccountsDatabase:
    return await AccountsDatabase.open(tmp_path / "postil.db", clock=FixedClock(), domains={})


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[AccountsDatabase]:
    database = await opened(tmp_path)
    yield database
    await database.close()


async def log_in(
    accounts: AccountsDatabase, name: str, password: str, hash_: Hash = Hash.SHA256
) -> Proved | None:
    """As a protocol does it, without the framing."""
    mechanism = MECHANISMS["SCRAM-SHA-256" if hash_ is Hash.SHA256 else "SCRAM-SHA-1"]
    asked = await accounts.scram(name, hash_.value, protocol="imap")
    client = ClientExchange(mechanism, name, password, b"abc")
    challenge = b"r=abcd,s=%b,i=%d" % (scram.encode64(asked.salt), asked.iterations)
    without, _, proof = client.final(challenge).rpartition(b",p=")
    text = b",".join((client.first().removeprefix(b"n,,"), challenge, without))
    proved = await asked.prove(text, scram.decode64(proof))
    if proved is not None:
        client.finish(b"v=" + scram.encode64(proved.signature))
    return proved


@pytest.mark.rfc(
    "7677", "3", "the hash iteration-count announced by a server SHOULD be at least 4096."
)
@pytest.mark.parametrize("hash_", list(Hash))
async def test_right_and_wrong(
    admin: Administration, accounts: AccountsDatabase, hash_: Hash
) -> None:
    """The password logs in by either hash, under the name or an address, and nothing else does."""
    await admin.add(NAME, "correct horse")
    await admin.addresses.add(NAME, "z@example.org")
    for name in (NAME, "ZOE\u0308@example.org", "z@example.org"):
        found = await log_in(accounts, name, "correct horse", hash_)
        assert found is not None and found.account.name == NAME
    assert await log_in(accounts, NAME, "correct hors", hash_) is None
    assert await log_in(accounts, "nobody@example.org", "correct horse", hash_) is None
    assert (await accounts.scram(NAME, hash_.value, protocol="imap")).iterations >= 100_000


async def test_a_new_password(admin: Administration, accounts: AccountsDatabase) -> None:
    """The old one is gone, the salt is new; also for an exchange that began before."""
    await admin.add(NAME, "correct horse")
    before = await accounts.scram(NAME, "sha256", protocol="imap")
    await admin.set_password(NAME, "battery staple")
    assert await log_in(accounts, NAME, "correct horse") is None
    assert await log_in(accounts, NAME, "battery staple") is not None
    after = await accounts.scram(NAME, "sha256", protocol="imap")
    assert after.salt != before.salt
    keys = scram.client_keys(
        scram.salted("correct horse", before.salt, before.iterations, Hash.SHA256), Hash.SHA256
    )
    stored = scram.keys("correct horse", before.salt, before.iterations, Hash.SHA256).stored
    proof = scram.mix(keys.client, scram.mac(stored, b"text", Hash.SHA256))
    assert await before.prove(b"text", proof) is None


async def test_no_password(admin: Administration, accounts: AccountsDatabase) -> None:
    """An account without one, and a disabled one, look like any other name; the second until the proof was right."""
    await admin.add("a@example.org", None)
    await admin.add("b@example.org", "correct horse")
    await admin._connection.execute("UPDATE account SET disabled = 'x' WHERE name LIKE 'b@%'")
    for name in ("a@example.org", "b@example.org"):
        assert await log_in(accounts, name, "wrong horse") is None
        asked = await accounts.scram(name, "sha256", protocol="imap")
        assert (len(asked.salt), asked.iterations) == (16, scram.ITERATIONS)
    assert await log_in(accounts, "a@example.org", "correct horse") is None
    with pytest.raises(AccountDisabled):
        await log_in(accounts, "b@example.org", "correct horse")


async def test_names_nobody_has(tmp_path: Path, accounts: AccountsDatabase) -> None:
    """An unknown name has a salt, the same in any spelling, by either hash and after a restart; another server's differs."""
    salts = [
        (await accounts.scram(name, hash_, protocol="imap")).salt
        for name in ("Nobody@example.org", "nobody@EXAMPLE.org")
        for hash_ in ("sha1", "sha256")
    ]
    assert len(set(salts)) == 1 and len(salts[0]) == 16
    assert (await accounts.scram("other@example.org", "sha1", protocol="imap")).salt not in salts
    again = await opened(tmp_path)
    assert (await again.scram("nobody@example.org", "sha1", protocol="imap")).salt == salts[0]
    await again.close()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = await opened(tmp_path / "elsewhere")
    assert (await elsewhere.scram("nobody@example.org", "sha1", protocol="imap")).salt not in salts
    await elsewhere.close()


SPELLINGS = (
    "{}@bücher.example", "{}@xn--bcher-kva.example", '"{}"@bücher.example', '"\\{}"@BÜCHER.example',
)  # fmt: skip


@pytest.mark.parametrize("address", ["ann@bücher.example", "info@bücher.example"])
async def test_spellings_tell_nothing(
    admin: Administration, accounts: AccountsDatabase, address: str
) -> None:
    """Where two spellings of a name lead to one account, they have one salt; so have those of a name nobody has."""
    await admin.add("ann@bücher.example", "correct horse")
    await admin.add_address("ann@bücher.example", "info@bücher.example")
    local = address.partition("@")[0]

    async def salts(local: str) -> set[bytes]:
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in local)
        spelled = [form.format(word) for form in SPELLINGS for word in (local, local.upper(), wide)]
        return {(await accounts.scram(name, "sha256", protocol="imap")).salt for name in spelled}

    assert len(await salts(local)) == 1
    assert len(await salts("nobody")) == 1
    assert await salts(local) != await salts("nobody")


async def test_passwords_from_before(tmp_path: Path) -> None:
    """An account whose password was set by an older version gets its keys with the first login that shows it."""
    old = await Administration.open(tmp_path / "new.db", clock=FixedClock())
    await old.add(NAME, "correct horse")
    await old.close()
    with (
        sqlite3.connect(tmp_path / "new.db") as made,
        sqlite3.connect(tmp_path / "postil.db") as db,
    ):
        db.executescript(STEPS[0])
        db.execute("PRAGMA user_version = 1")
        for row in made.execute("SELECT id, name, key, password, created FROM account"):
            db.execute(
                "INSERT INTO account (id, name, key, password, created) VALUES (?, ?, ?, ?, ?)", row
            )
    accounts = await opened(tmp_path)
    assert await log_in(accounts, NAME, "correct horse") is None
    for password, right in (("wrong", False), ("correct horse", True)):
        found = await accounts.authenticate(NAME, password, protocol="imap", peer="")
        assert (found is not None) == right
        assert (await log_in(accounts, NAME, "correct horse") is not None) == right
    await accounts.close()


async def test_the_same_work(
    admin: Administration, accounts: AccountsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown name, a disabled account and a wrong password ask the same of the database and of the hash functions."""
    await admin.add(NAME, "correct horse")
    await admin.add("off@example.org", "correct horse")
    await admin._connection.execute("UPDATE account SET disabled = 'x' WHERE name LIKE 'off@%'")
    work: list[str] = []
    rows, proves = accounts._rows, credentials.proves

    async def asked(sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        work.append(sql)
        return await rows(sql, values)

    def proved(stored: bytes, text: bytes, proof: bytes, hash_: Hash) -> bool:
        work.append("proof")
        return proves(stored, text, proof, hash_)

    monkeypatch.setattr(accounts, "_rows", asked)
    monkeypatch.setattr(credentials, "proves", proved)
    done = []
    for name in (NAME, "nobody@example.org", "off@example.org", "no address"):
        work.clear()
        assert await log_in(accounts, name, "wrong") is None
        done.append(list(work))
    assert len(done[0]) == 4
    assert all(other == done[0] for other in done)


@pytest.mark.proof
async def test_time_tells_nothing(admin: Administration, accounts: AccountsDatabase) -> None:
    """An unknown name and a wrong password take the same time: the medians of many, taken in turn, lie close together."""
    await admin.add(NAME, "correct horse")
    proof = bytes(32)
    # As long, and beyond ASCII as well: what a client wrote costs what it costs, whoever has the name.
    times: dict[str, list[float]] = {NAME: [], "noë@example.org": []}
    for _ in range(400):
        for name, taken in times.items():
            began = time.perf_counter()
            asked = await accounts.scram(name, "sha256", protocol="imap")
            assert await asked.prove(b"text", proof) is None
            taken.append(time.perf_counter() - began)
    known, unknown = (statistics.median(taken) for taken in times.values())
    # The two differ by 1 or 2 per cent; a lookup more would be 20, and a hash hundreds.
    print(f"wrong password {known * 1e6:.0f} us, unknown name {unknown * 1e6:.0f} us")
    assert abs(known - unknown) < 0.1 * max(known, unknown), (known, unknown)


async def test_nothing_readable_is_stored(admin: Administration, tmp_path: Path) -> None:
    """Neither the password nor what a client needs lies in the file."""
    await admin.add(NAME, "correct horse")
    with sqlite3.connect(tmp_path / "postil.db") as db:
        (salt, count) = db.execute("SELECT salt, iterations FROM account").fetchone()
        rows = db.execute("SELECT hash, stored, server FROM scram_key").fetchall()
    assert len(rows) == 2
    for name, stored, server in rows:
        made = scram.client_keys(scram.salted("correct horse", salt, count, Hash(name)), Hash(name))
        assert made.client not in (stored, server)
        assert server == made.server
