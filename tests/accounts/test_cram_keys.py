"""Passwords made for CRAM-MD5: good for that and nothing else, and no other password is good for it."""

from __future__ import annotations

import hmac
import sqlite3
from pathlib import Path

import pytest
from tests.accounts.test_scram_keys import log_in

from postil.accounts import AccountsDatabase, Administration
from postil.ports.accounts import AccountDisabled, Means
from postil.sasl.scram import Hash

NAME, OWN, OTHER = "ann@example.org", "correct horse", "bob@example.org"
TEXT = b"<1.2@mail.example.org>"


async def cram(
    accounts: AccountsDatabase, password: str, protocol: str = "imap", name: str = NAME
) -> Means | None:
    digest = hmac.new(password.encode(), TEXT, "md5").hexdigest().encode()
    found = await accounts.cram_md5(name, TEXT, digest, protocol=protocol)
    return found.credential.means if found is not None and found.credential else None


@pytest.mark.rfc(
    "2195",
    "4",
    "a server that implements both a cleartext password command and this authentication type should not allow both methods of access for a given user.",
)
async def test_for_nothing_else(admin: Administration, accounts: AccountsDatabase) -> None:
    """What was made for it works by it, for its protocols; not by PLAIN, not by SCRAM. And the other way round."""
    await admin.add(NAME, OWN)
    await admin.add(OTHER, OWN)
    old = await admin.programs.add(NAME, "scanner", ["submission"], cram_md5=True)
    phone = await admin.programs.add(NAME, "phone", ["submission"])
    assert await cram(accounts, old, "submission") is Means.APP_PASSWORD
    assert await cram(accounts, old, "imap") is None
    assert await cram(accounts, old, "submission", OTHER) is None
    assert await cram(accounts, old, "submission", "nobody") is None
    assert await accounts.authenticate(NAME, old, protocol="submission", peer="") is None
    for hash_ in Hash:
        assert await log_in(accounts, NAME, old, hash_) is None
    assert await cram(accounts, phone, "submission") is None
    assert await cram(accounts, OWN, "submission") is None
    assert [(row.label, row.cram_md5) for row in await admin.programs.of(NAME)] == [
        ("phone", False),
        ("scanner", True),
    ]


async def test_withdrawn(admin: Administration, accounts: AccountsDatabase) -> None:
    """Removed, or the account closed: no more."""
    await admin.add(NAME, OWN)
    first = await admin.programs.add(NAME, "one", ["imap"], cram_md5=True)
    second = await admin.programs.add(NAME, "two", ["imap"], cram_md5=True)
    assert await cram(accounts, first) and await cram(accounts, second)
    await admin.programs.remove(NAME, "one")
    assert not await cram(accounts, first) and await cram(accounts, second)
    await admin.disable(NAME, "left")
    with pytest.raises(AccountDisabled):
        await cram(accounts, second)


@pytest.mark.rfc(
    "2195",
    "2",
    'it possible to avoid explicit cleartext storage of the shared secret on the server system by instead storing the intermediate results which are known as "contexts".',
)
async def test_what_is_stored(
    admin: Administration, accounts: AccountsDatabase, tmp_path: Path
) -> None:
    """Not the password, and sealed for its row: put in another's place it logs nobody in."""
    await admin.add(NAME, OWN)
    await admin.add(OTHER, OWN)
    password = await admin.programs.add(NAME, "old", ["imap"], cram_md5=True)
    await admin.programs.add(OTHER, "old", ["imap"], cram_md5=True)
    with sqlite3.connect(tmp_path / "postil.db") as db:
        kept = db.execute("SELECT contexts FROM cram_key ORDER BY app_password").fetchall()
        assert all(password.encode() not in row[0] and len(row[0]) == 12 + 32 + 16 for row in kept)
        db.execute("UPDATE cram_key SET contexts = ?", (kept[0][0],))
    assert await cram(accounts, password)
    assert not await cram(accounts, password, name=OTHER)
