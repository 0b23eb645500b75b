"""Passwords for single programs: for some protocols only, by PLAIN and by SCRAM, revoked one by one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.accounts.test_scram_keys import log_in

from postil.accounts import AccountError, AccountsDatabase, Administration, apppasswords
from postil.base.clock import FixedClock
from postil.ports.accounts import AccountDisabled
from postil.sasl.scram import Hash

NAME, OWN = "ann@example.org", "correct horse"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Administration]:
    administration = await Administration.open(tmp_path / "postil.db", clock=FixedClock())
    yield administration
    await administration.close()


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[AccountsDatabase]:
    database = await AccountsDatabase.open(tmp_path / "postil.db", clock=FixedClock(), domains={})
    yield database
    await database.close()


async def plain(accounts: AccountsDatabase, password: str, protocol: str = "imap") -> bool:
    found = await accounts.authenticate(NAME, password, protocol=protocol, peer="")
    return found is not None and found.name == NAME


async def test_for_its_protocols_only(admin: Administration, accounts: AccountsDatabase) -> None:
    """Each program's password and the account's own work side by side, each where it may."""
    await admin.add(NAME, OWN)
    await admin.add("bob@example.org", OWN)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    printer = await admin.programs.add(NAME, "printer", ["submission"])
    assert [await plain(accounts, phone, p) for p in ("imap", "submission")] == [True, False]
    assert [await plain(accounts, printer, p) for p in ("imap", "submission")] == [False, True]
    assert await plain(accounts, OWN)
    # As people type it.
    assert await plain(accounts, phone.upper().replace("-", " "))
    assert not await plain(accounts, phone[:-1] + ("a" if phone[-1] != "a" else "b"))
    assert await accounts.authenticate("bob@example.org", phone, protocol="imap", peer="") is None
    for hash_ in Hash:
        assert await log_in(accounts, NAME, phone, hash_) is not None
        assert await log_in(accounts, NAME, OWN, hash_) is not None
        assert await log_in(accounts, NAME, printer, hash_) is None  # log_in says "imap"


async def test_revoked(admin: Administration, accounts: AccountsDatabase) -> None:
    """One goes, the others stay; a new password of the account changes none of them."""
    await admin.add(NAME, OWN)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    tablet = await admin.programs.add(NAME, "tablet", ["imap", "submission"])
    await admin.set_password(NAME, "battery staple")
    assert await plain(accounts, phone) and await log_in(accounts, NAME, tablet) is not None
    assert await log_in(accounts, NAME, "battery staple") is not None
    assert [(row.label, row.protocols) for row in await admin.programs.of(NAME)] == [
        ("phone", ("imap",)),
        ("tablet", ("imap", "submission")),
    ]
    await admin.programs.remove(NAME, "phone")
    assert not await plain(accounts, phone) and await log_in(accounts, NAME, phone) is None
    assert await plain(accounts, tablet) and await log_in(accounts, NAME, tablet) is not None
    with pytest.raises(AccountError, match="no password called phone"):
        await admin.programs.remove(NAME, "phone")


async def test_without_a_password_of_its_own(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """An account whose programs have the only passwords; one of its own may come later."""
    await admin.add(NAME, None)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    assert await plain(accounts, phone) and await log_in(accounts, NAME, phone) is not None
    assert not await plain(accounts, "")
    await admin.set_password(NAME, OWN)
    assert await log_in(accounts, NAME, phone) is not None
    assert await log_in(accounts, NAME, OWN) is not None and await plain(accounts, OWN)


async def test_an_account_from_before_scram(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Its own password has no keys yet: the first program's password must not look as if it had."""
    await admin.add(NAME, OWN)
    await admin._connection.execute("UPDATE account SET salt = NULL, iterations = NULL")
    await admin._connection.execute("DELETE FROM scram_key")
    with pytest.raises(AccountError, match="log in once"):
        await admin.programs.add(NAME, "phone", ["imap"])
    assert await admin.programs.of(NAME) == []
    assert await plain(accounts, OWN)  # makes the keys
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    assert await log_in(accounts, NAME, phone) is not None
    assert await log_in(accounts, NAME, OWN) is not None


async def test_refusals(admin: Administration) -> None:
    """Each says what is wrong and leaves nothing behind."""
    await admin.add(NAME, OWN)
    await admin.programs.add(NAME, "phone", ["imap"])
    for label, protocols, why in (
        ("phone", ["imap"], "already"),
        ("", ["imap"], "label"),
        ("x\x1b", ["imap"], "label"),
        ("x", ["pop3"], "pop3 is no protocol"),
        ("x", [], "is no protocol"),
    ):
        with pytest.raises(AccountError, match=why):
            await admin.programs.add(NAME, label, protocols)
    assert len(await admin.programs.of(NAME)) == 1


async def test_disabled(admin: Administration, accounts: AccountsDatabase) -> None:
    await admin.add(NAME, OWN)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    await admin._connection.execute("UPDATE account SET disabled = 'left'")
    for attempt in (plain(accounts, phone), log_in(accounts, NAME, phone)):
        with pytest.raises(AccountDisabled, match="left"):
            await attempt
    assert not await plain(accounts, OWN + "x") and await log_in(accounts, NAME, OWN + "x") is None


def test_what_they_look_like() -> None:
    """Twenty letters that nobody mistakes, never the same, and nothing else is taken for one."""
    made = {apppasswords.generate() for _ in range(1000)}
    assert len(made) == 1000 and all(apppasswords.normal(one) == one for one in made)
    assert all(len(one) == 23 and not set(one) & set("ilo01") for one in made)
    for other in ("", "correct horse", "l" * 20, "a" * 19, "a" * 21, "ä" * 20):
        assert apppasswords.normal(other) is None


def test_the_command(tmp_path: Path) -> None:
    """Made, listed without the password, removed; errors are one sentence."""

    def run(*arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "postil.cli", "account", *arguments, "--dir", str(tmp_path)],
            input=password,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run("add", NAME, "--password-stdin", password=OWN + "\n").returncode == 0
    made = json.loads(run("app-password", "add", NAME, "phone", "--for", "imap", "--json").stdout)
    assert apppasswords.normal(made["password"]) == made["password"]
    listed = run("app-password", "list", NAME, "--json").stdout
    assert json.loads(listed)[0]["label"] == "phone" and made["password"] not in listed
    assert run("app-password", "add", NAME, "phone").returncode == 1
    assert run("app-password", "rm", NAME, "phone").returncode == 0
    gone = run("app-password", "rm", NAME, "phone")
    assert gone.returncode == 1 and gone.stderr == f"Error: {NAME} has no password called phone\n"
