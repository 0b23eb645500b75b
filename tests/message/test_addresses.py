"""Address lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.message.addresses import Address, Group, mailboxes, parse_addresses


def _plain(local: bytes, domain: bytes, name: bytes | None = None) -> Address:
    return Address(name, None, local, domain)


JDOE = _plain(b"jdoe", b"example.net")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", []),
        (b" , ,", []),
        (b"jdoe@example.net", [JDOE]),
        (b"<jdoe@example.net>", [JDOE]),
        (b"a@b, jdoe@example.net", [_plain(b"a", b"b"), JDOE]),
        # RFC 5322 appendix A.1.2
        (b'"Joe Q. Public" <john.q.public@example.com>',
         [_plain(b"john.q.public", b"example.com", b"Joe Q. Public")]),
        (b"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
         [_plain(b"mary", b"x.test", b"Mary Smith"), _plain(b"jdoe", b"example.org"),
          _plain(b"one", b"y.test", b"Who?")]),
        (b'<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
         [_plain(b"boss", b"nil.test"),
          _plain(b"sysservices", b"example.net", b'Giant; "Big" Box')]),
        # appendix A.1.3
        (b"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
         [Group(b"A Group", (_plain(b"c", b"a.test", b"Ed Jones"), _plain(b"joe", b"where.test"),
                             _plain(b"jdoe", b"one.test", b"John")))]),
        (b"Undisclosed recipients:;", [Group(b"Undisclosed recipients", ())]),
        # appendix A.5
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         [_plain(b"pete", b"silly.test", b"Pete")]),
        (b"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
         b"         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
         [Group(b"A Group", (_plain(b"c", b"public.example", b"Chris Jones"),
                             _plain(b"joe", b"example.org"),
                             _plain(b"jdoe", b"one.test", b"John")))]),
        (b"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
         [Group(b"Hidden recipients", ())]),
        # appendix A.6.1
        (b"Joe Q. Public <john.q.public@example.com>",
         [_plain(b"john.q.public", b"example.com", b"Joe Q. Public")]),
        (b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
         [Address(b"Mary Smith", b"@node.test", b"mary", b"example.net"),
          _plain(b"jdoe", b"test.example")]),
        (b"<@a.test,@b.test:x@y.test>", [Address(None, b"@a.test,@b.test", b"x", b"y.test")]),
        (b"x . y @ z . test", [_plain(b"x.y", b"z.test")]),
        # what is in use
        (b"root (Cron Daemon)", [_plain(b"root", b"", b"Cron Daemon")]),
        (b"user@example.com (Real Name)", [_plain(b"user", b"example.com", b"Real Name")]),
        (b'"john doe"@example.com', [_plain(b"john doe", b"example.com")]),
        (b"x@[192.0.2.1]", [_plain(b"x", b"[192.0.2.1]")]),
        (b"X <x@[IPv6:2001:db8::1]>", [_plain(b"x", b"[IPv6:2001:db8::1]", b"X")]),
        ("Zoë <zoë@exämple.com>".encode(),
         [_plain("zoë".encode(), "exämple.com".encode(), "Zoë".encode())]),
        (b"=?utf-8?Q?Zo=C3=AB?= <z@example.com>",
         [_plain(b"z", b"example.com", b"=?utf-8?Q?Zo=C3=AB?=")]),
        (b"<>", []),
        (b"Nobody <>", [_plain(b"", b"", b"Nobody")]),
        (b"a <b@c", [_plain(b"b", b"c", b"a")]),
        (b'"open <b@c', [_plain(b"open <b@c", b"")]),
        (b"(open", []),
        (b"a@b; c@d", [_plain(b"a", b"b"), _plain(b"c", b"d")]),
        (b"a@b@c", [_plain(b"a", b"b@c")]),
        (b"G: a@b", [Group(b"G", (_plain(b"a", b"b"),))]),
    ],
)  # fmt: skip
def test_parse(value: bytes, expected: list[object]) -> None:
    """Every form of the RFC and the usual mistakes give the addresses that were meant."""
    assert parse_addresses(value) == expected


def test_display_and_spec_are_text() -> None:
    """Names are decoded, local parts quoted again where they must be."""
    (address,) = parse_addresses(b'=?utf-8?Q?Zo=C3=AB?= <"a b"@example.com>')
    assert isinstance(address, Address)
    assert address.display == "Zoë"
    assert address.spec == '"a b"@example.com'
    assert str(address) == 'Zoë <"a b"@example.com>'
    (group,) = parse_addresses(b"My, list: a@b, C <c@d>;")[1:] or parse_addresses(
        b"L: a@b, C <c@d>;"
    )
    assert str(group).endswith(": a@b, C <c@d>;")


def test_mailboxes_looks_into_groups() -> None:
    """All addresses of a list, in order."""
    entries = parse_addresses(b"a@b, G: c@d, e@f;, g@h")
    assert [address.spec for address in mailboxes(entries)] == ["a@b", "c@d", "e@f", "g@h"]


_NAME = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=20
).map(lambda text: " ".join(text.split()))
_DOT_ATOM = st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,8}(\.[a-z0-9]{1,5}){0,2}", fullmatch=True)


@given(st.lists(st.tuples(_NAME, _DOT_ATOM, _DOT_ATOM), max_size=6))
def test_what_is_rendered_reads_back(entries: list[tuple[str, str, str]]) -> None:
    """An address written by us is the same address when parsed."""
    made: list[object] = [
        Address(name.encode() or None, None, local.encode(), domain.encode())
        for name, local, domain in entries
        if "=?" not in name
    ]
    assert parse_addresses(", ".join(map(str, made)).encode()) == made
