"""The keys for SCRAM that stand beside a password: made when it is set, since only then it is there in the clear.

RFC 5802 §3, §9. One salt and one count for all passwords of an account, because the client names an account and not a password: a
proof is tried with the keys of each.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

import aiosqlite

from postil.sasl import scram
from postil.sasl.scram import Hash, Keys


@dataclass(frozen=True, slots=True)
class Salt:
    """Salt and count of an account, and the keys of one password with them."""

    salt: bytes
    iterations: int
    keys: dict[Hash, Keys] = field(repr=False)


def derive(password: str, salt: bytes, iterations: int) -> Salt:
    """The keys of a password; some 80 ms, without the interpreter's lock."""
    return Salt(
        salt, iterations, {hash_: scram.keys(password, salt, iterations, hash_) for hash_ in Hash}
    )


def fresh(password: str) -> Salt:
    """The keys of a password, with a new salt and today's count."""
    # RFC 5802 §9: "For this reason, it is important to use randomly generated salt values."
    return derive(password, secrets.token_bytes(scram.SALT_OCTETS), scram.ITERATIONS)


def invented(secret: bytes, name: str) -> bytes:
    """The salt of a name nobody has: the same each time, so that it looks like one that somebody has."""
    return hmac.digest(secret, name.encode("utf-8", "surrogatepass"), hashlib.sha256)[
        : scram.SALT_OCTETS
    ]


async def store(
    connection: aiosqlite.Connection, account: int, made: Salt, app_password: int | None = None
) -> None:
    """Put the keys of one password in the place of those it had; within the caller's transaction."""
    await connection.execute(
        "DELETE FROM scram_key WHERE account = ? AND app_password IS ?", (account, app_password)
    )
    await connection.executemany(
        "INSERT INTO scram_key (account, app_password, hash, stored, server) VALUES (?, ?, ?, ?, ?)",
        [
            (account, app_password, hash_.value, keys.stored, keys.server)
            for hash_, keys in made.keys.items()
        ],
    )
