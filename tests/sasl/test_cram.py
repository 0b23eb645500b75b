"""CRAM-MD5: the RFC's own exchange, and messages that are none."""

from __future__ import annotations

import contextlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.sasl import cram
from postil.sasl.plain import Malformed

# RFC 2195 §2: the example.
SECRET, TEXT = b"tanstaaftanstaaf", b"<1896.697170952@postoffice.reston.mci.net>"
DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.rfc(
    "2195",
    "2",
    "The latter is computed by applying the keyed MD5 algorithm from [KEYED-MD5] where the key is a shared secret and "
    "the digested text is the timestamp (including angle-brackets).",
)
def test_the_rfcs_exchange() -> None:
    """Octet for octet, from the contexts alone."""
    assert cram.digest(cram.contexts(SECRET), TEXT) == DIGEST
    claim = cram.parse(b"tim " + DIGEST)
    assert (claim.login, claim.digest) == ("tim", DIGEST)
    assert DIGEST.decode() not in repr(claim)


@pytest.mark.rfc(
    "2195",
    "2",
    "If the shared secret is longer than 64 bytes, the MD5 digest of the shared secret is used as a 16 byte input to "
    "the keyed MD5 calculation.",
)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_as_hmac(secret: bytes, text: bytes) -> None:
    """The same as the library's HMAC-MD5, for secrets of every length."""
    expected = hmac.new(secret, text, "md5").hexdigest().encode()
    assert cram.digest(cram.contexts(secret), text) == expected


@pytest.mark.rfc(
    "2195",
    "2",
    "The data encoded in the first ready response contains an presumptively arbitrary string of random digits, a "
    "timestamp, and the fully-qualified primary host name of the server.",
)
@pytest.mark.rfc(
    "2195",
    "2",
    "The syntax of the unencoded form must correspond to that of an RFC 822 'msg-id'",
)
def test_the_challenge() -> None:
    """A message identifier that holds all three."""
    text = cram.challenge(1896, 697170952.9, "postoffice.reston.mci.net")
    assert text == TEXT
    assert re.fullmatch(rb"<\d+\.\d+@[a-z.]+>", text)


@pytest.mark.rfc(
    "2195",
    "2",
    "The `digest' parameter itself is a 16-octet value which is sent in hexadecimal format, using lower-case ASCII "
    "characters.",
)
@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"tim",
        b" " + DIGEST,
        b"tim " + DIGEST.upper(),
        b"tim " + DIGEST[:-1],
        b"tim " + DIGEST + b"0",
        b"tim  ",
        b"\xff " + DIGEST,
        b"x" * 2000 + b" " + DIGEST,
    ],
)
def test_malformed(message: bytes) -> None:
    """Nothing is guessed."""
    with pytest.raises(Malformed):
        cram.parse(message)


@given(st.text(min_size=1, max_size=100))
def test_names_with_spaces(name: str) -> None:
    """The digest is what stands behind the last one."""
    try:
        octets = name.encode()
    except UnicodeEncodeError:
        return
    assert cram.parse(octets + b" " + DIGEST).login == name


@given(st.binary(max_size=200))
def test_any_octets(message: bytes) -> None:
    """An answer or Malformed, never something else."""
    with contextlib.suppress(Malformed):
        cram.parse(message)
