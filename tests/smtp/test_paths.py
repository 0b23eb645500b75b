"""Paths and parameters by the grammar of RFC 5321 §4.1.2 and RFC 6531 §3.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.ports.delivery import Path
from postil.smtp.paths import (
    BadParameters,
    BadPath,
    client_name,
    mailbox,
    parse_parameters,
    parse_path,
)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("<a@example.org>", "a", "example.org"),
        ("<a.b+c@EXAMPLE.org>", "a.b+c", "example.org"),
        ('<"a b"@example.org>', "a b", "example.org"),
        ('<"a"@example.org>', "a", "example.org"),
        ('<"Joe\\,Smith"@example.org>', "Joe,Smith", "example.org"),
        ('<"a\\"b\\\\c"@example.org>', 'a"b\\c', "example.org"),
        ('<""@example.org>', "", "example.org"),
        ("<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
        ("<a@[192.000.2.001]>", "a", "[192.0.2.1]"),
        ("<a@[IPv6:2001:DB8:0::1]>", "a", "[ipv6:2001:db8::1]"),
        ("<a@[IPv6:::ffff:192.0.2.1]>", "a", "[ipv6:::ffff:c000:201]"),
        ("<a@[X400:c=us]>", "a", "[x400:c=us]"),
        ("<a@localhost>", "a", "localhost"),
        ("<用户@例子.example>", "用户", "xn--fsqu00a.example"),
        ("<a@Bücher.example>", "a", "xn--bcher-kva.example"),
        ("<a@xn--bcher-kva.example>", "a", "xn--bcher-kva.example"),
        ('<"ü x"@example.org>', "ü x", "example.org"),
        ("<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~", "example.org"),
    ],
)
def test_well_formed(text: str, local: str, domain: str) -> None:
    """The local part comes unquoted, the domain in lower-case A-labels."""
    parsed = parse_path(text)
    assert (parsed.path.local, parsed.path.domain, parsed.rest) == (local, domain, "")
    assert parsed.path.wire == text[1:-1]
    assert parsed.international is not text.isascii()


@pytest.mark.rfc(
    "5321",
    "4.1.1.3",
    "Receiving systems MUST recognize source route syntax",
)
@pytest.mark.rfc(
    "5321",
    "3.3",
    "Servers MUST be prepared to encounter a list of source routes in the forward-path",
)
@pytest.mark.parametrize(
    "route", ["@a.example:", "@a.example,@b.example:", "@[192.0.2.1],@b.example:"]
)
def test_source_routes_are_ignored(route: str) -> None:
    """The route is read and leaves no trace."""
    assert parse_path(f"<{route}a@example.org>").path == Path("a", "example.org", "a@example.org")


@pytest.mark.parametrize(
    "text",
    [
        "a@example.org",
        "<a@example.org",
        "<a>",
        "<@example.org>",
        "<a@>",
        "<a@@example.org>",
        "<.a@example.org>",
        "<a.@example.org>",
        "<a..b@example.org>",
        "<a b@example.org>",
        '<"a"b"@example.org>',
        '<"a@example.org>',
        '<"a\x01"@example.org>',
        "<a(comment)@example.org>",
        "<a@example.org.>",
        "<a@.example.org>",
        "<a@example..org>",
        "<a@-example.org>",
        "<a@example-.org>",
        "<a@exa mple.org>",
        "<a@[192.0.2.256]>",
        "<a@[192.0.2]>",
        "<a@[IPv6:1:2]>",
        "<a@[IPv6:fe80::1%eth0]>",
        "<a@[]>",
        "<a@[a[b]>",
        "<@a.example>",
        "<@a.example:>",
        "<@a_b.example:a@example.org>",
        "<a.example:a@example.org>",
        "<a@xn--->",
        "<a@\u2488.example>",
        "<>",
        "<Postmaster>",
        "",
        f"<{'a' * 64}@{'b' * 64}.example>",
        f"<{'a' * 250}@example.org>",
        "<a@" + ".".join(["b" * 60] * 5) + ">",
    ],
)
def test_not_well_formed(text: str) -> None:
    """Anything else is refused; the null path and bare Postmaster only count where allowed."""
    with pytest.raises(BadPath):
        parse_path(text)


@pytest.mark.rfc("5321", "4.1.2", "MUST reject that command with a 501 response")
def test_no_underscore_in_domains() -> None:
    """An underscore is an error of the domain."""
    with pytest.raises(BadPath) as caught:
        parse_path("<a@a_b.example>")
    assert caught.value.domain


@pytest.mark.rfc("5321", "4.1.2", "all quoted forms MUST be treated as equivalent")
@pytest.mark.parametrize("form", ["ab", '"ab"', '"a\\b"', '"\\a\\b"'])
def test_quoted_forms_are_equivalent(form: str) -> None:
    """However it is quoted, it is the same local part."""
    assert parse_path(f"<{form}@example.org>").path.local == "ab"


@pytest.mark.parametrize("name", ["postmaster", "POSTMASTER", "PoStMaStEr", '"postmaster"'])
def test_bare_postmaster(name: str) -> None:
    """<Postmaster> in any case, and no other bare name."""
    parsed = parse_path(f"<{name}> X=1", postmaster=True)
    assert (parsed.path.domain, parsed.rest) == ("", " X=1")
    assert parsed.path.local.lower() == "postmaster"
    with pytest.raises(BadPath):
        parse_path("<abuse>", postmaster=True)


def test_null_path() -> None:
    """<> is the null path, with whatever follows."""
    parsed = parse_path("<> SIZE=1", null=True)
    assert parsed.path.is_null
    assert parsed.rest == " SIZE=1"


LOCAL = st.text(
    st.characters(
        min_codepoint=32, blacklist_categories=["Cs"], blacklist_characters="\x7f"
    ).filter(lambda c: not "\x7f" <= c <= "\x9f"),
    min_size=1,
    max_size=20,
)
DOMAIN = st.sampled_from(
    ["example.org", "[192.0.2.1]", "[ipv6:2001:db8::1]", "xn--bcher-kva.example", "a-b.c"]
)


@given(LOCAL, DOMAIN)
def test_writing_and_reading_are_inverse(local: str, domain: str) -> None:
    """A mailbox written with the least quoting reads back as what it was."""
    parsed = parse_path(f"<{mailbox(local, domain)}>rest")
    assert (parsed.path.local, parsed.path.domain, parsed.rest) == (local, domain, "rest")


@given(st.text(max_size=60))
def test_garbage_is_refused_not_crashed_on(text: str) -> None:
    """Whatever stands there: a path or BadPath."""
    try:
        parsed = parse_path("<" + text, null=True, postmaster=True)
    except BadPath:
        return
    assert ("<" + text).endswith(parsed.rest)


def test_parameters() -> None:
    """Keywords without case, values as they are."""
    assert parse_parameters(" size=10 BODY=8BITMIME SmtpUtf8") == {
        "SIZE": "10",
        "BODY": "8BITMIME",
        "SMTPUTF8": None,
    }
    assert parse_parameters("") == {}
    assert parse_parameters("  \t") == {}


@pytest.mark.parametrize(
    "text", ["SIZE=1", " =1", " SIZE=", " SIZE=1=2", " -A", " A_B=1", " SIZE=1 size=2"]
)
def test_bad_parameters(text: str) -> None:
    """No blank in front, no keyword, no value, a second `=`, a keyword twice."""
    with pytest.raises(BadParameters):
        parse_parameters(text)


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("client.example", "client.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("my_laptop", "my_laptop"),
        ("client.example and a remark", "client.example"),
        ("", None),
        ("<x>", None),
        ("a(b)", None),
        ("x" * 256, None),
    ],
)
def test_client_names(argument: str, name: str | None) -> None:
    """Real clients' names pass, also with a remark behind them; what would break a trace field does not."""
    assert client_name(argument) == name
