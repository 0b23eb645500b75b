"""Passkeys of accounts, as data: what a WebAuthn login will need to find and check one. No login takes them yet, and nothing announces them.

The words are those of W3C Web Authentication Level 2 (§4, §6.1.1): a credential ID of up to 1,023 octets, a public key as COSE_Key, a count
of signatures, transports. Neither is parsed here; the library that will check signatures does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from postil.accounts.admin import Administration
from postil.accounts.changes import AccountError
from postil.accounts.labels import checked_label
from postil.accounts.rows import thing

LONGEST_ID: Final = 1023  # octets of a credential ID
LONGEST_KEY: Final = 4096  # octets of a COSE_Key; an RSA key of 4,096 bits has some 530
MOST: Final = 50  # passkeys of one account
TRANSPORTS: Final = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "internal"})


@dataclass(frozen=True, slots=True)
class Passkey:
    """One credential."""

    label: str
    credential: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    created: int  # seconds since the epoch
    last_used: int | None


async def add(
    database: Administration,
    name: str,
    label: str,
    credential: bytes,
    public_key: bytes,
    *,
    sign_count: int = 0,
    transports: Sequence[str] = (),
) -> Passkey:
    """A credential that a ceremony of registration has proved; AccountError."""
    label = checked_label(label)
    if not 1 <= len(credential) <= LONGEST_ID:
        raise AccountError(f"a credential ID has 1 to {LONGEST_ID} octets")
    if not 1 <= len(public_key) <= LONGEST_KEY:
        raise AccountError(f"a public key has 1 to {LONGEST_KEY} octets")
    if not 0 <= sign_count < 2**32:
        raise AccountError("a count of signatures has 32 bits")
    # §4: a transport that is not known is left out, as relying parties are told to.
    words = " ".join(sorted(TRANSPORTS & set(transports)))
    async with database.changes.change() as change:
        row = await database.show(name)
        if len(await every(database, name)) >= MOST:
            raise AccountError(f"{row.name} has {MOST} passkeys already: remove one first")
        await database.changes.insert(
            "INSERT INTO passkey (account, label, credential, public_key, sign_count, transports, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row.id, label, credential, public_key, sign_count, words, int(database.clock.now())),
            f"{row.name} has a passkey called {label} already, or this credential is registered",
        )
        await change.wrote("account.passkey.add", thing(row), None, {"passkey": label})
    return next(one for one in await every(database, name) if one.credential == credential)


async def every(database: Administration, name: str) -> Sequence[Passkey]:
    """The account's passkeys by label."""
    row = await database.show(name)
    return [found for _, found in await _rows(database, "account = ? ORDER BY label", row.id)]


async def find(database: Administration, credential: bytes) -> tuple[str, Passkey] | None:
    """Whose passkey it is, by the name of the account; None for an unknown one and a closed account."""
    found = await _rows(database, "credential = ? AND disabled IS NULL", credential)
    return found[0] if found else None


async def used(database: Administration, credential: bytes, sign_count: int) -> bool:
    """Its signature was right: write down when, and its count. False, and nothing is written, where the count says that there are two of it.

    §6.1.1: a count that is not greater than the last one is a sign of a cloned authenticator; one that counts nothing says 0 each time.
    """
    cursor = await database.connection.execute(
        "UPDATE passkey SET sign_count = ?, last_used = ?"
        " WHERE credential = ? AND (sign_count < ? OR (sign_count = 0 AND ? = 0))",
        (sign_count, int(database.clock.now()), credential, sign_count, sign_count),
    )
    return cursor.rowcount > 0


async def remove(database: Administration, name: str, label: str) -> bool:
    """It is good for nothing any more; False where there was none of that label."""
    async with database.changes.change() as change:
        row = await database.show(name)
        cursor = await database.connection.execute(
            "DELETE FROM passkey WHERE account = ? AND label = ?", (row.id, label)
        )
        if cursor.rowcount:
            await change.wrote("account.passkey.remove", thing(row), {"passkey": label}, None)
    return cursor.rowcount > 0


async def _rows(database: Administration, where: str, value: object) -> list[tuple[str, Passkey]]:
    rows = await database.connection.execute_fetchall(
        "SELECT name, label, credential, public_key, sign_count, transports, passkey.created, last_used"
        f" FROM passkey JOIN account ON account.id = passkey.account WHERE {where}",
        (value,),
    )
    return [
        (
            one[0],
            Passkey(
                one[1], bytes(one[2]), bytes(one[3]), one[4], tuple(one[5].split()), one[6], one[7]
            ),
        )
        for one in rows
    ]
