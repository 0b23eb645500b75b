"""Localserve's directory: every address exists, and what commands made of it holds all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postil.accounts import AccountsDatabase, Administration
from postil.accounts.database import REMEMBER_SECONDS
from postil.app import directory
from postil.base.clock import FixedClock
from postil.ports.accounts import AccountDisabled, NotExpandable, Posts


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[Administration]:
    administration = await Administration.open(tmp_path / "postil.db", clock=FixedClock())
    yield administration
    await administration.close()


@pytest.fixture
async def everyone(people: Administration, tmp_path: Path) -> AsyncIterator[directory.EveryAddress]:
    known = await AccountsDatabase.open(
        tmp_path / "postil.db", clock=FixedClock(), domains={"localhost": directory.LOGIN}
    )
    yield directory.EveryAddress(known, await directory.everybody(known, people))
    await known.close()


async def test_known_addresses_first(
    people: Administration, everyone: directory.EveryAddress
) -> None:
    """Aliases, lists with their rules, tags and catch-alls lead where they say; everything else to the one account."""
    await people.add("ann@localhost", "correct horse")
    await people.aliases.add(
        "staff@localhost", ["ann@localhost"], is_list=True, posts=Posts.MEMBERS
    )
    await people.rules.set("other.example", catch_all="ann@localhost")
    [listed] = await everyone.resolve("staff", "localhost")
    assert listed.account.name == "ann@localhost" and listed.lists[0].posts is Posts.MEMBERS
    for local, domain, owner in (
        ("ann+x", "localhost", "ann@localhost"),
        ("whoever", "other.example", "ann@localhost"),
        ("whoever", "else.example", directory.LOGIN),
        ("Whoever+x", "localhost", directory.LOGIN),
        ("postmaster", "", directory.LOGIN),
    ):
        [found] = await everyone.resolve(local, domain)
        assert found.account.name == owner, local
        assert found.lists == () and found.tag == ""
    await people.aliases.add("empty@localhost", [])
    with pytest.raises(NotExpandable):
        await everyone.resolve("empty", "localhost")


async def test_limits_as_they_are_now(people: Administration, tmp_path: Path) -> None:
    """The one account is asked anew for each message: a limit that was raised must not refuse mail until somebody logs in."""
    clock = FixedClock()
    await people.add(directory.LOGIN, directory.PASSWORD, quota=1000)
    known = await AccountsDatabase.open(tmp_path / "postil.db", clock=clock, domains={})
    everyone = directory.EveryAddress(known, await directory.everybody(known, people))
    for quota in (1000, None):
        await people.set_quota(directory.LOGIN, quota=quota)
        clock.advance(REMEMBER_SECONDS + 1)
        [found] = await everyone.resolve("whoever", "else.example")
        assert found.account.quota == quota
    await known.close()


async def test_disabled(people: Administration, everyone: directory.EveryAddress) -> None:
    """A disabled account is told so with the right password only, by either way of logging in."""
    await people.add("ann@localhost", "correct horse")
    await people.disable("ann@localhost", "left")
    assert await everyone.authenticate("ann@localhost", "x", protocol="imap", peer="") is None
    with pytest.raises(AccountDisabled, match="left"):
        await everyone.authenticate("ann@localhost", "correct horse", protocol="imap", peer="")
    assert len((await everyone.scram("ann@localhost", "sha256", protocol="imap")).salt) == 16


async def test_the_published_password_works_after_all(
    people: Administration, everyone: directory.EveryAddress, tmp_path: Path
) -> None:
    """Disabled or with another password: the next start makes the account usable again, and the log says so."""
    await people.set_password(directory.LOGIN, "something else")
    await people.disable(directory.LOGIN, "oops")
    known = everyone._known
    account = await directory.everybody(known, people)
    assert account.disabled is None
    assert [row.action for row in await people.log.read(most=2)] == [
        "account.password",
        "account.enable",
    ]
