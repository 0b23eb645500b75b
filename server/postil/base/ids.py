"""Identifiers nobody can guess or collide with."""

from __future__ import annotations

import base64
import os
import secrets

_STOCK = (
    256  # ids asked of the kernel at once: the call costs ten times what the rest of an id does
)
_OBJECT_BYTES = 15  # 120 bits: no collision in this universe, and 24 characters without padding


_stock: list[bytes] = []
os.register_at_fork(after_in_child=_stock.clear)  # parent and child must not give out the same


def _fresh() -> bytes:
    """Random octets nobody else gets; taking from a list is one step, in whatever thread."""
    try:
        return _stock.pop()
    except IndexError:
        octets = secrets.token_bytes(_OBJECT_BYTES * _STOCK)
        some = [octets[at : at + _OBJECT_BYTES] for at in range(0, len(octets), _OBJECT_BYTES)]
        fresh = some.pop()
        _stock.extend(some)
        return fresh


def object_id(prefix: str) -> str:
    """A fresh object id such as `M3fA…`: a letter for the kind, then 24 characters.

    RFC 8474 §7 allows only letters, digits, `_` and `-`, at most 255 octets.
    """
    return prefix + base64.urlsafe_b64encode(_fresh()).decode("ascii")


def connection_id() -> str:
    """A short id that ties the log lines of one connection together."""
    return secrets.token_hex(5)
