"""Ten accounts or thousands: logging in and finding an address ask the same few questions, each through an index."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postil.accounts import AccountsDatabase, Administration, bulk
from postil.base.clock import FixedClock
from postil.ports.accounts import NotExpandable

DOMAIN = "example.org"


async def furnish(path: Path, count: int) -> None:
    people = await Administration.open(path, clock=FixedClock())
    await people.add(f"ann@{DOMAIN}", "correct horse")
    await people.bulk.add(bulk.read("name\n" + "".join(f"u{n}@{DOMAIN}\n" for n in range(count))))
    await people.aliases.add(f"sales@{DOMAIN}", [f"ann@{DOMAIN}", f"u1@{DOMAIN}"])
    await people.aliases.add(
        f"staff@{DOMAIN}", [f"sales@{DOMAIN}"], is_list=True, posters=["x@y.example"]
    )
    await people.rules.set(DOMAIN, catch_all=f"ann@{DOMAIN}", separators="+-")
    await people.close()


Asks = Callable[[AccountsDatabase], Awaitable[object]]
QUESTIONS: dict[str, Asks] = {
    "login": lambda d: d.authenticate(f"ann@{DOMAIN}", "correct horse", protocol="imap", peer=""),
    "wrong": lambda d: d.authenticate(f"ann@{DOMAIN}", "wrong", protocol="imap", peer=""),
    "nobody": lambda d: d.authenticate(f"nobody@{DOMAIN}", "x" * 8, protocol="imap", peer=""),
    "program": lambda d: d.authenticate(f"ann@{DOMAIN}", "abcde" * 4, protocol="imap", peer=""),
    "scram": lambda d: d.scram(f"ann@{DOMAIN}", "sha256", protocol="imap"),
    "address": lambda d: d.resolve("ann", DOMAIN),
    "tag": lambda d: d.resolve("ann+x-y", DOMAIN),
    "alias": lambda d: d.resolve("sales", DOMAIN),
    "list": lambda d: d.resolve("staff", DOMAIN),
    "request": lambda d: d.resolve("staff-request", DOMAIN),
    "catch-all": lambda d: d.resolve("whoever", DOMAIN),
    "elsewhere": lambda d: d.resolve("whoever", "other.example"),
    "sender": lambda d: d.resolve("u1", DOMAIN),
    "ready": lambda d: d.first(1),
}


async def asked(path: Path, question: Asks) -> list[str]:
    """The statements, with their values, of a directory that has just been opened."""
    directory = await AccountsDatabase.open(path, clock=FixedClock(), domains={DOMAIN: ""})
    said: list[str] = []
    await directory._connection.set_trace_callback(said.append)
    try:
        await question(directory)
    except NotExpandable:
        pytest.fail("an alias leads nowhere")
    finally:
        await directory.close()
    # A digest is keyed with a secret of its own in each database.
    return [re.sub("x'[0-9a-f]+'", "x'00'", one) for one in said if one.startswith("SELECT")]


async def test_the_same_questions(tmp_path: Path) -> None:
    """How many accounts there are changes neither which questions are asked nor how many rows they walk over."""
    few, many = tmp_path / "few.db", tmp_path / "many.db"
    await furnish(few, 10)
    await furnish(many, 3000)
    database = sqlite3.connect(many)
    for name, question in QUESTIONS.items():
        said = await asked(many, question)
        assert said == await asked(few, question), name
        assert 1 <= len(said) <= 9, (name, len(said))
        for statement in said:
            for row in database.execute(f"EXPLAIN QUERY PLAN {statement}"):
                step = str(row[3])
                # What LIMIT ends after the first rows is no walk over the table.
                # `asked` is one row, made of two questions.
                walks = step.startswith("SCAN") and "CONSTANT" not in step and step != "SCAN asked"
                assert not walks or " LIMIT 1" in statement, (name, step, statement)
    database.close()


async def test_the_store_hears_of_no_more_than_was_asked_for(tmp_path: Path) -> None:
    """Starting with thousands of accounts prepares none of them; the one that logs in is prepared."""
    await furnish(tmp_path / "many.db", 2000)
    prepared: list[str] = []

    async def prepare(account: object) -> None:
        prepared.append(account.name)  # type: ignore[attr-defined]

    directory = await AccountsDatabase.open(
        tmp_path / "many.db", clock=FixedClock(), domains={DOMAIN: ""}, prepare=prepare
    )
    assert prepared == []
    await directory.first(1)
    await directory.authenticate(f"u7@{DOMAIN}", "x", protocol="imap", peer="")
    await directory.resolve("u8", DOMAIN)
    assert prepared == [f"ann@{DOMAIN}", f"u8@{DOMAIN}"]
    await directory.close()
