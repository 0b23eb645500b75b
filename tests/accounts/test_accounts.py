"""The directory: who may log in, where addresses lead, and what commands change under a running server."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postil.accounts import AccountError, AccountsDatabase, Administration
from postil.accounts.schema import VERSION, TooNew
from postil.base.clock import FixedClock
from postil.ports.accounts import Account, AccountDisabled, AccountsUnavailable

DOMAINS = {"example.org": "", "second.example": "bob@example.org"}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def admin(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Administration]:
    administration = await Administration.open(tmp_path / "postil.db", clock=clock)
    yield administration
    await administration.close()


@pytest.fixture
async def accounts(tmp_path: Path, clock: FixedClock) -> AsyncIterator[AccountsDatabase]:
    database = await AccountsDatabase.open(tmp_path / "postil.db", clock=clock, domains=DOMAINS)
    yield database
    await database.close()


async def login(accounts: AccountsDatabase, name: str, password: str) -> Account | None:
    return await accounts.authenticate(name, password, protocol="imap", peer="127.0.0.1")


async def test_the_right_password_logs_in(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Only the account's own password works; the name is compared without case, in any normal form."""
    await admin.add("Zoë@example.org", "correct horse")
    found = await login(accounts, "zoe\u0308@EXAMPLE.org", "correct horse")
    assert found is not None and found.name == "Zoë@example.org"
    assert await login(accounts, "Zoë@example.org", "correct hors") is None
    assert await login(accounts, "Zoë@example.org", "") is None
    assert await login(accounts, "nobody@example.org", "correct horse") is None


@pytest.mark.rfc(
    "4616",
    "2",
    "Regardless of the preparation algorithm used, if the output of a non-invertible function (e.g., hash) of the expected string is stored, the string MUST be prepared before input to that function.",
)
async def test_a_password_in_any_form(admin: Administration, accounts: AccountsDatabase) -> None:
    """Stored from one keyboard, typed on another: composed or not, with whatever blank."""
    composed, decomposed = "Zoë geht fort", "Zoe\u0308 geht\u00a0fort"
    for stored, typed in ((composed, decomposed), (decomposed, composed)):
        name = f"{len(typed)}@example.org"
        await admin.add(name, stored)
        assert await login(accounts, name, typed) is not None
        assert await login(accounts, name, "Zoe geht fort") is None


async def test_every_wrong_login_costs_a_hash(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Unknown user, wrong password, no password and a disabled account all hash once: time tells nothing."""
    await admin.add("a@example.org", "password-a")
    await admin.add("b@example.org", None)
    for name, password in (
        ("a@example.org", "wrong"),
        ("b@example.org", "password-a"),
        ("c@example.org", "password-a"),
        ("a@example.org", "x" * 5000),
    ):
        before = accounts.passwords.hashed
        assert await login(accounts, name, password) is None
        assert accounts.passwords.hashed == before + 1


async def test_a_proved_password_is_remembered_until_it_changes(
    admin: Administration, accounts: AccountsDatabase, clock: FixedClock
) -> None:
    """The second login costs no hash; a changed password works at once and the old one never again."""
    await admin.add("a@example.org", "password-a")
    assert await login(accounts, "a@example.org", "password-a")
    assert await login(accounts, "a@example.org", "password-a")
    assert accounts.passwords.hashed == 1
    await admin.set_password("a@example.org", "password-b")
    assert await login(accounts, "a@example.org", "password-a") is None
    assert await login(accounts, "a@example.org", "password-b")
    clock.advance(10_000)
    hashed = accounts.passwords.hashed
    assert await login(accounts, "a@example.org", "password-b")
    assert accounts.passwords.hashed == hashed + 1


async def test_a_disabled_account_does_not_log_in(
    admin: Administration, accounts: AccountsDatabase, tmp_path: Path
) -> None:
    """The right password of a disabled account is refused, also when it was remembered."""
    await admin.add("a@example.org", "password-a")
    assert await login(accounts, "a@example.org", "password-a")
    with sqlite3.connect(tmp_path / "postil.db") as other:
        other.execute("UPDATE account SET disabled = 'left'")
    other.close()
    with pytest.raises(AccountDisabled, match="left"):
        await login(accounts, "a@example.org", "password-a")
    assert await login(accounts, "a@example.org", "password-b") is None


async def test_addresses_lead_to_accounts(
    admin: Administration, accounts: AccountsDatabase, clock: FixedClock
) -> None:
    """An address leads to its account as soon as it was added, and nowhere soon after it was removed."""
    await admin.add("a@example.org", "password-a")
    assert await accounts.resolve("info", "example.org") == ()
    await admin.addresses.add("a@example.org", "Info@Example.ORG")
    (found,) = await accounts.resolve("iNFO", "example.org")
    assert (found.account.name, found.address) == ("a@example.org", "Info@example.org")
    await admin.addresses.remove("info@example.org")
    clock.advance(2)
    assert await accounts.resolve("info", "example.org") == ()


@pytest.mark.rfc(
    "5321",
    "4.5.1",
    "MUST support the reserved mailbox 'postmaster' as a case-insensitive local name",
)
async def test_postmaster_exists_everywhere(
    admin: Administration, accounts: AccountsDatabase, clock: FixedClock
) -> None:
    """postmaster leads somewhere at every domain, in any case, and bare; an own address comes first."""
    await admin.add("alice@example.org", "password-a")
    await admin.add("bob@example.org", "password-b")
    for local, domain, owner in (
        ("postmaster", "example.org", "alice@example.org"),
        ("PostMaster", "second.example", "bob@example.org"),
        ("POSTMASTER", "", "bob@example.org"),
        ("abuse", "second.example", "bob@example.org"),
    ):
        (found,) = await accounts.resolve(local, domain)
        assert found.account.name == owner, (local, domain)
    await admin.addresses.add("bob@example.org", "postmaster@example.org")
    clock.advance(2)  # a found address is trusted for a second
    (found,) = await accounts.resolve("postmasteR", "example.org")
    assert found.account.name == "bob@example.org"
    assert await accounts.resolve("postmaster", "elsewhere.example") == ()
    assert await accounts.resolve("abuse", "") == ()


async def test_domains_change_while_it_runs(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """From one question to the next other domains are local, and other people are postmasters, whatever was found before."""
    await admin.add("alice@example.org", None)
    await admin.add("bob@example.org", None)
    assert (await accounts.resolve("postmaster", "example.org"))[0].account.name == "alice@example.org"  # fmt: skip
    assert not await accounts.is_local("new.example")
    accounts.set_domains({"example.org": "bob@example.org", "new.example": ""})
    assert (await accounts.resolve("postmaster", "example.org"))[0].account.name == "bob@example.org"  # fmt: skip
    assert await accounts.is_local("NEW.example") and not await accounts.is_local("second.example")
    assert (await accounts.resolve("abuse", "new.example"))[0].account.name == "alice@example.org"
    assert await accounts.resolve("abuse", "second.example") == ()


async def test_an_answer_by_old_settings_is_not_kept(
    tmp_path: Path, admin: Administration, clock: FixedClock
) -> None:
    """Settings that change while a question is being answered: the next one is answered by the new ones."""
    await admin.add("alice@example.org", None)
    await admin.add("bob@example.org", None)

    async def prepare(account: Account) -> None:
        accounts.set_domains({"example.org": "bob@example.org"})

    accounts = await AccountsDatabase.open(
        tmp_path / "postil.db", clock=clock, domains=DOMAINS, prepare=prepare
    )
    found = [await accounts.resolve("postmaster", "example.org") for _ in range(2)]
    await accounts.close()
    assert [one[0].account.name for one in found] == ["alice@example.org", "bob@example.org"]


async def test_postmaster_without_accounts_is_temporary(accounts: AccountsDatabase) -> None:
    """As long as nobody could read it, postmaster mail is put off, never refused for good."""
    with pytest.raises(AccountsUnavailable):
        await accounts.resolve("postmaster", "example.org")


async def test_only_own_addresses_may_send(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """An account sends as its own addresses and as nobody else."""
    await admin.add("a@example.org", "password-a")
    await admin.add("b@example.org", "password-b")
    account = await login(accounts, "a@example.org", "password-a")
    assert account is not None
    assert await accounts.may_send_as(account, "A", "EXAMPLE.org")
    assert not await accounts.may_send_as(account, "b", "example.org")
    assert await accounts.authorize(account, "A@example.org") == account
    assert await accounts.authorize(account, "") == account
    assert await accounts.authorize(account, "b@example.org") is None


async def test_accounts_are_prepared_before_they_are_seen(
    admin: Administration, tmp_path: Path, clock: FixedClock
) -> None:
    """The store hears of an account once before it is handed out, and again when its quota changed."""
    heard: list[tuple[str, int | None]] = []

    async def prepare(account: Account) -> None:
        heard.append((account.name, account.quota))

    await admin.add("a@example.org", "password-a", quota=1000)
    database = await AccountsDatabase.open(
        tmp_path / "postil.db", clock=clock, domains=DOMAINS, prepare=prepare
    )
    await login(database, "a@example.org", "password-a")
    await database.resolve("a", "example.org")
    assert heard == [("a@example.org", 1000)]
    with sqlite3.connect(tmp_path / "postil.db") as other:
        other.execute("UPDATE account SET quota = NULL")
    other.close()
    await login(database, "a@example.org", "password-a")
    assert heard == [("a@example.org", 1000), ("a@example.org", None)]
    await database.close()


async def test_a_removed_account_leaves_word_for_the_server(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Removing takes login and addresses at once, keeps the id from reuse and notes the mail to erase."""
    row = await admin.add("a@example.org", "password-a")
    await admin.remove("A@example.org")
    assert await login(accounts, "a@example.org", "password-a") is None
    assert list(await accounts.removed()) == [row.id]
    again = await admin.add("a@example.org", "password-a")
    assert again.id > row.id
    await accounts.erased((await accounts.removed())[0])
    assert list(await accounts.removed()) == []


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("", "password-a", "1 to 320 characters"),
        ("a\u0000@example.org", "password-a", "cannot be typed"),
        ("a@exa mple", "password-a", "U\\+0020 may not stand there"),
        ("a@-", "password-a", "not a domain name"),
        ("a@example.org", "short", "8 to 1024"),
        ("a@example.org", "with\x00control", "control"),
        ("x" * 65 + "@example.org", "password-a", "64 octets"),
    ],
)
async def test_refusals_change_nothing(
    admin: Administration, name: str, password: str, words: str
) -> None:
    """What cannot be kept is refused in a sentence, and no half account stays."""
    with pytest.raises(AccountError, match=words):
        await admin.add(name, password)
    assert list(await admin.every()) == []


async def test_names_are_taken_once(admin: Administration) -> None:
    """A second account or address of the same name is refused, and the first stays as it was."""
    await admin.add("a@example.org", "password-a")
    with pytest.raises(AccountError, match="exists already"):
        await admin.add("A@EXAMPLE.ORG", "password-b")
    with pytest.raises(AccountError, match=r"a@example\.org is taken"):
        await admin.add("other", "password-b")
        await admin.addresses.add("other", "a@example.org")
    await admin.addresses.add("a@example.org", "A@example.org")  # its own already: no error
    assert len(await admin.every()) == 2


async def test_a_newer_database_is_refused(tmp_path: Path, clock: FixedClock) -> None:
    """A database that a newer program wrote is refused in one sentence that says so."""
    with sqlite3.connect(tmp_path / "postil.db") as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(TooNew, match="written by a newer Postil"):
        await Administration.open(tmp_path / "postil.db", clock=clock)


async def test_a_lost_database_is_temporary(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """When the database cannot be read, nobody is told that an address or account does not exist."""
    await admin.add("a@example.org", "password-a")
    await accounts.close()
    with pytest.raises(AccountsUnavailable):
        await accounts.resolve("a", "example.org")
    with pytest.raises(AccountsUnavailable):
        await login(accounts, "a@example.org", "password-a")


def _command(folder: Path, *arguments: str, ok: bool = True) -> str:
    """What `postil account …` prints, or says on standard error when it must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "postil.cli", "account", *arguments, "--dir", str(folder)],
        input="password of a\n", text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode == 0) is ok, done.stderr
    return done.stdout if ok else done.stderr


async def test_important_by_command(tmp_path: Path) -> None:
    """`postil account important` shows and changes the switch; an open directory heeds it, and a new account has it on."""

    async def run(*arguments: str, ok: bool = True) -> str:
        return await asyncio.to_thread(_command, tmp_path, *arguments, ok=ok)

    await run("add", "a@example.org", "--password-stdin")
    await run("add", "b@example.org", "--password-stdin")
    clock = FixedClock()
    accounts = await AccountsDatabase.open(tmp_path / "postil.db", clock=clock, domains={})

    async def marks(name: str) -> bool:
        [found] = await accounts.resolve(name, "example.org")
        clock.advance(1.1)  # found addresses are trusted for a second
        return found.account.marks_important

    assert (await marks("a"), await marks("b")) == (True, True)
    assert (
        await run("important", "a@example.org") == "a@example.org: marking important mail is on\n"
    )
    shown = await run("important", "a@example.org", "off", "--json")
    assert json.loads(shown) == {"name": "a@example.org", "important": False}
    assert (await marks("a"), await marks("b")) == (False, True)
    assert (
        await run("important", "a@example.org") == "a@example.org: marking important mail is off\n"
    )
    await run("important", "a@example.org", "on")
    assert await marks("a")
    assert "no account c" in await run("important", "c", "on", ok=False)
    assert "maybe" in await run("important", "a@example.org", "maybe", ok=False)
    await accounts.close()


def test_quota_by_command(tmp_path: Path) -> None:
    """`postil account quota` shows, changes what is named and nothing else, and says what it does not understand."""

    def run(*arguments: str, ok: bool = True) -> str:
        return _command(tmp_path, *arguments, ok=ok)

    run("add", "a@example.org", "--password-stdin")
    first = "a@example.org: octets: no limit, messages: no limit, mailboxes: no limit, free space: not shown\n"
    assert run("quota", "a@example.org") == first
    run("quota", "a@example.org", "--octets", "5G", "--messages", "1000", "--free-space")
    shown = json.loads(run("quota", "a@example.org", "--mailboxes", "50", "--json"))
    assert shown == {
        "name": "a@example.org",
        "octets": 5 << 30,
        "messages": 1000,
        "mailboxes": 50,
        "free_space": True,
    }
    run(
        "quota", "a@example.org", *["--octets", "none", "--messages", "none", "--mailboxes", "none"]
    )
    assert run("quota", "a@example.org", "--no-free-space") == first
    assert "'x' is no number" in run("quota", "a@example.org", "--messages", "x", ok=False)
    assert "no account b" in run("quota", "b", ok=False)
