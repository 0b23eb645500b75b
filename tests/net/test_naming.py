"""By name: which certificate, which alert."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.net.hello import ODD, Hello
from postil.net.naming import Alert, Asked, Decision, Rule, decide, is_address, spelled

NAMES = {"mail.example.org", "localhost", "*.wild.example"}


def asked(name: bytes | None, rule: Rule = Rule.NAMED, *protocols: bytes) -> Decision:
    return decide(
        Hello(name, protocols), NAMES, {"mail.example.org", "1.2.0.192.in-addr.arpa"}, rule
    )


@pytest.mark.rfc("6066", "3", "DNS hostnames are case-insensitive.")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"mail.example.org", "mail.example.org"),
        (b"MAIL.Example.ORG", "mail.example.org"),
        (b"mail.example.org.", "mail.example.org"),
        (b"localhost", "localhost"),  # no dot, and configured
        (b"a.wild.example", "*.wild.example"),
    ],
)
@pytest.mark.parametrize("rule", Rule)
def test_known(name: bytes, shown: str, rule: Rule) -> None:
    """A name we have gets its certificate under every rule."""
    assert asked(name, rule) == Decision(Asked.KNOWN, shown)


@pytest.mark.parametrize(
    "name",
    [
        b"example.org",
        b"wild.example",
        b"a.b.wild.example",
        b"",
        b".",
        b"\xff.example",
        b"x" * 255,
    ],
)
def test_unknown(name: bytes) -> None:
    """A wildcard stands for one label; any other name is refused, or gets the fallback on port 25."""
    assert asked(name) == Decision(Asked.UNKNOWN, alert=Alert.UNRECOGNIZED_NAME)
    assert asked(name, Rule.FALLBACK) == Decision(Asked.UNKNOWN)


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("name", [b"\0", b"a\0.wild.example", b"mail.example.org\0", b"x" * 256, b"x" * 70_000])  # fmt: skip
def test_no_name_at_all(name: bytes, rule: Rule) -> None:
    """What OpenSSL refuses to hear as a name we refuse before, on port 25 too."""
    assert asked(name, rule) == Decision(Asked.ODD, alert=Alert.UNRECOGNIZED_NAME)


@pytest.mark.rfc("6066", "3", 'Literal IPv4 and IPv6 addresses are not permitted in "HostName".')
@pytest.mark.parametrize(
    "name",
    [b"192.0.2.1", b"2001:db8::1", b"::", b"[2001:db8::1]", b"12345", b"1.2.3", b"1:2", b"127.1"],
)
def test_addresses(name: bytes) -> None:
    """An address, or what only looks like one, is told apart from an unknown name."""
    assert asked(name) == Decision(Asked.ADDRESS, alert=Alert.UNRECOGNIZED_NAME)
    assert asked(name, Rule.FALLBACK) == Decision(Asked.ADDRESS)


@pytest.mark.rfc("7672", "8.1", "Servers MUST NOT enforce the use of SNI by clients")
def test_missing() -> None:
    """No name is fine, unless the listener is told to be strict."""
    assert asked(None) == asked(None, Rule.FALLBACK) == Decision(Asked.MISSING)
    assert asked(None, Rule.STRICT) == Decision(Asked.MISSING, alert=Alert.MISSING_EXTENSION)


@pytest.mark.rfc(
    "8737",
    "3",
    'The ACME server MUST provide an ALPN extension with the single protocol name "acme-tls/1"',
)
def test_a_pending_order() -> None:
    """The proof is for who offers acme-tls/1 and nothing else, under any rule; users of the name do not see it."""
    for rule in Rule:
        assert asked(b"mail.example.org", rule, b"acme-tls/1").asked is Asked.ORDER
        assert asked(b"1.2.0.192.in-addr.arpa", rule, b"acme-tls/1").asked is Asked.ORDER
    assert asked(b"mail.example.org", Rule.NAMED, b"acme-tls/1", b"imap").asked is Asked.KNOWN
    assert asked(b"mail.example.org").asked is Asked.KNOWN
    assert asked(b"1.2.0.192.in-addr.arpa").alert is Alert.UNRECOGNIZED_NAME
    assert asked(b"localhost", Rule.NAMED, b"acme-tls/1").asked is Asked.KNOWN


@given(st.binary(max_size=300), st.sampled_from(Rule))
def test_any_octets(name: bytes, rule: Rule) -> None:
    """Whatever a client sends gets an answer, and can be logged on one line of bounded length."""
    decision = asked(name, rule)
    if rule is Rule.FALLBACK:
        assert (decision.alert is not None) == (len(name) > 255 or b"\0" in name)
    assert spelled(name).isascii() and len(spelled(name)) <= 4 * 255
    is_address(spelled(name))


@pytest.mark.parametrize(
    "name",
    [b"\xff.wild.example", b"\xc3\xa9.wild.example", b"\x01.wild.example", b".wild.example"],
)
def test_a_wildcard_stands_for_a_label(name: bytes) -> None:
    """What no host is called is unknown: OpenSSL would break off over its octets, also on port 25."""
    assert asked(name) == Decision(Asked.UNKNOWN, alert=Alert.UNRECOGNIZED_NAME)
    assert asked(name, Rule.FALLBACK) == Decision(Asked.UNKNOWN)


@pytest.mark.parametrize("rule", Rule)
def test_what_cannot_be_read_is_not_missing(rule: Rule) -> None:
    """Metrics tell a scanner's plaintext from a client that names nobody."""
    assert decide(ODD, NAMES, (), rule) == Decision(Asked.ODD)
