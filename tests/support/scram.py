"""Logins by SCRAM against the directories of tests: one password for all, keys with the fewest iterations."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from postil.ports.accounts import Account, Proved
from postil.sasl import scram
from postil.sasl.scram import Hash, Keys

SALT = b"salt of the tests"
ITERATIONS = 4096


@functools.cache
def keys(password: str, hash_: Hash) -> Keys:
    return scram.keys(password, SALT, ITERATIONS, hash_)


@dataclass(frozen=True)
class Challenge:
    """`ports.accounts.Salted` for an account, or for nobody."""

    account: Account | None
    keys: Keys
    hash: Hash
    salt: bytes = SALT
    iterations: int = ITERATIONS

    async def prove(self, auth_message: bytes, proof: bytes) -> Proved | None:
        right = scram.proves(self.keys.stored, auth_message, proof, self.hash)
        if not right or self.account is None:
            return None
        return Proved(self.account, scram.mac(self.keys.server, auth_message, self.hash))


def challenge(
    find: Callable[[str], Account | None], login: str, hash_name: str, password: str
) -> Challenge:
    """The challenge for a login name."""
    hash_ = Hash(hash_name)
    return Challenge(find(login), keys(password, hash_), hash_)
