"""Identifiers nobody can guess or collide with."""

from __future__ import annotations

import base64
import secrets

_OBJECT_BYTES = 15  # 120 bits: no collision in this universe, and 24 characters without padding


def object_id(prefix: str) -> str:
    """A fresh object id such as `M3fA…`: a letter for the kind, then 24 characters.

    RFC 8474 §7 allows only letters, digits, `_` and `-`, at most 255 octets.
    """
    return prefix + base64.urlsafe_b64encode(secrets.token_bytes(_OBJECT_BYTES)).decode("ascii")


def connection_id() -> str:
    """A short id that ties the log lines of one connection together."""
    return secrets.token_hex(5)
