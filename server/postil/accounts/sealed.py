"""Secrets that must be read again, encrypted with a key of the server: AES-256-GCM, and bound to what they are for.

A password can be kept as a hash; the key of TOTP and the contexts of CRAM-MD5 cannot, since the server computes with them. The key lies in the
same database. So this protects what is shown or copied of single tables and rows, and keeps one account's secret from being put in
another's place. It does not protect from somebody who has the whole file: nothing could that lets a server start by itself.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE: Final = 12  # octets, random: a key seals a few thousand secrets, and 2^32 would be too many


class Unsealable(Exception):
    """It was sealed with another key, for something else, or was changed."""


def seal(key: bytes, purpose: str, text: bytes) -> bytes:
    """Encrypt; `key` has 32 octets, `purpose` says what and whose it is."""
    nonce = secrets.token_bytes(NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text, purpose.encode())


def unseal(key: bytes, purpose: str, sealed: bytes) -> bytes:
    """What was sealed; Unsealable."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], purpose.encode())
    except (InvalidTag, ValueError):
        raise Unsealable(f"the secret kept as {purpose} cannot be read") from None
