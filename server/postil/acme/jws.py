"""JSON Web Signatures as ACME uses them: flattened JSON, ES256 or RS256, and HS256 for an external account.

RFC 8555 §6.2 on top of RFC 7515 §3.2, §5.1, §7.2.2; keys as JWK, RFC 7517 §4. Only signing: an authority signs nothing for us.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Json = dict[str, Any]

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_P256: Final = 32  # octets of a coordinate and of each half of a signature


class BadBase64(ValueError):
    """The text is not base64url without padding."""


def b64url(octets: bytes) -> str:
    """RFC 7515 §2: "Base64 encoding using the URL- and filename-safe character set" without trailing "="."""
    # RFC 8555 §6.1: "Trailing '=' characters MUST be stripped."
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """The octets; BadBase64 when the text is anything else than their one spelling."""
    # RFC 8555 §6.1: "Encoded values that include trailing '=' characters MUST be rejected as improperly encoded."
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise BadBase64(f"{text[:60]!r} is not base64url")
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(octets) != text:
        raise BadBase64(f"{text[:60]!r} has bits behind its last octet")
    return octets


def _number(value: int) -> str:
    # RFC 8555 §8.1: "any prepended zero octets in the fields of a JWK object MUST be stripped before doing the computation."
    return b64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: PrivateKey) -> dict[str, str]:
    """The public half as a JSON Web Key, names in the order that a thumbprint needs."""
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    point = key.public_key().public_numbers()
    # The coordinates are octet strings of a fixed length, not numbers: their zeros stay.
    x, y = (b64url(one.to_bytes(_P256, "big")) for one in (point.x, point.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def thumbprint(key: PrivateKey) -> str:
    """What identifies a key in key authorizations (RFC 8555 §8.1): SHA-256 over its JWK without spaces, names in order."""
    canonical = json.dumps(jwk(key), separators=(",", ":"), sort_keys=True)
    return b64url(hashlib.sha256(canonical.encode("ascii")).digest())


def algorithm(key: PrivateKey) -> str:
    """The "alg" that the key signs with."""
    # RFC 8555 §6.2: "This field MUST NOT contain "none" or a Message Authentication Code (MAC) algorithm"
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"


def _signature(key: PrivateKey, octets: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_P256, "big") + s.to_bytes(_P256, "big")


def _encoded(value: Mapping[str, Any]) -> str:
    return b64url(json.dumps(value, separators=(",", ":")).encode("utf-8"))


def sign(
    key: PrivateKey,
    payload: Mapping[str, Any] | None,
    *,
    url: str,
    nonce: str | None,
    kid: str | None = None,
) -> Json:
    """A request body; `payload` None is the empty one of POST-as-GET, `kid` None puts the public key in instead."""
    # RFC 8555 §6.2: "The JWS Protected Header MUST include the following fields:"
    header: Json = {"alg": algorithm(key)}
    # RFC 8555 §6.2: "The "jwk" and "kid" fields are mutually exclusive."
    header |= {"jwk": jwk(key)} if kid is None else {"kid": kid}
    if nonce is not None:
        # RFC 8555 §6.5.2: "The "nonce" header parameter MUST be carried in the protected header of the JWS."
        header["nonce"] = nonce
    # RFC 8555 §6.4.1: "The "url" header parameter MUST be carried in the protected header of the JWS."
    header["url"] = url
    protected = _encoded(header)
    # RFC 8555 §6.3: "the "payload" field of the JWS object MUST be present and set to the empty string ("")"
    body = "" if payload is None else _encoded(payload)
    # RFC 7515 §5.1: "Compute the JWS Signature in the manner defined for the particular algorithm being used over the JWS
    # Signing Input ASCII(BASE64URL(UTF8(JWS Protected Header)) || '.' || BASE64URL(JWS Payload))."
    signature = _signature(key, f"{protected}.{body}".encode("ascii"))
    # RFC 8555 §6.2: "The JWS MUST be in the Flattened JSON Serialization [RFC7515]"
    return {"protected": protected, "payload": body, "signature": b64url(signature)}


def bind(kid: str, mac_key: bytes, account: PrivateKey, url: str) -> Json:
    """The "externalAccountBinding": the account's key, signed with the key that the authority gave us (RFC 8555 §7.3.4)."""
    # RFC 8555 §7.3.4: "The "alg" field MUST indicate a MAC-based algorithm", "The "kid" field MUST contain the key identifier
    # provided by the CA", "The "url" field MUST be set to the same value as the outer JWS"
    protected = _encoded({"alg": "HS256", "kid": kid, "url": url})
    payload = _encoded(jwk(account))
    mac = hmac.digest(mac_key, f"{protected}.{payload}".encode("ascii"), "sha256")
    return {"protected": protected, "payload": payload, "signature": b64url(mac)}
