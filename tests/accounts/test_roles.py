"""Who may do what: the one function that decides, and that every function of the administration asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.accounts import AccountError, Administration, NotAllowed, bulk
from postil.accounts.roles import Action, Actor, Kind, Power, Role, Thing, may
from postil.base.clock import FixedClock
from postil.ports.ids import AccountId

ADMIN, AUDITOR = Role(Power.ADMIN), Role(Power.AUDITOR)
ONE, TWO = Role(Power.DOMAIN_ADMIN, "one.example"), Role(Power.DOMAIN_ADMIN, "two.example")
READ, CHANGE = Action.READ, Action.CHANGE

roles = st.frozensets(st.sampled_from([ADMIN, AUDITOR, ONE, TWO]))
domains = st.frozensets(st.sampled_from(["one.example", "two.example", "three.example"]))
things = st.builds(Thing, st.sampled_from(Kind), st.just("x"), domains, roles)
actors = st.builds(Actor, st.just("x"), st.just(AccountId(1)), roles)


def actor(*held: Role) -> Actor:
    return Actor("somebody", AccountId(1), frozenset(held))


def account(*where: str, holds: frozenset[Role] = frozenset()) -> Thing:
    return Thing(Kind.ACCOUNT, "x", frozenset(where), holds)


@pytest.mark.parametrize(
    ("who", "action", "thing", "allowed"),
    [
        (actor(), READ, account("one.example"), False),
        (actor(ADMIN), CHANGE, Thing(Kind.ROLE, "x"), True),
        (actor(AUDITOR), READ, Thing(Kind.LOG, "x"), True),
        (actor(AUDITOR), CHANGE, account("one.example"), False),
        (actor(ONE), CHANGE, account("one.example"), True),
        (actor(ONE), READ, account("two.example"), False),
        (actor(ONE), CHANGE, account("one.example", "two.example"), False),
        (actor(ONE, TWO), CHANGE, account("one.example", "two.example"), True),
        (actor(ONE), CHANGE, account(), False),
        (actor(ONE), CHANGE, account("one.example", holds=frozenset({ADMIN})), False),
        (actor(ONE), CHANGE, account("one.example", holds=frozenset({TWO})), False),
        (actor(ONE), READ, account("one.example", holds=frozenset({ADMIN})), True),
        (actor(ONE), CHANGE, Thing(Kind.ROLE, "x", frozenset({"one.example"})), False),
        (actor(ONE), CHANGE, Thing(Kind.RULES, "x", frozenset({"one.example"})), True),
        (actor(ONE), READ, Thing(Kind.LOG, "x", frozenset({"one.example"})), True),
        (Actor("root"), CHANGE, Thing(Kind.ROLE, "x"), True),
    ],
)
def test_may(who: Actor, action: Action, thing: Thing, allowed: bool) -> None:
    """The table of roles."""
    assert may(who, action, thing) is allowed


@given(actors, things)
def test_nobody_becomes_more(who: Actor, thing: Thing) -> None:
    """Who may change may read; only admins touch roles and those who hold one; auditors and nobodies change nothing."""
    if may(who, CHANGE, thing):
        assert may(who, READ, thing)
        if ADMIN not in who.roles:
            assert who.roles - {AUDITOR} and not thing.holds and thing.kind is not Kind.ROLE
            own = {role.domain for role in who.roles}
            assert thing.domains and thing.domains <= own


@given(actors, roles, st.sampled_from(Action), things)
def test_more_roles_are_never_less(
    who: Actor, more: frozenset[Role], action: Action, thing: Thing
) -> None:
    """A further role takes nothing away."""
    if may(who, action, thing):
        assert may(Actor(who.name, who.account, who.roles | more), action, thing)


@asynccontextmanager
async def acting(
    tmp_path: Path, people: Administration, name: str
) -> AsyncIterator[Administration]:
    """The administration as that account has it."""
    somebody = await Administration.open(
        tmp_path / "postil.db", clock=FixedClock(), actor=await people.acting_as(name)
    )
    try:
        yield somebody
    finally:
        await somebody.close()


async def furnish(people: Administration) -> None:
    for name in ("boss", "ann", "chief", "reader"):
        await people.add(f"{name}@one.example", None)
    await people.add("bob@two.example", None)
    await people.add("local", None)
    await people.aliases.add("team@one.example", ["ann@one.example"])
    await people.aliases.add("mixed@one.example", ["ann@one.example", "bob@two.example"])
    await people.aliases.add("other@two.example", ["bob@two.example"], is_list=True)
    await people.roles.give("boss@one.example", [ADMIN])
    await people.roles.give("chief@one.example", [Role(Power.DOMAIN_ADMIN, "ONE.example")])
    await people.roles.give("reader@one.example", [AUDITOR])


REFUSED: list[Callable[[Administration], Awaitable[object]]] = [
    lambda a: a.add("new@two.example", None),
    lambda a: a.add("nowhere", None),
    lambda a: a.addresses.add("ann@one.example", "x@two.example"),
    lambda a: a.addresses.add("bob@two.example", "x@one.example"),
    lambda a: a.addresses.remove("bob@two.example"),
    lambda a: a.set_quota("bob@two.example", quota=1),
    lambda a: a.set_password("boss@one.example", "taken over!"),
    lambda a: a.programs.add("boss@one.example", "mine", ["imap"]),
    lambda a: a.disable("boss@one.example", "out of my way"),
    lambda a: a.remove("boss@one.example"),
    lambda a: a.remove("local"),
    lambda a: a.roles.give("ann@one.example", [ONE]),
    lambda a: a.roles.give("chief@one.example", [ADMIN]),
    lambda a: a.roles.take("boss@one.example"),
    lambda a: a.aliases.remove("other@two.example"),
    lambda a: a.aliases.join("team@one.example", ["bob@two.example"]),
    lambda a: a.aliases.leave("mixed@one.example", ["bob@two.example"]),
    lambda a: a.rules.set("two.example", catch_all="ann@one.example"),
    lambda a: a.rules.set("one.example", catch_all="bob@two.example"),
    lambda a: a.rules.show("two.example"),
    lambda a: a.bulk.add(bulk.read("name\nx@one.example\nx@two.example\n")),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
async def test_a_domain_admin_stays_in_the_domain(
    people: Administration, tmp_path: Path, number: int
) -> None:
    """Nothing outside the domain, nobody who holds a role, no roles; refused without a change."""
    await furnish(people)
    before = await people.log.read()
    async with acting(tmp_path, people, "chief@one.example") as chief:
        with pytest.raises(AccountError):
            await REFUSED[number](chief)
    assert await people.log.read() == before


async def test_what_a_domain_admin_does(people: Administration, tmp_path: Path) -> None:
    """Accounts, addresses, aliases and rules of the domain, and what the log says of them."""
    await furnish(people)
    async with acting(tmp_path, people, "chief@one.example") as chief:
        await chief.add("new@one.example", None)
        await chief.addresses.add("ann@one.example", "ann2@one.example")
        await chief.set_password("ann@one.example", "new password")
        await chief.aliases.join("team@one.example", ["new@one.example"])
        await chief.aliases.add("l@one.example", ["team@one.example"], is_list=True)
        await chief.rules.set("one.example", catch_all="ann@one.example")
        assert {row.name for row in await chief.every()} == {
            f"{name}@one.example" for name in ("ann", "boss", "chief", "new", "reader")
        }
        assert [row.address for row in await chief.aliases.every()] == [
            "l@one.example",
            "mixed@one.example",
            "team@one.example",
        ]
        seen = await chief.log.read()
        assert [row.actor for row in seen[:6]] == ["chief@one.example"] * 6
        assert not any("two.example" in row.about for row in seen)
        assert "team@one.example" in await chief.addresses.at("one.example")
        assert await chief.addresses.at("two.example") == []
        with pytest.raises(AccountError, match="there is no account bob"):
            await chief.show("bob@two.example")


async def test_an_auditor_reads(people: Administration, tmp_path: Path) -> None:
    """Everything is shown, nothing is changed."""
    await furnish(people)
    async with acting(tmp_path, people, "reader@one.example") as reader:
        assert len(await reader.every()) == 6 and len(await reader.aliases.every()) == 3
        assert len(await reader.log.read()) == len(await people.log.read())
        for call in (
            reader.set_quota("ann@one.example", quota=1),
            reader.roles.give("reader@one.example", [ADMIN]),
            reader.add("x@one.example", None),
        ):
            with pytest.raises(NotAllowed, match=r"reader@one\.example may not change"):
                await call


async def test_a_role_that_was_taken_is_gone_at_once(
    people: Administration, tmp_path: Path
) -> None:
    """Somebody who is at work when the role goes, or is disabled, changes nothing more."""
    await furnish(people)
    async with acting(tmp_path, people, "boss@one.example") as boss:
        await boss.set_quota("bob@two.example", quota=1)
        await people.disable("boss@one.example", "gone")
        with pytest.raises(AccountError):
            await boss.set_quota("bob@two.example", quota=2)
        await people.enable("boss@one.example")
        await boss.set_quota("bob@two.example", quota=3)
        await people.roles.take("boss@one.example")
        with pytest.raises(AccountError):
            await boss.set_quota("bob@two.example", quota=4)
    assert (await people.show("bob@two.example")).quota == 3


async def test_roles_are_given_and_taken(people: Administration) -> None:
    """One by one or all; an account without a domain cannot be the admin of none."""
    await people.add("ann@one.example", None)
    await people.roles.give("ann@one.example", [ONE, TWO, AUDITOR])
    holder = await people.roles.take("ann@one.example", [TWO, ADMIN])
    assert {str(role) for role in holder.roles} == {"domain admin of one.example", "auditor"}
    assert [one.name for one in await people.roles.every()] == ["ann@one.example"]
    assert (await people.roles.take("ann@one.example")).roles == ()
    assert list(await people.roles.every()) == []
    for role in (Role(Power.DOMAIN_ADMIN), Role(Power.ADMIN, "one.example")):
        with pytest.raises(AccountError, match="domain admin is one of a domain"):
            await people.roles.give("ann@one.example", [role])
    with pytest.raises(AccountError, match="not a domain name"):
        await people.roles.give("ann@one.example", [Role(Power.DOMAIN_ADMIN, "-")])
