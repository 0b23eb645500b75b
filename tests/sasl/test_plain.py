"""PLAIN: what is a message, and that a password is never shown."""

from __future__ import annotations

import pytest

from postil.sasl import plain


def test_three_fields() -> None:
    """Authorization identity, login name and password stand between two NULs."""
    claim = plain.parse("Ursel\0Kurt\0xipj3plmq ü".encode())
    assert (claim.authorize, claim.login, claim.password) == ("Ursel", "Kurt", "xipj3plmq ü")


def test_no_authorization_identity() -> None:
    """An empty first field means: act as who I am."""
    assert plain.parse(b"\0tim\0tanstaaftanstaaf").authorize == ""


@pytest.mark.rfc(
    "4616",
    "2",
    "Servers MUST be capable of accepting authzid, authcid, and passwd productions up to and including 255 octets.",
)
def test_long_fields() -> None:
    """Fields of 255 octets are taken whole."""
    claim = plain.parse(b"a" * 255 + b"\0" + b"b" * 255 + b"\0" + b"c" * 255)
    assert (len(claim.authorize), len(claim.login), len(claim.password)) == (255, 255, 255)


@pytest.mark.rfc(
    "4616",
    "2",
    "the NUL (U+0000) character MUST NOT appear in authzid, authcid, or passwd productions.",
)
def test_no_third_nul() -> None:
    """A NUL inside a field makes the message malformed."""
    with pytest.raises(plain.Malformed):
        plain.parse(b"\0user\0pass\0word")


@pytest.mark.rfc(
    "4616",
    "2",
    "if preparation fails or results in an empty string, verification SHALL fail.",
)
@pytest.mark.parametrize("message", [b"\0\0secret", b"\0user\0"])
def test_empty_fields(message: bytes) -> None:
    """An empty name or password never reaches the directory."""
    with pytest.raises(plain.Malformed):
        plain.parse(message)


@pytest.mark.rfc(
    "4616",
    "2",
    "The authorization identity (authzid), authentication identity (authcid), password (passwd), and NUL character deliminators SHALL be transferred as [UTF-8] encoded strings of [Unicode] characters.",
)
@pytest.mark.parametrize(
    "message", [b"", b"\0", b"user\0secret", b"\0us\xffer\0secret", b"\0u\0" + b"p" * 2000]
)
def test_malformed(message: bytes) -> None:
    """Anything else is refused, and the refusal does not quote it."""
    with pytest.raises(plain.Malformed) as caught:
        plain.parse(message)
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


def test_password_is_not_in_repr() -> None:
    """A claim in a log line or traceback does not show the password."""
    assert "hunter2" not in repr(plain.parse(b"\0user\0hunter2"))
