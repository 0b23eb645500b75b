"""What may no longer be logged in with: each change withdraws what it should and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.accounts.test_scram_keys import log_in

from postil.accounts import AccountsDatabase, Administration, closing, tlskeys
from postil.accounts import revocations as module
from postil.ports.accounts import AccountsUnavailable, Credential, Means
from postil.ports.ids import AccountId
from postil.ports.sessions import Ended, Held

NAME, OWN, NEW = "ann@example.org", "correct horse", "battery staple"
KEY = "ab" * 32

Change = Callable[[Administration], Awaitable[object]]


async def logins(admin: Administration, accounts: AccountsDatabase) -> dict[str, Held]:
    """Somebody who is logged in by everything he has."""
    await admin.add(NAME, OWN)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    tablet = await admin.programs.add(NAME, "tablet", ["imap"])
    await tlskeys.add(admin, NAME, "laptop", KEY, ["imap"])
    found = {
        "own": await accounts.authenticate(NAME, OWN, protocol="imap", peer=""),
        "phone": await accounts.authenticate(NAME, phone, protocol="imap", peer=""),
        "laptop": await accounts.by_key(KEY, protocol="imap"),
    }
    for name, password in (("own by SCRAM", OWN), ("tablet", tablet)):
        proved = await log_in(accounts, NAME, password)
        found[name] = proved.account if proved is not None else None
    held = {}
    for name, account in found.items():
        assert account is not None and account.credential is not None, name
        held[name] = Held(account.id, account.credential)
    return held


EVERYTHING = ("laptop", "own", "own by SCRAM", "phone", "tablet")
CHANGES: dict[str, tuple[Change, tuple[str, ...], Ended]] = {
    "a new password": (
        lambda admin: admin.set_password(NAME, NEW),
        ("own", "own by SCRAM"),
        Ended.CREDENTIAL,
    ),
    "the same password": (
        lambda admin: admin.set_password(NAME, OWN),
        ("own", "own by SCRAM"),
        Ended.CREDENTIAL,
    ),
    "an app password removed": (
        lambda admin: admin.programs.remove(NAME, "phone"),
        ("phone",),
        Ended.CREDENTIAL,
    ),
    "a key removed": (
        lambda admin: tlskeys.remove(admin, NAME, "laptop"),
        ("laptop",),
        Ended.CREDENTIAL,
    ),
    "disabled": (lambda admin: admin.disable(NAME, "left"), EVERYTHING, Ended.ACCOUNT),
    "logged out": (lambda admin: closing.logout(admin, NAME), EVERYTHING, Ended.LOGOUT),
    "removed": (lambda admin: admin.remove(NAME), EVERYTHING, Ended.ACCOUNT),
    "another password added": (
        lambda admin: admin.programs.add(NAME, "other", ["imap"]),
        (),
        Ended.LOGOUT,
    ),
    "a quota": (lambda admin: admin.set_quota(NAME, quota=5), (), Ended.LOGOUT),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_ends(admin: Administration, accounts: AccountsDatabase, what: str) -> None:
    """The table of the documentation: which sessions a change ends."""
    change, ends, why = CHANGES[what]
    held = await logins(admin, accounts)
    assert await accounts.revocations.withdrawn(held.values()) == {}
    await change(admin)
    found = await accounts.revocations.withdrawn(held.values())
    assert {name: found[one] for name, one in held.items() if one in found} == dict.fromkeys(
        ends, why
    )


async def test_disabled_and_enabled_between_two_looks(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Who was logged in before is out all the same."""
    held = await logins(admin, accounts)
    await admin.disable(NAME, "left")
    await admin.enable(NAME)
    assert len(await accounts.revocations.withdrawn(held.values())) == len(set(held.values()))
    await admin.enable(NAME)  # of an open account it changes nothing
    account = await accounts.authenticate(NAME, OWN, protocol="imap", peer="")
    assert account and account.credential
    await admin.enable(NAME)
    assert await accounts.revocations.withdrawn([Held(account.id, account.credential)]) == {}


async def test_changes_are_noticed(admin: Administration, accounts: AccountsDatabase) -> None:
    """Those of other processes and our own, and nothing else."""
    await admin.add(NAME, OWN)
    await tlskeys.add(admin, NAME, "laptop", KEY, ["imap"])
    assert await accounts.revocations.changed()
    assert not await accounts.revocations.changed()
    assert await accounts.authenticate(NAME, "wrong", protocol="imap", peer="") is None
    assert not await accounts.revocations.changed()
    await closing.logout(admin, NAME)
    assert await accounts.revocations.changed()
    assert not await accounts.revocations.changed()
    await accounts.by_key(KEY, protocol="imap")  # writes down when
    assert await accounts.revocations.changed()
    assert not await accounts.revocations.changed()


async def test_many(admin: Administration, accounts: AccountsDatabase) -> None:
    """More than fit into one question, of accounts that are there and that are not."""
    await admin.add(NAME, OWN)
    account = await accounts.authenticate(NAME, OWN, protocol="imap", peer="")
    assert account and account.credential
    strangers = [
        Held(AccountId(number), Credential(Means.APP_PASSWORD, number, 0))
        for number in range(1000, 1000 + 3 * module.CHUNK)
    ]
    found = await accounts.revocations.withdrawn([*strangers, Held(account.id, account.credential)])
    assert found == dict.fromkeys(strangers, Ended.ACCOUNT)


async def test_a_database_that_cannot_be_read(tmp_path: Path, accounts: AccountsDatabase) -> None:
    """Is not taken for one in which nobody may log in."""
    await accounts.close()
    with pytest.raises(AccountsUnavailable):
        await accounts.revocations.changed()
    with pytest.raises(AccountsUnavailable):
        await accounts.revocations.withdrawn([Held(AccountId(1), Credential(Means.PASSWORD, 0, 0))])
