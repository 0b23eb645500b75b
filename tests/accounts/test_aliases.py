"""Aliases and lists as commands change them: what is refused, what is shown to whom."""

from __future__ import annotations

import pytest

from postil.accounts import AccountError, Administration, limits
from postil.accounts.aliasrows import Sees
from postil.ports.accounts import Posts

ALICE, BOB, CAROL = (f"{name}@example.org" for name in ("alice", "bob", "carol"))


async def furnish(people: Administration) -> None:
    for name in (ALICE, BOB, CAROL):
        await people.add(name, None)


async def test_members_are_here(people: Administration) -> None:
    """Accounts and addresses of this server; an address elsewhere is refused with the reason."""
    await furnish(people)
    await people.add("nodomain", None)
    await people.addresses.add(CAROL, "c@other.example")
    row = await people.aliases.add(
        "sales@example.org", ["Alice@EXAMPLE.org", "nodomain", "C@other.example"]
    )
    assert row.members == (ALICE, "nodomain", "c@other.example")
    for member, words in (
        ("x@elsewhere.example", "no outgoing queue"),
        ("nobody", "no account nobody"),
        ("x@-", "not a domain"),
    ):
        with pytest.raises(AccountError, match=words):
            await people.aliases.join("sales@example.org", [BOB, member])
    assert (await people.aliases.show("sales@example.org")).members == row.members


async def test_no_circles(people: Administration) -> None:
    """Not into itself, not by a detour; the way that is left is kept."""
    await furnish(people)
    await people.aliases.add("a@example.org", [ALICE])
    await people.aliases.add("b@example.org", ["a@example.org"])
    await people.aliases.add("c@example.org", ["b@example.org"], is_list=True)
    for member in ("a@example.org", "b@example.org", "c@example.org"):
        with pytest.raises(AccountError, match="round in circles"):
            await people.aliases.join("a@example.org", [member])
    await people.aliases.leave("b@example.org", ["a@example.org"])
    await people.aliases.join("a@example.org", ["c@example.org"])


async def test_not_too_deep(people: Administration) -> None:
    """So many in each other as the limit says, wherever the new one comes between."""
    await furnish(people)
    await people.aliases.add("a0@example.org", [ALICE])
    for number in range(1, limits.DEPTH + 1):
        await people.aliases.add(f"a{number}@example.org", [f"a{number - 1}@example.org"])
    with pytest.raises(AccountError, match="at most 8 deep"):
        await people.aliases.add("more@example.org", [f"a{limits.DEPTH}@example.org"])
    await people.aliases.add("under@example.org", [BOB])
    with pytest.raises(AccountError, match="at most 8 deep"):
        await people.aliases.join("a0@example.org", ["under@example.org"])
    await people.aliases.join("a1@example.org", ["under@example.org"])


async def test_not_too_many(people: Administration, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members and named addresses have a limit, and what is over it changes nothing."""
    await furnish(people)
    monkeypatch.setattr(limits, "MEMBERS", 2)
    monkeypatch.setattr(limits, "POSTERS", 1)
    await people.aliases.add("a@example.org", [ALICE, BOB], is_list=True, posters=["x@a.example"])
    with pytest.raises(AccountError, match="at most 2 members"):
        await people.aliases.join("a@example.org", [CAROL])
    with pytest.raises(AccountError, match="at most 1 addresses"):
        await people.aliases.allow("a@example.org", ["y@a.example"])
    row = await people.aliases.show("a@example.org")
    assert (len(row.members), row.posters) == (2, ("x@a.example",))


async def test_an_address_leads_to_one_place(people: Administration) -> None:
    """Alias, list and account's address share one space, by the rule of case of the domain."""
    await furnish(people)
    await people.aliases.add("sales@example.org", [ALICE])
    with pytest.raises(AccountError, match=r"sales@example\.org is an alias already, with other"):
        await people.aliases.add("SALES@example.org", [BOB])
    with pytest.raises(AccountError, match="is the address of an account"):
        await people.aliases.add("Alice@example.org", [BOB])
    with pytest.raises(AccountError, match="is taken"):
        await people.addresses.add(BOB, "sales@example.org")
    with pytest.raises(AccountError, match="is taken"):
        await people.add("sales@example.org", None)
    with pytest.raises(AccountError, match="postil alias rm"):
        await people.addresses.remove("sales@example.org")
    await people.rules.set("example.org", case_sensitive=True)
    await people.aliases.add("SALES@example.org", [BOB])
    with pytest.raises(
        AccountError, match=r"sales@example\.org and SALES@example\.org would be one"
    ):
        await people.rules.set("example.org", case_sensitive=False)
    assert (await people.rules.show("example.org")).case_sensitive
    await people.aliases.remove("SALES@example.org")
    await people.rules.set("example.org", case_sensitive=False)
    assert (await people.aliases.show("SALES@example.org")).members == (ALICE,)


async def test_lists_and_aliases_are_told_apart(people: Administration) -> None:
    """What only a list has is refused for an alias, and the other way round."""
    await furnish(people)
    await people.aliases.add("alias@example.org", [ALICE])
    await people.aliases.add("list@example.org", [ALICE], is_list=True, owner=BOB)
    for call in (
        people.aliases.add("x@example.org", [ALICE], posts=Posts.MEMBERS),
        people.aliases.add("x@example.org", [ALICE], is_list=True, members_send=True),
        people.aliases.set("alias@example.org", sees=Sees.MEMBERS),
        people.aliases.set("list@example.org", members_send=True),
        people.aliases.allow("alias@example.org", ["x@a.example"]),
        people.aliases.set("list@example.org", owner="x@elsewhere.example"),
        people.aliases.show(ALICE),
        people.aliases.show("nothing"),
    ):
        with pytest.raises(AccountError):
            await call
    assert (await people.aliases.show("list@example.org")).owner == BOB
    await people.remove(BOB)
    assert (await people.aliases.show("list@example.org")).owner is None
    assert [row.address for row in await people.aliases.every()] == [
        "alias@example.org",
        "list@example.org",
    ]


async def test_who_sees_the_members(people: Administration) -> None:
    """Nobody, members (those of a list inside too, as for writing), or all who have an account."""
    await furnish(people)
    await people.aliases.add("list@example.org", [ALICE], is_list=True)
    await people.aliases.add("alias@example.org", [ALICE])
    seen = people.aliases.seen_by
    assert await seen("list@example.org", ALICE) is None
    await people.aliases.set("list@example.org", sees=Sees.MEMBERS)
    assert await seen("list@example.org", ALICE) == (ALICE,)
    assert await seen("list@example.org", BOB) is None
    await people.aliases.add("inner@example.org", [BOB])
    await people.aliases.join("list@example.org", ["inner@example.org"])
    assert await seen("list@example.org", BOB) == (ALICE, "inner@example.org")
    await people.aliases.leave("list@example.org", ["inner@example.org"])
    await people.aliases.set("list@example.org", sees=Sees.ACCOUNTS)
    assert await seen("list@example.org", BOB) == (ALICE,)
    assert await seen("alias@example.org", ALICE) is None
    with pytest.raises(AccountError, match="no account nobody"):
        await seen("list@example.org", "nobody")


async def test_posters(people: Administration) -> None:
    """Named addresses may be anywhere, are kept once in any case, and go one by one."""
    await furnish(people)
    await people.aliases.add("list@example.org", [ALICE], is_list=True, posts=Posts.NAMED)
    row = await people.aliases.allow(
        "list@example.org", ["Boss@Else.example", "boss@else.example", BOB]
    )
    assert row.posters == ("Boss@else.example", BOB)
    row = await people.aliases.disallow("list@example.org", ["BOSS@else.example"])
    assert row.posters == (BOB,)


async def test_rules_of_a_domain(people: Administration) -> None:
    """What cannot be a rule is refused; what was never set has defaults."""
    await furnish(people)
    assert (await people.rules.show("Example.ORG")).state() == {
        "domain": "example.org",
        "separators": "+",
        "case_sensitive": False,
        "tag_mailboxes": False,
        "catch_all": None,
    }
    for words, given in (
        ("'@' cannot separate", {"separators": "+@"}),
        ("'a' cannot separate", {"separators": "a"}),
        ("no outgoing queue", {"catch_all": "x@elsewhere.example"}),
    ):
        with pytest.raises(AccountError, match=words):
            await people.rules.set("example.org", **given)  # type: ignore[arg-type]
    with pytest.raises(AccountError, match="not a domain name"):
        await people.rules.show("-")
    assert (await people.rules.set("example.org", separators="++-")).separators == "+-"


async def test_a_swap_of_keys(people: Administration) -> None:
    """Many addresses get new keys at once, whatever the order in which they stand."""
    await furnish(people)
    await people.rules.set("other.example", case_sensitive=True)
    for local in ("b", "A", "C", "é", "E\u0301x"):
        await people.addresses.add(ALICE, f"{local}@other.example")
    await people.rules.set("other.example", case_sensitive=False)
    await people.rules.set("other.example", case_sensitive=True)
    assert {a for a in (await people.show(ALICE)).addresses if "other" in a} == {
        f"{local}@other.example" for local in ("b", "A", "C", "é", "Éx")
    }
