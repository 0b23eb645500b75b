"""Accounts as commands change them: disabled for a time, capabilities, everything about one; two commands at once, and a crash between."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from postil.accounts import AccountError, AccountsDatabase, Administration, limits
from postil.accounts.roles import Power, Role
from postil.accounts.schema import STEPS, VERSION
from postil.base.clock import FixedClock, SystemClock
from postil.ports.accounts import AccountDisabled, Incoming

ANN = "ann@example.org"


async def logs_in(directory: AccountsDatabase) -> bool:
    try:
        found = await directory.authenticate(ANN, "correct horse", protocol="imap", peer="")
    except AccountDisabled:
        return False
    return found is not None


async def test_disabled_until(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """It ends by itself at the second that was said, for logins, for mail and for what is shown."""
    await people.add(ANN, "correct horse")
    assert await logs_in(directory)
    await people.disable(ANN, "away", mail=Incoming.LATER, until=int(now.now()) + 60)
    now.advance(2)
    assert not await logs_in(directory)
    [found] = await directory.resolve("ann", "example.org")
    assert (found.account.disabled, found.account.disabled_mail) == ("away", Incoming.LATER)
    now.advance(57)
    assert not await logs_in(directory) and (await people.show(ANN)).disabled == "away"
    now.advance(1)
    assert await logs_in(directory)
    now.advance(1)  # an address that was found is trusted for a second
    [found] = await directory.resolve("ann", "example.org")
    assert found.account.disabled is None
    row = await people.show(ANN)
    assert (row.disabled, row.disabled_until, row.disabled_mail) == (None, None, "refuse")


async def test_disabling_is_refused(people: Administration, now: FixedClock) -> None:
    """Without a reason, with one that is no text, for a time that has passed; nothing is changed."""
    await people.add(ANN, None)
    for reason, until, words in (
        ("", None, "say why"),
        ("  ", None, "say why"),
        ("x" * (limits.REASON + 1), None, "say why"),
        ("a\r\nb", None, "say why"),
        ("x", int(now.now()), "has passed"),
    ):
        with pytest.raises(AccountError, match=words):
            await people.disable(ANN, reason, until=until)
    assert (await people.show(ANN)).disabled is None


async def test_disabling_ends_sessions(people: Administration) -> None:
    """The count that sessions compare goes up; enabling leaves it."""
    await people.add(ANN, None)

    async def epoch() -> int:
        [(value,)] = await people._connection.execute_fetchall("SELECT epoch FROM account")
        return int(value)

    before = await epoch()
    await people.disable(ANN, "x")
    assert await epoch() == before + 1
    await people.enable(ANN)
    assert await epoch() == before + 1


async def test_capabilities(people: Administration, directory: AccountsDatabase) -> None:
    """Those that IMAP knows, in any case; the account as the protocols see it has them hidden."""
    await people.add(ANN, None)
    assert (await people.switch(ANN, ["idle", "CONDSTORE"], [])).switched_off == (
        "CONDSTORE",
        "IDLE",
    )
    [found] = await directory.resolve("ann", "example.org")
    assert found.account.switched_off == {"IDLE", "CONDSTORE"}
    assert (await people.switch(ANN, [], ["IDLE"])).switched_off == ("CONDSTORE",)
    for off, on, words in (
        (["IMAP4rev1"], [], "cannot be switched"),
        (["X"], [], "cannot be switched"),
        (["IDLE"], ["idle"], "off and on at once"),
    ):
        with pytest.raises(AccountError, match=words):
            await people.switch(ANN, off, on)


async def test_everything_about_one(people: Administration) -> None:
    """All of it as JSON, and no secret."""
    await people.add(ANN, "correct horse", display_name="Ann")
    made = await people.programs.add(ANN, "phone", ["imap"])
    await people.addresses.add(ANN, "info@example.org")
    await people.aliases.add("sales@example.org", ["info@example.org"])
    await people.rules.set("example.org", catch_all="info@example.org")
    await people.roles.give(ANN, [Role(Power.DOMAIN_ADMIN, "example.org")])
    whole = json.loads(json.dumps(await people.whole(ANN)))
    assert whole["addresses"] == [ANN, "info@example.org"]
    assert whole["app_passwords"] == [
        {"label": "phone", "protocols": ["imap"], "created": 1_700_000_000}
    ]
    assert whole["member_of"] == ["sales@example.org"]
    assert whole["catch_all_of"] == ["example.org"]
    assert whole["roles"] == ["domain admin of example.org"]
    assert made not in str(whole) and "argon2" not in str(whole)


def test_an_older_database(tmp_path: Path) -> None:
    """Accounts, addresses and passwords of the version before come over as they were; the addresses keep their mailboxes."""
    path = tmp_path / "postil.db"
    with sqlite3.connect(path) as old:
        for step in STEPS[:3]:
            old.executescript(step)
        old.execute("PRAGMA user_version = 3")
        old.execute(
            "INSERT INTO account (name, key, disabled, created) VALUES ('A@x.example', 'a@x.example', 'left', 5)"
        )
        old.execute("INSERT INTO address VALUES ('a', 'x.example', 'A', 1, 'Work')")
        old.execute("INSERT INTO switched_off VALUES (1, 'IDLE')")
    old.close()

    async def look() -> None:
        people = await Administration.open(path, clock=FixedClock())
        [row] = await people.every()
        assert (row.name, row.disabled, row.disabled_mail, row.addresses, row.switched_off) == (
            "A@x.example", "left", "refuse", ("A@x.example",), ("IDLE",),
        )  # fmt: skip
        await people.enable("a@x.example")
        database = await AccountsDatabase.open(path, clock=FixedClock(), domains={})
        [found] = await database.resolve("a", "x.example")
        assert (found.address, found.mailbox) == ("A@x.example", "Work")
        await database.close()
        await people.remove("a@x.example")
        assert await people._connection.execute_fetchall("SELECT * FROM address") == []
        await people.close()

    asyncio.run(look())
    with sqlite3.connect(path) as new:
        assert new.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert new.execute("PRAGMA foreign_key_check").fetchall() == []
    new.close()


# --- several processes


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "postil.cli", *arguments, "--dir", str(folder)]


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        command(folder, *arguments), text=True, capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_at_once_lose_nothing(tmp_path: Path) -> None:
    """Many processes change the same alias and account together: every member, every capability and every row is there."""
    run(tmp_path, "account", "add", ANN, "--no-password")
    run(tmp_path, "alias", "add", "all@example.org")
    for number in range(6):
        run(tmp_path, "account", "add", f"u{number}@example.org", "--no-password")
    off = ("IDLE", "MOVE", "BINARY", "NOTIFY", "QUOTA", "ESEARCH")
    together = [
        subprocess.Popen(command(tmp_path, *arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for number in range(6)
        for arguments in (
            ("alias", "join", "all@example.org", f"u{number}@example.org"),
            ("account", "capability", ANN, "--off", off[number]),
        )
    ]  # fmt: skip
    for process in together:
        _, error = process.communicate(timeout=100)
        assert process.returncode == 0, error
    [alias] = json.loads(run(tmp_path, "alias", "list", "--json"))
    assert sorted(alias["members"]) == [f"u{number}@example.org" for number in range(6)]
    shown = json.loads(run(tmp_path, "account", "show", ANN, "--json"))
    assert shown["switched_off"] == sorted(off)
    log = json.loads(run(tmp_path, "admin", "log", "--json"))
    joined = [row for row in log if row["action"] == "alias.join"]
    # Each row's "before" is the "after" of the one that came before it: nobody wrote over what they had not seen.
    assert len(joined) == 6
    for later, earlier in itertools.pairwise(joined):
        assert later["before"] == earlier["after"]


def test_one_of_two_wins(tmp_path: Path) -> None:
    """Two processes that want the same address: one has it, the other is told, and nothing is half."""
    for name in ("a@example.org", "b@example.org"):
        run(tmp_path, "account", "add", name, "--no-password")
    both = [
        subprocess.Popen(
            command(tmp_path, "address", "add", name, "info@example.org"),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for name in ("a@example.org", "b@example.org")
    ]
    said = [process.communicate(timeout=100)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    assert "info@example.org is taken" in "".join(said)
    owners = [
        a for a in json.loads(run(tmp_path, "address", "list", "--json")) if "info" in a["address"]
    ]
    assert len(owners) == 1


_CRASH = """
import asyncio, os, signal, sys
from pathlib import Path
from postil.accounts import Administration, bulk
from postil.base.clock import SystemClock

async def main():
    people = await Administration.open(Path(sys.argv[1]), clock=SystemClock())
    left = int(sys.argv[2])
    real = people._connection.execute
    async def execute(*arguments):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return await real(*arguments)
    people._connection.execute = execute
    await people.bulk.add(bulk.read("name,addresses\\nx@example.org,y@example.org\\nz@example.org,\\n"))
    await people.remove("ann@example.org")
    await people.close()

asyncio.run(main())
"""


def test_a_crash_between_two_steps(tmp_path: Path) -> None:
    """Killed before each statement in turn: either all of a change is there, with its rows in the log, or nothing."""
    seen = set()
    run(tmp_path, "account", "add", ANN, "--no-password")
    for number in range(60):
        path = tmp_path / f"{number}.db"
        shutil.copy(tmp_path / "postil.db", path)
        done = subprocess.run(
            [sys.executable, "-c", _CRASH, str(path), str(number)], check=False, timeout=100
        )
        with sqlite3.connect(path) as database:
            accounts = {row[0] for row in database.execute("SELECT name FROM account")}
            addresses = {row[0] for row in database.execute("SELECT local FROM address")}
            rows = [row[0] for row in database.execute("SELECT action FROM audit ORDER BY id")]
            gone = database.execute("SELECT count(*) FROM removed").fetchone()[0]
        database.close()
        state = (frozenset(accounts), frozenset(addresses), tuple(rows), gone)
        assert state in _STATES, (number, state)
        seen.add(_STATES.index(state))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    else:
        pytest.fail("more steps than expected")
    assert seen == {0, 1, 2}


_ANN, _NEW = frozenset({ANN}), frozenset({"x@example.org", "z@example.org"})
_IMPORTED = ("account.add", "account.import", "account.import")
_STATES = [
    (_ANN, frozenset({"ann"}), ("account.add",), 0),
    (_ANN | _NEW, frozenset({"ann", "x", "y", "z"}), _IMPORTED, 0),
    (_NEW, frozenset({"x", "y", "z"}), (*_IMPORTED, "account.remove"), 1),
]


async def test_the_server_follows_at_once(tmp_path: Path) -> None:
    """What a process of its own changes holds for the server that runs: new at the next question, gone within a second."""
    clock = FixedClock()
    directory = await AccountsDatabase.open(
        tmp_path / "postil.db", clock=clock, domains={"example.org": ""}
    )
    people = await Administration.open(tmp_path / "postil.db", clock=SystemClock())
    await people.add(ANN, "correct horse")
    assert await directory.resolve("sales", "example.org") == ()
    run(tmp_path, "alias", "add", "sales@example.org", ANN)
    assert len(await directory.resolve("sales", "example.org")) == 1
    assert await logs_in(directory)
    run(tmp_path, "account", "disable", ANN, "--reason", "left")
    assert not await logs_in(directory)
    run(tmp_path, "alias", "rm", "sales@example.org")
    clock.advance(1.01)
    assert await directory.resolve("sales", "example.org") == ()
    await people.close()
    await directory.close()
    assert os.stat(tmp_path / "postil.db").st_size
