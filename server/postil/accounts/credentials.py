"""What a login can rest on, as the control database keeps it: which of an account's passwords and keys it was.

Each question takes the row of the account the login name led to, or None for a name nobody has, and costs the same for both.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from postil.accounts import apppasswords
from postil.accounts.sealed import Unsealable, unseal
from postil.ports.accounts import Credential, Means
from postil.ports.ids import AccountId
from postil.sasl import cram
from postil.sasl.scram import Hash, proves

# What `Login` is read from, behind the columns of the account.
WANTED: Final = (
    "password, salt, iterations, epoch, password_epoch,"
    " EXISTS (SELECT 1 FROM totp WHERE totp.account = account.id AND confirmed IS NOT NULL)"
)
Rows = Callable[[str, Sequence[object]], Awaitable[list[tuple[object, ...]]]]


@dataclass(frozen=True, slots=True)
class Login:
    """What is kept of an account for logging in."""

    account: tuple[object, ...]  # the columns a `ports.accounts.Account` is made of
    number: AccountId
    password: str | None = field(repr=False)
    salt: bytes | None
    iterations: int
    epoch: int
    password_epoch: int
    second_factor: bool  # its own password alone is not enough

    def rests_on(self, means: Means, number: int) -> Credential:
        """The credential that was right."""
        return Credential(means, number, self.epoch)

    @property
    def own_password(self) -> Credential:
        """The account's own password."""
        return self.rests_on(Means.PASSWORD, self.password_epoch)


def login(row: tuple[object, ...], columns: int) -> Login:
    """From a row: `columns` of the account, then `WANTED`."""
    password, salt, iterations, epoch, password_epoch, second_factor = row[columns:]
    return Login(
        account=row[:columns],
        number=AccountId(int(str(row[0]))),
        password=password if isinstance(password, str) else None,
        salt=salt if isinstance(salt, bytes) else None,
        iterations=iterations if isinstance(iterations, int) else 0,
        epoch=int(str(epoch)),
        password_epoch=int(str(password_epoch)),
        second_factor=bool(second_factor),
    )


def _may(protocols: object, protocol: str) -> bool:
    return protocol in str(protocols).split()


async def app_password(
    rows: Rows, secret: bytes, found: Login | None, password: str, protocol: str
) -> int | None:
    """Which password for a program it is; its digest is keyed, so time tells nothing of others."""
    word = apppasswords.normal(password)
    if word is None:
        return None
    # RFC 2195 §4: "a server that implements both a cleartext password command and this authentication type should not allow
    # both methods of access for a given user." What was made for CRAM-MD5 is good for nothing else
    kept = await rows(
        "SELECT id, protocols FROM app_password WHERE digest = ? AND account = ?"
        " AND id NOT IN (SELECT app_password FROM cram_key)",
        (apppasswords.digest(secret, word), found.number if found is not None else -1),
    )
    return int(str(kept[0][0])) if kept and _may(kept[0][1], protocol) else None


async def scram_key(
    rows: Rows,
    found: Login | None,
    hash_: Hash,
    auth_message: bytes,
    proof: bytes,
    protocol: str,
) -> tuple[bytes, Credential] | None:
    """The server's key that belongs to the proof, and whose it is."""
    kept = await rows(
        "SELECT stored, server, app_password.id, protocols FROM scram_key"
        " LEFT JOIN app_password ON app_password.id = scram_key.app_password"
        " WHERE scram_key.account = ? AND hash = ?",
        (found.number if found is not None else -1, hash_.value),
    )
    nobody = secrets.token_bytes(hash_.size)
    right: tuple[bytes, Credential] | None = None
    for stored, server, number, protocols in kept or [(nobody, nobody, None, "")]:
        assert isinstance(stored, bytes) and isinstance(server, bytes)
        # Every key is tried: which of them it was, and whether it was one, costs the same.
        if proves(stored, auth_message, proof, hash_) and found is not None:
            if number is None:
                right = server, found.own_password
            elif _may(protocols, protocol):
                right = server, found.rests_on(Means.APP_PASSWORD, int(str(number)))
    return right


async def cram_key(
    rows: Rows, key: bytes, found: Login | None, challenge: bytes, digest: bytes, protocol: str
) -> int | None:
    """Which password made for CRAM-MD5 answers the challenge so."""
    kept = await rows(
        "SELECT app_password.id, protocols, contexts FROM cram_key"
        " JOIN app_password ON app_password.id = cram_key.app_password WHERE account = ?",
        (found.number if found is not None else -1,),
    )
    right: int | None = None
    for number, protocols, sealed in kept or [(-1, "", None)]:
        contexts = secrets.token_bytes(cram.CONTEXTS)
        if isinstance(sealed, bytes):
            try:
                contexts = unseal(key, f"cram {number}", sealed)
            except Unsealable:
                continue  # put there by somebody who is not us: it logs nobody in
        same = secrets.compare_digest(cram.digest(contexts, challenge), digest)
        if same and _may(protocols, protocol):
            right = int(str(number))
    return right
