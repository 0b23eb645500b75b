"""The search of RFC 8659 §3, on real zones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caa.zones import zones
from tests.support import dns as support

from postil.caa.relevant import BadDomain, Signing, Subject, find
from postil.ports.resolver import Outcome


async def test_no_records_anywhere() -> None:
    """The RFC's example X.Y.Z: each name once, the root never."""
    async with zones({"z": ""}) as (server, resolver):
        found = await find("x.y.z", resolver)
        assert [one.name for one in server.asked if one.kind == "CAA"] == ["x.y.z", "y.z", "z"]
    assert (found.properties, found.at, found.failed) == ((), "", None)


async def test_ends_where_records_are() -> None:
    """The RFC's example A.B.C: what is above the first records is not asked for."""
    async with zones({"c": '@ CAA 0 issue ";"\nb CAA 0 issue "example.com"\na.b A 192.0.2.1'}) as (
        server,
        resolver,
    ):
        found = await find("a.b.c", resolver)
        assert [one.name for one in server.asked if one.kind == "CAA"] == ["a.b.c", "b.c"]
    assert found.at == "b.c" and [one.names for one in found.properties] == ["example.com"]


class TestAliases:
    """RFC 8659 §3, §7: followed, but nobody climbs from where they lead."""

    async def test_records_at_the_target(self) -> None:
        """They count as those of the alias."""
        text = {
            "example.com": "www CNAME host.example.net.",
            "example.net": 'host CAA 0 issue "ca1.example.net"',
        }
        async with zones(text) as (_, resolver):
            found = await find("www.example.com", resolver)
        assert (found.at, found.alias_of) == ("www.example.com", "host.example.net")
        assert found.properties[0].names == "ca1.example.net"

    async def test_parents_of_the_target_are_not_asked(self) -> None:
        """The search goes on above the name itself."""
        text = {
            "example.com": '@ CAA 0 issue "ca1.example.net"\nwww CNAME a.host.example.net.',
            "example.net": '@ CAA 0 issue "ca2.example.org"\nhost CAA 0 issue "ca2.example.org"\na.host A 192.0.2.1',
        }
        async with zones(text) as (server, resolver):
            found = await find("www.example.com", resolver)
            assert [one.name for one in server.asked if one.kind == "CAA"] == [
                "www.example.com",
                "example.com",
            ]
        assert (found.at, found.alias_of) == ("example.com", "") and found.properties[
            0
        ].names == "ca1.example.net"

    async def test_an_alias_that_leads_nowhere(self) -> None:
        """No such name behind it is empty, as RFC 1034 has it: the search goes on."""
        text = {
            "example.com": '@ CAA 0 issue "ca1.example.net"\nwww CNAME no.example.net.',
            "example.net": "",
        }
        async with zones(text) as (_, resolver):
            found = await find("www.example.com", resolver)
        assert found.at == "example.com" and found.steps[0].outcome is Outcome.NO_SUCH_NAME

    async def test_a_loop_ends_the_search(self) -> None:
        """There might be records; nobody can tell."""
        text = {"example.com": '@ CAA 0 issue "ca1.example.net"\na CNAME b\nb CNAME a'}
        async with zones(text) as (server, resolver):
            found = await find("a.example.com", resolver)
            assert server.names.count("example.com") == 0
        assert found.failed is not None and "leads to itself" in found.failed.why
        assert found.properties == () and found.at == ""


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (support.failing("SERVFAIL"), Outcome.TEMPORARY),
        (support.failing("REFUSED"), Outcome.TEMPORARY),
        (support.failing("NOTIMP"), Outcome.TEMPORARY),
        (support.bogus, Outcome.BOGUS),
    ],
)
async def test_a_failure_ends_the_search(rule: support.Rule, outcome: Outcome) -> None:
    """RFC 8659 §6: what is above a name that gave no answer does not count."""
    text = {"example.com": '@ CAA 0 issue "ca1.example.net"\nwww A 192.0.2.1'}
    async with zones(text, rules={"www.example.com": rule}) as (server, resolver):
        found = await find("www.example.com", resolver)
        assert "example.com" not in server.names
    assert found.failed is not None and found.failed.outcome is outcome
    assert found.properties == ()


class TestSigning:
    """Who could alter the answers unseen."""

    TEXT = {
        "example.com": '@ CAA 0 issue "ca1.example.net"\nwww CNAME x.example.net.',
        "example.net": "x A 192.0.2.1",
    }

    async def test_signed(self) -> None:
        """Every answer on the way is authenticated, the empty ones as well."""
        async with zones(self.TEXT, (".", "example.com", "example.net")) as (_, resolver):
            found = await find("www.example.com", resolver)
        assert found.signing is Signing.SIGNED and found.unsigned == []

    async def test_an_empty_answer_that_is_not(self) -> None:
        """Whoever can hide records below has those above obeyed."""
        for signed in ((".", "example.com"), ("example.com",)):  # the root is not needed to see it
            async with zones(self.TEXT, signed) as (_, resolver):
                found = await find("www.example.com", resolver)
            assert found.signing is Signing.UNSIGNED and found.unsigned == ["www.example.com"]

    async def test_unsigned(self) -> None:
        """The root is signed, the zone not."""
        async with zones(self.TEXT, (".",)) as (_, resolver):
            assert (await find("example.com", resolver)).signing is Signing.UNSIGNED

    async def test_a_resolver_that_does_not_check(self) -> None:
        """It does not say so of the root either: nothing is known of the zone."""
        async with zones(self.TEXT) as (_, resolver):
            assert (await find("example.com", resolver)).signing is Signing.UNCHECKED

    async def test_a_resolver_elsewhere(self) -> None:
        """Its word is not taken, and the root is not asked for."""
        with support.Nameserver(self.TEXT, signed=(".", "example.com"), ip="127.0.0.11") as server:
            from postil.dns import Server, StubResolver

            found = await find("example.com", StubResolver([Server(server.ip, server.port)]))
            assert server.names == ["example.com"]
        assert found.signing is Signing.REMOTE and found.unsigned == ["example.com"]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Example.COM.", Subject("example.com")),
        ("*.example.com", Subject("example.com", True)),
        ("_x.example.com", Subject("_x.example.com")),
        ("xn--bcher-kva.example", Subject("xn--bcher-kva.example")),
        ("a" * 63 + ".com", Subject("a" * 63 + ".com")),
    ],
)
def test_subjects(text: str, subject: Subject) -> None:
    """Names of certificates."""
    assert Subject.parse(text) == subject
    assert Subject.parse(str(subject)) == subject


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "*",
        "*.",
        "*.*.a",
        "a.*.b",
        "a..b",
        ".a",
        "-a.b",
        "a-.b",
        "a b",
        "ü.example",
        "a" * 64 + ".com",
        "a." * 126 + "ab",
        "a\n",
        "a/b",
        "1.2.3.4/24",
        "192.0.2.1",
        "example.123",
    ],
)
def test_no_subjects(text: str) -> None:
    """The error says which name it is about."""
    with pytest.raises(BadDomain, match="no domain name"):
        Subject.parse(text)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """A name that can be asked for, or BadDomain."""
    try:
        subject = Subject.parse(text)
    except BadDomain:
        return
    assert subject.name.isascii() and len(subject.name) <= 253
