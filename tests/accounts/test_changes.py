"""Every change is one transaction with a row in the log, whoever makes it, and none can be made without."""

from __future__ import annotations

import inspect
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postil.accounts import AccountError, Administration, bulk, limits
from postil.accounts.addresses import Addresses
from postil.accounts.aliases import Aliases
from postil.accounts.aliasrows import Sees
from postil.accounts.audit import Log
from postil.accounts.bulk import Bulk
from postil.accounts.granting import Roles
from postil.accounts.programs import Programs
from postil.accounts.roles import Actor, Kind, Power, Role
from postil.accounts.rules import Rules
from postil.base.clock import FixedClock
from postil.ports.accounts import Incoming, Posts

PASSWORD = "correct horse battery"
Call = Callable[[Administration], Awaitable[object]]

# What only reads, or changes within somebody else's change. Everything else public must be in CHANGES.
READS = {
    Administration: {
        "open",
        "close",
        "acting_as",
        "show",
        "numbered",
        "every",
        "whole",
    },
    Addresses: {"at"},
    Programs: {"of"},
    Aliases: {"show", "every", "seen_by"},
    Rules: {"show"},
    Roles: {"every"},
    Log: {"read"},
    Bulk: set[str](),
}
WITHIN = {Administration: {"insert", "store_password"}, Addresses: {"insert"}}

CHANGES: dict[tuple[type, str], Call] = {
    (Administration, "add"): lambda a: a.add("new@example.org", PASSWORD),
    (Administration, "set_display_name"): lambda a: a.set_display_name("ann@example.org", "Ann"),
    (Administration, "set_quota"): lambda a: a.set_quota("ann@example.org", quota=5),
    (Administration, "set_marks_important"): lambda a: a.set_marks_important("ann@example.org", False),
    (Administration, "disable"): lambda a: a.disable("ann@example.org", "left", mail=Incoming.LATER),
    (Administration, "enable"): lambda a: a.enable("off@example.org"),
    (Administration, "switch"): lambda a: a.switch("ann@example.org", ["IDLE"], []),
    (Administration, "remove"): lambda a: a.remove("bob@example.org"),
    (Addresses, "add"): lambda a: a.addresses.add("ann@example.org", "x@example.org"),
    (Addresses, "remove"): lambda a: a.addresses.remove("ann2@example.org"),
    (Administration, "set_password"): lambda a: a.set_password("ann@example.org", PASSWORD + "2"),
    (Programs, "add"): lambda a: a.programs.add("ann@example.org", "tablet", ["imap"]),
    (Programs, "remove"): lambda a: a.programs.remove("ann@example.org", "phone"),
    (Aliases, "add"): lambda a: a.aliases.add("new@example.org", ["ann@example.org"]),
    (Aliases, "set"): lambda a: a.aliases.set("staff@example.org", sees=Sees.ACCOUNTS, posts=Posts.NAMED),
    (Aliases, "join"): lambda a: a.aliases.join("staff@example.org", ["off@example.org"]),
    (Aliases, "leave"): lambda a: a.aliases.leave("staff@example.org", ["ann@example.org"]),
    (Aliases, "allow"): lambda a: a.aliases.allow("staff@example.org", ["boss@else.example"]),
    (Aliases, "disallow"): lambda a: a.aliases.disallow("staff@example.org", ["Chef@else.example"]),
    (Aliases, "remove"): lambda a: a.aliases.remove("staff@example.org"),
    (Rules, "set"): lambda a: a.rules.set("example.org", separators="-", catch_all="ann@example.org"),
    (Roles, "give"): lambda a: a.roles.give("ann@example.org", [Role(Power.AUDITOR)]),
    (Roles, "take"): lambda a: a.roles.take("bob@example.org"),
    (Log, "note_files"): lambda a: a.log.note_files([(Kind.RULES, "example.org", None, {})]),
    (Log, "note_certificate"): lambda a: a.log.note_certificate("ca/example.org", "renew", {"new_key": False}),
    (Bulk, "add"): lambda a: a.bulk.add(bulk.read(f"name,password\nnew@example.org,{PASSWORD}\n")),
}  # fmt: skip


async def furnish(people: Administration) -> None:
    await people.add("ann@example.org", PASSWORD)
    await people.add("bob@example.org", None)
    await people.add("off@example.org", None)
    await people.disable("off@example.org", "away")
    await people.addresses.add("ann@example.org", "ann2@example.org")
    await people.programs.add("ann@example.org", "phone", ["imap"])
    await people.aliases.add(
        *("staff@example.org", ["ann@example.org", "bob@example.org"]),
        is_list=True,
        posters=["chef@else.example"],
    )
    await people.roles.give("bob@example.org", [Role(Power.DOMAIN_ADMIN, "example.org")])


def test_no_function_is_forgotten() -> None:
    """Every public function of the administration is known here as one that reads or as one that changes."""
    for kind, reads in READS.items():
        functions = {
            name
            for name, value in vars(kind).items()
            if not name.startswith("_")
            and (inspect.iscoroutinefunction(value) or isinstance(value, classmethod))
        }
        changes = {name for owner, name in CHANGES if owner is kind}
        assert functions == reads | changes | WITHIN.get(kind, set())


@pytest.mark.parametrize("which", CHANGES, ids=lambda which: f"{which[0].__name__}.{which[1]}")
async def test_every_change_leaves_a_row(
    people: Administration, tmp_path: Path, which: tuple[type, str]
) -> None:
    """One row with who, what and the states before and after, which differ; no secret in any; again it says nothing new."""
    await furnish(people)
    before = await people.log.read()
    made = await CHANGES[which](people)
    [row, *rest] = await people.log.read()
    assert rest == list(before)
    assert row.actor == "machine owner" and row.account is None and row.at == 1_700_000_000
    assert row.before != row.after and row.about
    database = sqlite3.connect(tmp_path / "postil.db")
    told = "\n".join(map(str, database.execute("SELECT * FROM audit")))
    hidden = [PASSWORD, *(str(one[0]) for one in database.execute("SELECT password FROM account"))]
    if which == (Programs, "add"):
        hidden.append(str(made))
    assert not any(secret in told for secret in hidden if secret != "None")
    database.close()


@pytest.mark.parametrize("which", CHANGES, ids=lambda which: f"{which[0].__name__}.{which[1]}")
async def test_a_change_that_fails_at_the_end_leaves_nothing(
    people: Administration, tmp_path: Path, which: tuple[type, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the row cannot be written the change is not made either: the file says the same as before."""
    await furnish(people)
    database = sqlite3.connect(tmp_path / "postil.db")
    database.execute(
        "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'disk'); END"
    )
    database.commit()
    before = list(database.iterdump())
    with pytest.raises(sqlite3.Error, match="disk"):
        await CHANGES[which](people)
    assert list(database.iterdump()) == before
    database.close()


async def test_a_change_without_a_row_is_undone(people: Administration) -> None:
    """A function that forgets its row changes nothing, and says that it is our fault."""
    await furnish(people)
    with pytest.raises(AssertionError, match="not in the log"):
        async with people._changes.change():
            await people._connection.execute("UPDATE account SET quota = 7")
    assert (await people.show("ann@example.org")).quota is None


async def test_what_is_so_already_is_no_change(people: Administration) -> None:
    """The same again is no error and no row."""
    await furnish(people)
    await people.set_quota("ann@example.org", quota=5)
    await people.rules.set("example.org", separators="-")
    await people.switch("ann@example.org", ["IDLE"], [])
    before = await people.log.read()
    await people.set_quota("ann@example.org", quota=5)
    await people.set_quota("ann@example.org", shows_free_space=False)
    await people.switch("ann@example.org", ["idle"], ["MOVE"])
    await people.enable("ann@example.org")
    await people.addresses.add("ann@example.org", "ANN2@example.org")
    await people.aliases.join("staff@example.org", ["Ann@example.org"])
    await people.aliases.leave("staff@example.org", ["off@example.org"])
    await people.aliases.set("staff@example.org", posts=Posts.ANYONE, owner="")
    await people.aliases.disallow("staff@example.org", ["nobody@else.example"])
    await people.rules.set("EXAMPLE.org", separators="-", case_sensitive=False, catch_all="")
    await people.rules.set("fresh.example", separators="+")
    await people.roles.give("bob@example.org", [Role(Power.DOMAIN_ADMIN, "EXAMPLE.org")])
    await people.roles.take("ann@example.org")
    assert await people.log.read() == before


async def test_the_log_is_read_by_time_actor_and_object(
    people: Administration, now: FixedClock
) -> None:
    """Each filter by itself, the newest first, so many as were asked for."""
    await furnish(people)
    everything = await people.log.read()
    assert [row.id for row in everything] == sorted((r.id for r in everything), reverse=True)
    assert await people.log.read(most=2) == everything[:2]
    now.advance(100)
    now.wall += 100
    await people.set_quota("ann@example.org", quota=5)
    [late] = await people.log.read(since=1_700_000_050)
    assert (late.action, late.changed()) == ("account.quota", {"quota": (None, 5)})
    about = await people.log.read(about="STAFF@example.org")
    assert [row.action for row in about] == ["alias.add"]
    assert await people.log.read(actor="nobody") == []
    assert len(await people.log.read(actor="Machine Owner")) == len(everything) + 1


async def test_the_log_does_not_grow_for_ever(
    people: Administration, now: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too old goes with the next change, and so does what is too much."""
    await people.add("ann@example.org", None)
    now.wall += limits.AUDIT_SECONDS + 1
    await people.set_quota("ann@example.org", quota=1)
    assert [row.action for row in await people.log.read()] == ["account.quota"]
    monkeypatch.setattr(limits, "AUDIT_ROWS", 3)
    for quota in range(2, 9):
        await people.set_quota("ann@example.org", quota=quota)
    kept = [row.after["quota"] for row in await people.log.read() if row.after]
    assert kept == [8, 7, 6]


async def test_a_log_of_something_gone_can_be_read(people: Administration) -> None:
    """Removing an account leaves all its rows, the last with what it was and which lists it was in."""
    await furnish(people)
    await people.remove("ann@example.org")
    [gone, *_] = await people.log.read(about="ann@example.org")
    assert gone.action == "account.remove" and gone.after is None and gone.before is not None
    assert gone.before["member of"] == ["staff@example.org"]
    assert json.loads(json.dumps(gone.before)) == gone.before


async def test_the_actor_stands_in_the_row(people: Administration, tmp_path: Path) -> None:
    """A command is the machine owner's with the user's name; somebody with a role acts under their own."""
    await furnish(people)
    for actor, name in (
        (Actor("root"), "machine owner (root)"),
        (await people.acting_as("bob@example.org"), "bob@example.org"),
    ):
        somebody = await Administration.open(
            tmp_path / "postil.db", clock=FixedClock(), actor=actor
        )
        await somebody.set_display_name("ann@example.org", f"by {name}")
        await somebody.close()
        assert (await people.log.read(most=1))[0].actor == name


async def test_names_of_errors(people: Administration) -> None:
    """An error of a change names what was asked for."""
    for call, words in (
        (people.show("x"), "no account x"),
        (people.remove("x"), "no account x"),
        (people.set_quota("x", quota=1), "no account x"),
        (people.disable("x", "y"), "no account x"),
        (people.roles.give("x", []), "no account x"),
        (people.aliases.show("x@example.org"), "no alias or list x@example.org"),
        (people.addresses.remove("x@example.org"), "no address x@example.org"),
    ):
        with pytest.raises(AccountError, match=words):
            await call
