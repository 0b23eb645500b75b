"""Where an address leads: itself, by decree, to a list's owner, without its tag, to the catch-all, in this order."""

from __future__ import annotations

import sqlite3
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postil.accounts import AccountsDatabase, Administration, limits, names
from postil.base.clock import FixedClock
from postil.ports.accounts import AccountsUnavailable, Delivery, NotExpandable, Posts
from postil.smtp.paths import mailbox, parse_path

SECOND = 1.1  # a found address is trusted for a second


async def names_at(
    directory: AccountsDatabase, now: FixedClock, local: str, domain: str = "example.org"
) -> list[str]:
    """The accounts that mail for the address reaches now."""
    now.advance(SECOND)
    return [one.account.name for one in await directory.resolve(local, domain)]


async def one(directory: AccountsDatabase, now: FixedClock, address: str) -> Delivery:
    now.advance(SECOND)
    local, _, domain = address.rpartition("@")
    [found] = await directory.resolve(local, domain)
    return found


async def furnish(people: Administration) -> None:
    for name in ("alice", "bob", "carol"):
        await people.add(f"{name}@example.org", None)


async def test_an_alias_leads_to_all(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """Accounts, addresses and aliases in aliases; overlaps give one delivery; each says which way it came."""
    await furnish(people)
    await people.addresses.add("carol@example.org", "c@other.example", "Work")
    await people.aliases.add("sales@example.org", ["alice@example.org", "c@other.example"])
    await people.aliases.add(
        "all@example.org", ["sales@example.org", "bob@example.org", "alice@example.org"]
    )
    found = await directory.resolve("ALL", "example.org")
    assert [(d.account.name, d.address, d.mailbox, d.via) for d in found] == [
        ("alice@example.org", "alice@example.org", "INBOX", ("all@example.org", "sales@example.org")),
        ("carol@example.org", "c@other.example", "Work", ("all@example.org", "sales@example.org")),
        ("bob@example.org", "bob@example.org", "INBOX", ("all@example.org",)),
    ]  # fmt: skip
    assert not any(d.lists for d in found)


async def test_members_vanish(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """An account, an address or an alias that is removed leaves every alias; the last leaves nobody behind."""
    await furnish(people)
    await people.addresses.add("carol@example.org", "c@example.org")
    await people.aliases.add("inner@example.org", ["c@example.org"])
    await people.aliases.add(
        "all@example.org", ["alice@example.org", "bob@example.org", "inner@example.org"]
    )
    await people.remove("bob@example.org")
    assert await names_at(directory, now, "all") == ["alice@example.org", "carol@example.org"]
    await people.addresses.remove("c@example.org")
    assert await names_at(directory, now, "all") == ["alice@example.org"]
    with pytest.raises(NotExpandable):
        await names_at(directory, now, "inner")
    await people.aliases.remove("inner@example.org")
    await people.remove("alice@example.org")
    with pytest.raises(NotExpandable) as told:
        await names_at(directory, now, "all")
    assert not told.value.later
    assert (await people.aliases.show("all@example.org")).members == ()


async def test_a_circle_in_the_file_ends(
    people: Administration, directory: AccountsDatabase, now: FixedClock, tmp_path: Path
) -> None:
    """A circle that no command makes, put there by hand: everybody in it once."""
    await furnish(people)
    await people.aliases.add("a@example.org", ["alice@example.org"])
    await people.aliases.add("b@example.org", ["bob@example.org", "a@example.org"])
    with sqlite3.connect(tmp_path / "postil.db") as other:
        other.execute(
            "INSERT INTO member (alias, address) SELECT a.alias, b.id FROM address AS a, address AS b"
            " WHERE a.key = 'a' AND b.key = 'b'"
        )
    other.close()
    assert await names_at(directory, now, "a") == ["alice@example.org", "bob@example.org"]
    assert await names_at(directory, now, "b") == ["bob@example.org", "alice@example.org"]


async def test_too_many(
    people: Administration,
    directory: AccountsDatabase,
    now: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More copies than one message may become: for now, until somebody mends it."""
    await furnish(people)
    await people.aliases.add(
        "all@example.org", [f"{n}@example.org" for n in ("alice", "bob", "carol")]
    )
    monkeypatch.setattr(limits, "COPIES", 2)
    with pytest.raises(NotExpandable) as told:
        await names_at(directory, now, "all")
    assert told.value.later


@pytest.mark.rfc("2142", "6", "there MUST be the administrative mailbox name:")
async def test_the_request_address_of_a_list(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """LIST-request is the owner's, in any case, also where a hyphen separates tags; an alias has none; one's own comes first."""
    await furnish(people)
    await people.aliases.add(
        "staff@example.org", ["bob@example.org"], is_list=True, owner="carol@example.org"
    )
    await people.aliases.add("free@example.org", ["bob@example.org"], is_list=True)
    await people.aliases.add("plain@example.org", ["bob@example.org"])
    for separators in ("", "-"):
        await people.rules.set("example.org", separators=separators)
        assert await names_at(directory, now, "Staff-REQUEST") == ["carol@example.org"]
        assert await names_at(directory, now, "free-request") == ["alice@example.org"]  # postmaster
    assert (await one(directory, now, "staff-request@example.org")).lists == ()
    await people.rules.set("example.org", separators="")
    assert await names_at(directory, now, "plain-request") == []
    assert await names_at(directory, now, "-request") == []
    await people.addresses.add("bob@example.org", "staff-request@example.org")
    assert await names_at(directory, now, "staff-request") == ["bob@example.org"]
    await people.remove("carol@example.org")  # the owner goes: postmaster
    await people.addresses.remove("staff-request@example.org")
    assert await names_at(directory, now, "staff-request") == ["alice@example.org"]


async def test_tags(people: Administration, directory: AccountsDatabase, now: FixedClock) -> None:
    """What follows a separator is left out, the longest known address wins, and a tag names a mailbox only if told so."""
    await furnish(people)
    await people.add("mary-ann@example.org", None)
    await people.add("mary@example.org", None)
    found = await one(directory, now, "Alice+News+x@example.org")
    assert (found.account.name, found.address, found.tag) == (
        "alice@example.org", "Alice+News+x@example.org", "",
    )  # fmt: skip
    assert await names_at(directory, now, "alice-news") == []
    assert await names_at(directory, now, "+news") == []
    assert await names_at(directory, now, "alice+") == ["alice@example.org"]
    assert await names_at(directory, now, "nobody+x") == []
    await people.rules.set("example.org", separators="-+", tag_mailboxes=True)
    found = await one(directory, now, "mary-ann-news@example.org")
    assert (found.account.name, found.tag) == ("mary-ann@example.org", "news")
    found = await one(directory, now, "mary-x+y@example.org")
    assert (found.account.name, found.tag) == ("mary@example.org", "x+y")
    await people.rules.set("example.org", separators="")
    assert await names_at(directory, now, "alice+news") == []
    await people.addresses.add("bob@example.org", "alice+news@example.org")
    await people.rules.set("example.org", separators="+")
    assert await names_at(directory, now, "alice+news") == ["bob@example.org"]
    assert await names_at(directory, now, "postmaster+x") == ["alice@example.org"]


async def test_a_tag_of_an_alias(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """sales+x is sales; whoever sends does not choose mailboxes of its members."""
    await furnish(people)
    await people.rules.set("example.org", tag_mailboxes=True)
    await people.aliases.add(
        "sales@example.org", ["bob@example.org"], is_list=True, posts=Posts.MEMBERS
    )
    found = await one(directory, now, "sales+x@example.org")
    assert (found.account.name, found.tag) == ("bob@example.org", "")
    assert found.via == ("sales+x@example.org", "sales@example.org")
    assert found.lists[0].posts is Posts.MEMBERS


async def test_catch_all(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """Unknown addresses go there, known ones and those that exist by decree never; gone with its account."""
    await furnish(people)
    await people.aliases.add("sales@example.org", ["bob@example.org", "carol@example.org"])
    await people.rules.set("example.org", catch_all="carol@example.org")
    assert await names_at(directory, now, "whoever") == ["carol@example.org"]
    assert (await one(directory, now, "Who.Ever@example.org")).address == "Who.Ever@example.org"
    assert await names_at(directory, now, "bob+tag") == ["bob@example.org"]
    for decreed in ("postmaster", "ABUSE"):
        assert await names_at(directory, now, decreed) == ["alice@example.org"]
    assert await names_at(directory, now, "x", "other.example") == []
    await people.rules.set("example.org", catch_all="sales@example.org")
    assert await names_at(directory, now, "whoever") == ["bob@example.org", "carol@example.org"]
    await people.aliases.remove("sales@example.org")
    assert await names_at(directory, now, "whoever") == []
    await people.rules.set("example.org", catch_all="carol@example.org")
    await people.remove("carol@example.org")
    assert await names_at(directory, now, "whoever") == []
    assert (await people.rules.show("example.org")).catch_all is None


async def test_decreed_addresses_wait_rather_than_be_caught(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """Where everybody is disabled, postmaster's mail is put off and not swallowed by the catch-all."""
    await people.add("alice@example.org", None)
    await people.rules.set("example.org", catch_all="alice@example.org")
    await people.disable("alice@example.org", "away", until=int(now.now()) + 60)
    with pytest.raises(AccountsUnavailable):
        await names_at(directory, now, "postmaster")
    now.wall += 61
    assert await names_at(directory, now, "postmaster") == ["alice@example.org"]


@pytest.mark.rfc("5321", "2.4", "The local-part of a mailbox MUST BE treated as case sensitive")
async def test_case(people: Administration, directory: AccountsDatabase, now: FixedClock) -> None:
    """A domain may tell Smith from smith; decreed names are compared without case there too, and logins are."""
    await furnish(people)
    await people.rules.set("other.example", case_sensitive=True)
    await people.addresses.add("alice@example.org", "Smith@other.example")
    await people.addresses.add("bob@example.org", "smith@other.example")
    await people.addresses.add("carol@example.org", "PostMaster@other.example")
    assert await names_at(directory, now, "Smith", "other.example") == ["alice@example.org"]
    assert await names_at(directory, now, "smith", "other.example") == ["bob@example.org"]
    assert await names_at(directory, now, "SMITH", "other.example") == []
    assert await names_at(directory, now, "smith+x", "other.example") == ["bob@example.org"]
    assert await names_at(directory, now, "POSTMASTER", "other.example") == ["carol@example.org"]
    assert await names_at(directory, now, "ALICE") == ["alice@example.org"]
    await people.set_password("bob@example.org", "correct horse")
    for login, right in (("smith@other.example", True), ("SMITH@other.example", False)):
        found = await directory.authenticate(login, "correct horse", protocol="imap", peer="")
        assert (found is not None) is right


async def test_who_may_send(
    people: Administration, directory: AccountsDatabase, now: FixedClock
) -> None:
    """Under a tag and as catch-all yes; under an alias if it says so, on every alias of the way; under a list never."""
    await furnish(people)
    await people.aliases.add("yes@example.org", ["bob@example.org"], members_send=True)
    await people.aliases.add("no@example.org", ["bob@example.org", "yes@example.org"])
    await people.aliases.add("both@example.org", ["yes@example.org"], members_send=True)
    await people.aliases.add("list@example.org", ["bob@example.org"], is_list=True)
    await people.aliases.add("over@example.org", ["list@example.org"], members_send=True)
    bob = (await directory.resolve("bob", "example.org"))[0].account
    for local, may in (
        ("bob", True),
        ("bob+x", True),
        ("yes", True),
        ("no", False),
        ("both", True),
        ("list", False),
        ("over", False),
        ("alice", False),
        ("whoever", False),
    ):
        assert await directory.may_send_as(bob, local, "example.org") is may, local
    await people.rules.set("example.org", catch_all="bob@example.org")
    assert await directory.may_send_as(bob, "whoever", "example.org")
    await people.aliases.add("empty@example.org", [])
    assert not await directory.may_send_as(bob, "empty", "example.org")


# --- properties

letters = st.text(
    st.one_of(
        st.sampled_from('aAbBéÉßſİıΣς.+-_"\\ @ﬁ①'),
        st.sampled_from("e\u0301E\u0308a\u030aA\u030a"),
        st.characters(exclude_categories=["C", "Z"]),
    ),
    min_size=1,
    max_size=12,
)


def usable(local: str) -> bool:
    try:
        names.split_address(f"{mailbox(local, 'example.org')}")
    except names.BadAddress:
        return False
    return True


@given(letters.filter(usable))
def test_what_is_written_is_read(local: str) -> None:
    """A local part as a command shows it is the one that SMTP reads, quoted or not; one spelling in NFC."""
    loose, local = unicodedata.normalize("NFD", local), unicodedata.normalize("NFC", local)
    assert names.split_address(mailbox(loose, "example.org")) == (local, "example.org")
    written = mailbox(local, "example.org")
    assert names.split_address(written) == (local, "example.org")
    parsed = parse_path(f"<{written}>").path
    assert (parsed.local, parsed.domain) == (local, "example.org")
    quoted = '"' + "".join("\\" + c if c.isascii() else c for c in local) + '"@example.org'
    assert names.split_address(quoted) == (local, "example.org")


@given(letters, letters)
def test_keys(one_: str, two: str) -> None:
    """Without case: folding, composing and repeating change nothing. With it: only composing. Never compatibility."""
    for sensitive in (False, True):
        key = names.address_key(one_, sensitive)
        assert names.address_key(key, sensitive) == key
        for form in ("NFC", "NFD"):
            assert names.address_key(unicodedata.normalize(form, one_), sensitive) == key
    assert names.address_key(one_.upper(), False) == names.address_key(
        one_.upper().casefold(), False
    )
    if unicodedata.normalize("NFC", one_) != unicodedata.normalize("NFC", two):
        exact = [names.address_key(one, True) for one in (one_, two)]
        assert exact[0] != exact[1] or names.key(one_) in names.ROLES
    assert names.address_key("ﬁ", False) == "fi"  # a ligature folds in Unicode's own table
    assert names.address_key("①", False) != "1"  # which NFKC would make of it


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(letters.filter(usable), min_size=1, max_size=6), letters.filter(usable), st.booleans()
)
async def test_addresses_match_as_the_rule_says(
    people: Administration,
    directory: AccountsDatabase,
    now: FixedClock,
    kept: list[str],
    asked: str,
    sensitive: bool,
) -> None:
    """Against a model of four lines: which of some addresses an address is, in any spelling, by either rule."""
    domain = f"d{now.ticks:.0f}.example"
    now.advance(10)
    directory._domains[domain] = ""
    await people.rules.set(domain, separators="", case_sensitive=sensitive)

    def same(local: str) -> str:
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
        decreed = folded in ("postmaster", "abuse")
        return folded if decreed or not sensitive else unicodedata.normalize("NFC", local)

    owners: dict[str, str] = {}
    for local in kept:
        if same(local) in owners:
            continue
        owner = f"p{len(owners)}-{domain}"
        await people.add(owner, None)
        await people.addresses.add(owner, mailbox(local, domain))
        owners[same(local)] = owner
    for local in (
        *kept,
        asked,
        *(unicodedata.normalize("NFD", one) for one in kept),
        *map(str.upper, kept),
    ):
        found = await directory.resolve(local, domain)
        wanted = owners.get(same(local))
        assert [d.account.name for d in found] == ([wanted] if wanted else []), local
