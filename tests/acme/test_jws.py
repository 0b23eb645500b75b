"""Signatures as the standards' own examples have them, and as anybody else verifies them."""

from __future__ import annotations

import contextlib
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from tests.support.fakeca import FakeCa

from postil.acme import keys
from postil.acme.jws import BadBase64, b64url, jwk, sign, thumbprint, unb64url


def number(text: str) -> int:
    return int.from_bytes(unb64url(text), "big")


@given(st.binary(max_size=100))
def test_base64url(octets: bytes) -> None:
    """Any octets there and back, in letters that need no escaping."""
    text = b64url(octets)
    assert unb64url(text) == octets and "=" not in text and "+" not in text and "/" not in text


@pytest.mark.rfc(
    "8555",
    "6.1",
    "Encoded values that include trailing '=' characters MUST be rejected as improperly encoded.",
)
@pytest.mark.parametrize("text", ["YQ==", "YQ=", "Y", "YR", "a+b/", "a b", "é", "YQ\n"])
def test_not_base64url(text: str) -> None:
    """Padding, other letters, and a second spelling of the same octets are refused."""
    with pytest.raises(BadBase64):
        unb64url(text)


@given(st.text(max_size=20))
def test_base64url_never_fails_otherwise(text: str) -> None:
    """Any text is octets or BadBase64."""
    with contextlib.suppress(BadBase64):
        assert b64url(unb64url(text)) == text


def test_the_standards_example() -> None:
    """RFC 7515's own octets."""
    header = b'{"typ":"JWT",\r\n "alg":"HS256"}'
    assert b64url(header) == "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"


def test_the_standards_key() -> None:
    """The key of RFC 7515's appendix A.3 comes out as it is printed there."""
    x, y = (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    )
    d = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    made = ec.derive_private_key(number(d), ec.SECP256R1())
    assert jwk(made) == {"crv": "P-256", "kty": "EC", "x": x, "y": y}


@pytest.mark.rfc(
    "8555",
    "8.1",
    "any prepended zero octets in the fields of a JWK object MUST be stripped before doing the computation.",
)
def test_zeros() -> None:
    """A coordinate keeps its leading zeros, since it is octets of a fixed length; a number has none to keep."""
    for secret in range(1, 2000):
        key = ec.derive_private_key(secret, ec.SECP256R1())
        if key.public_key().public_numbers().x < 1 << 248:
            break
    assert len(unb64url(jwk(key)["x"])) == 32 and unb64url(jwk(key)["x"])[0] == 0
    numbers = jwk(rsa.generate_private_key(65537, 2048))
    assert numbers["e"] == "AQAB" and unb64url(numbers["n"])[0] != 0


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_thumbprint(kind: str) -> None:
    """SHA-256 over the members that make the key, in the order of their names, without spaces."""
    key = keys.make(kind)
    text = json.dumps(jwk(key), sort_keys=True, separators=(",", ":"))
    assert thumbprint(key) == b64url(hashlib.sha256(text.encode()).digest())


@pytest.mark.rfc(
    "8555",
    "6.2",
    'This field MUST NOT contain "none" or a Message Authentication Code (MAC) algorithm',
)
@pytest.mark.rfc("8555", "6.2", 'The "jwk" and "kid" fields are mutually exclusive.')
@pytest.mark.rfc(
    "8555",
    "6.4.1",
    'The "url" header parameter MUST be carried in the protected header of the JWS.',
)
@pytest.mark.rfc(
    "8555",
    "6.5.2",
    'The "nonce" header parameter MUST be carried in the protected header of the JWS.',
)
@pytest.mark.rfc(
    "7515", "7.2.2", 'The "signatures" member MUST NOT be present when using this syntax.'
)
@pytest.mark.parametrize(("kind", "alg"), [("ecdsa", "ES256"), ("rsa", "RS256")])
@pytest.mark.parametrize("kid", [None, "https://ca/account/1"])
def test_sign(kind: str, alg: str, kid: str | None) -> None:
    """What is signed verifies with the public half by code that is not ours; the header holds what it must and no more."""
    key = keys.make(kind)
    made = sign(key, {"a": "ü"}, url="https://ca/x", nonce="n-1", kid=kid)
    assert set(made) == {"protected", "payload", "signature"}
    header = json.loads(unb64url(made["protected"]))
    who = {"kid": kid} if kid else {"jwk": jwk(key)}
    assert header == {"alg": alg, "nonce": "n-1", "url": "https://ca/x", **who}
    assert json.loads(unb64url(made["payload"])) == {"a": "ü"}
    FakeCa._check(
        jwk(key), alg, f"{made['protected']}.{made['payload']}".encode(), made["signature"]
    )
    with pytest.raises(AssertionError):
        FakeCa._check(jwk(key), alg, f"{made['protected']}.x".encode(), made["signature"])
