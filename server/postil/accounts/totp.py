"""Codes of six digits that change every half minute: TOTP, as authenticator apps make them. Pure: key and time in, codes out.

RFC 6238 §4, §5.2, §6; RFC 4226 (HOTP) is the building block: §5.3 (truncation).

What it does not do: keep keys and count attempts; `secondfactor` does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

STEP: Final = 30  # seconds; RFC 6238 §5.2: "We RECOMMEND a default time-step size of 30 seconds."
DIGITS: Final = 6
# Steps that a clock may be ahead or behind. RFC 6238 §5.2: "We RECOMMEND that at most one time step is allowed as the network delay."
WINDOW: Final = 1
# RFC 6238 §5.1: "Keys SHOULD be of the length of the HMAC output to facilitate interoperability." Of SHA-1's, which is the one hash that every
# app knows: several ignore what a key says about others
KEY_OCTETS: Final = 20


def new_key() -> bytes:
    """A fresh key."""
    # RFC 6238 §5.1: "keys SHOULD be chosen at random or using a cryptographically strong pseudorandom generator properly seeded with a
    # random value."
    return secrets.token_bytes(KEY_OCTETS)


def hotp(
    key: bytes, counter: int, digits: int = DIGITS, hash_: Callable[..., Any] = hashlib.sha1
) -> str:
    """The code for a counter (RFC 4226 §5.3)."""
    # RFC 6238 §4.2: "The implementation of this algorithm MUST support a time value T larger than a 32-bit integer when it is beyond the
    # year 2038." It has 64 bits
    mac = hmac.new(key, struct.pack(">Q", counter), hash_).digest()
    at = mac[-1] & 0x0F
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step(now: float) -> int:
    """The time step of a moment, seconds since the epoch."""
    # RFC 6238 §4.2: "T = (Current Unix time - T0) / X, where the default floor function is used in the computation."
    return int(now // STEP)


def matching(key: bytes, code: str, now: float, last: int) -> int | None:
    """The step that the code belongs to, if that is near enough and later than `last`; None for a wrong code.

    Each step is tried, whatever the others said.
    """
    found: int | None = None
    for candidate in range(step(now) - WINDOW, step(now) + WINDOW + 1):
        right = candidate >= 0 and hmac.compare_digest(
            hotp(key, candidate).encode(), code.encode("utf-8", "replace")
        )
        # RFC 6238 §5.2: "The verifier MUST NOT accept the second attempt of the OTP after the successful validation has been issued for
        # the first OTP, which ensures one-time only use of an OTP."
        if right and candidate > last:
            found = candidate
    return found


def normal(code: str) -> str:
    """A code as it is compared: people type blanks between the groups that apps show."""
    return "".join(code.split())


def uri(key: bytes, issuer: str, account: str) -> str:
    """What the QR code for an app holds; no RFC, but all read it."""
    label = quote(f"{issuer}:{account}", safe="@:")
    secret = base64.b32encode(key).decode("ascii").rstrip("=")
    facts = {
        "secret": secret,
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP,
    }
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"
