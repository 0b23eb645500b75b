"""Passwords for single programs: made by us, good for some protocols only, and revoked one by one.

They hold 100 bits, so that a keyed digest is enough to find one, and a slow hash would protect nothing. They are written in groups of
letters and digits that nobody mistakes for each other; blanks, hyphens and capitals do not matter when one is typed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without i, l, o, 0, 1
LETTERS: Final = 20  # just under 5 bits each
GROUP: Final = 5
PROTOCOLS: Final = ("imap", "submission")


def generate() -> str:
    """A new one, as it is shown: four groups of five."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    return "-".join(letters[at : at + GROUP] for at in range(0, LETTERS, GROUP))


def normal(password: str) -> str | None:
    """The form in which one is compared; None for what cannot be one."""
    bare = password.replace("-", "").replace(" ", "").lower()
    if len(bare) != LETTERS or not set(bare) <= set(ALPHABET):
        return None
    return "-".join(bare[at : at + GROUP] for at in range(0, LETTERS, GROUP))


def digest(secret: bytes, password: str) -> bytes:
    """What is stored of one, given its normal form."""
    return hmac.digest(secret, b"app password\0" + password.encode("ascii"), hashlib.sha256)
