"""Passwords: Argon2id (RFC 9106) off the event loop, and a short memory of who just proved one.

A hash costs about 40 ms of one core by design; mail programs log in again and again. So a password that was right is remembered
for some minutes as a keyed digest (key random per process, digest bound to the stored hash: changing the password
forgets it). Plain text is never kept. OpenSSL releases the GIL while it hashes, so a pool of threads is enough.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from postil.accounts.scramkeys import Salt, fresh
from postil.base.clock import Clock
from postil.sasl import precis

# OWASP's smallest recommended setting for Argon2id: 19 MiB, two passes, one lane.
MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1

THREADS = 2  # more would only take memory: 19 MiB each
REMEMBER_SECONDS = 300.0
REMEMBER_ENTRIES = 10_000
MAX_PASSWORD = 1024  # characters; a longer one is an attack on our hashing
MIN_PASSWORD = 8  # NIST SP 800-63B: the least length for a password a person chose


class BadPassword(ValueError):
    """Not a password that can be set; the text says why."""


def check_password(password: str) -> str:
    """A new password as it was given; BadPassword."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadPassword(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    try:
        precis.opaque(password)
    except precis.Unacceptable as error:
        raise BadPassword(f"this cannot be a password: {error}") from error
    return password


def prepared(password: str) -> str:
    """The password as it is hashed, whatever keyboard it was typed on: RFC 8265 §4.2; "" where that allows none."""
    try:
        return precis.opaque(password)
    except precis.Unacceptable:
        return ""


def hash_password(password: str) -> str:
    """The password in PHC string form, with a fresh salt; takes about 40 ms."""
    kdf = Argon2id(
        salt=secrets.token_bytes(16),
        length=32,
        iterations=PASSES,
        lanes=LANES,
        memory_cost=MEMORY_KIB,
    )
    return kdf.derive_phc_encoded(password.encode("utf-8"))


def verify_password(password: str, stored: str) -> bool:
    """Does the password belong to the hash? Takes about 40 ms, right or wrong."""
    try:
        Argon2id.verify_phc_encoded(password.encode("utf-8"), stored)
    except (InvalidKey, UnicodeEncodeError):
        return False
    return True


class Passwords:
    """Verification off the loop, with memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._key = secrets.token_bytes(32)
        self._proved: OrderedDict[bytes, float] = OrderedDict()
        self._nobody = hash_password(secrets.token_hex(16))
        self.hashed = 0

    async def verify(self, password: str, stored: str | None, *, remember: bool = True) -> bool:
        """Right or wrong; `stored=None` (no such account, no password) is wrong and takes as long.

        Without `remember` a right one takes as long the second time: where it logs nobody in, that would tell that it is right.
        """
        password = prepared(password) if len(password) <= MAX_PASSWORD else ""
        if not password:
            stored = None
        digest = self._digest(password, stored or self._nobody)
        now = self._clock.monotonic()
        if remember and stored is not None and self._proved.get(digest, -1.0) > now:
            return True
        self.hashed += 1
        right = await asyncio.get_running_loop().run_in_executor(
            self._pool, verify_password, password, stored or self._nobody
        )
        if not right or stored is None:
            return False
        if not remember:
            return True
        self._proved[digest] = now + REMEMBER_SECONDS
        self._proved.move_to_end(digest)
        while len(self._proved) > REMEMBER_ENTRIES:
            self._proved.popitem(last=False)
        return True

    async def scram_keys(self, password: str) -> Salt:
        """`scramkeys.derive` with a new salt, off the loop; some 80 ms."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, fresh, password)

    def _digest(self, password: str, stored: str) -> bytes:
        text = stored.encode() + b"\0" + password.encode("utf-8")
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
