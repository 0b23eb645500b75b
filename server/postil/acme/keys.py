"""Private keys: made, read, written, and their digests for DANE."""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from postil.acme.jws import PrivateKey

RSA_BITS: Final = 2048  # authorities take 2048 to 4096; more costs every handshake


class BadKey(ValueError):
    """The octets are no private key that we can use."""


def make(key_type: str) -> PrivateKey:
    """A new key, "ecdsa" or "rsa"; RSA takes some 100 ms of a processor."""
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def dump(key: PrivateKey) -> bytes:
    """PEM, PKCS #8, not encrypted: the file's mode protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load(pem: bytes) -> PrivateKey:
    """The key in the PEM; BadKey for anything but RSA and P-256."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey("no private key in PEM without a password") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise BadKey("neither an RSA nor a P-256 key")


def key_type(key: PrivateKey) -> str:
    """ "ecdsa" or "rsa"."""
    return "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa"


def spki(key: PrivateKey) -> bytes:
    """The public half as certificates hold it, DER."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def digest(key: PrivateKey) -> str:
    """SHA-256 of the public half, hexadecimal: the data of a TLSA record "3 1 1"."""
    return hashlib.sha256(spki(key)).hexdigest()
