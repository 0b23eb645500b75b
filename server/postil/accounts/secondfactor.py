"""A second factor of an account, kept: TOTP, and the recovery codes for who has lost the telephone.

RFC 6238 §5.2 (a code is good once), RFC 4226 §7.3 (throttling). No page asks for codes yet and nothing announces them. What is in force: while TOTP is
on, the account's own password alone logs in nowhere (`credentials`); passwords for programs and TLS keys do.

Theory of operation. `begin` makes a key, `confirm` switches it on with a first code, so that nobody locks himself out with an app that was
set up wrongly. `check` takes a code or a recovery code. Wrong ones are counted by account, not by address: behind it is somebody
who has the password already. From the third wrong one on the next is looked at later and later, an hour at most; a right one is no exception
while that lasts, and a right one after it sets the count back.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import secrets
from typing import Final

from postil.accounts import schema, totp
from postil.accounts.admin import Administration
from postil.accounts.apppasswords import ALPHABET
from postil.accounts.changes import AccountError
from postil.accounts.rows import thing
from postil.accounts.sealed import Unsealable, seal, unseal

FREE: Final = 2  # wrong codes that cost nothing: people mistype, and clocks are off
FIRST_WAIT: Final = 30  # seconds, then twice as long each time
LONGEST_WAIT: Final = 3600  # seconds: 24 guesses a day at 3 codes in a million
RECOVERY_CODES: Final = 10
RECOVERY_LETTERS: Final = 12  # just under 5 bits each


class Verdict(enum.Enum):
    """What became of a code."""

    RIGHT = "right"
    WRONG = "wrong"
    LATER = "too many wrong codes, later"  # it was not looked at
    OFF = "no second factor"


async def begin(database: Administration, name: str) -> bytes:
    """A fresh key, to be shown once and confirmed; one that was not confirmed is replaced. AccountError while TOTP is on."""
    row = await database.show(name)
    key = totp.new_key()
    connection = database.connection
    async with database.changes.change() as change:
        kept = await connection.execute_fetchall(
            "SELECT 1 FROM totp WHERE account = ? AND confirmed IS NOT NULL", (row.id,)
        )
        if list(kept):
            raise AccountError(f"{row.name} has TOTP on already: switch it off first")
        sealed = seal(await schema.secret(connection, "seal"), _purpose(row.id), key)
        await connection.execute(
            "INSERT OR REPLACE INTO totp (account, secret, created, last_step) VALUES (?, ?, ?, -1)",
            (row.id, sealed, int(database.clock.now())),
        )
        await change.wrote("account.totp.begin", thing(row), None, {"TOTP": "not confirmed"})
    return key


async def confirm(database: Administration, name: str, code: str) -> list[str]:
    """Switch TOTP on with a first code; gives the recovery codes, this once. AccountError for a wrong one.

    Sessions that the account's own password opened end: it is no longer enough.
    """
    row = await database.show(name)
    connection = database.connection
    async with database.changes.change() as change:
        kept = await connection.execute_fetchall(
            "SELECT secret FROM totp WHERE account = ? AND confirmed IS NULL", (row.id,)
        )
        sealed = next((bytes(one[0]) for one in kept), None)
        if sealed is None:
            raise AccountError(f"{row.name} has no TOTP that waits to be confirmed")
        key = unseal(await schema.secret(connection, "seal"), _purpose(row.id), sealed)
        now = database.clock.now()
        found = totp.matching(key, totp.normal(code), now, -1)
        if found is None:
            raise AccountError("this is not the code of now: look at the clock of the device")
        await connection.execute(
            "UPDATE totp SET confirmed = ?, last_step = ? WHERE account = ?",
            (int(now), found, row.id),
        )
        await connection.execute(
            "UPDATE account SET password_epoch = password_epoch + 1 WHERE id = ?", (row.id,)
        )
        await change.wrote("account.totp.confirm", thing(row), None, {"TOTP": "on"})
        return await _fresh_codes(database, row.id)


async def switch_off(database: Administration, name: str) -> bool:
    """No second factor any more, and no recovery codes; False where there was none."""
    row = await database.show(name)
    connection = database.connection
    async with database.changes.change() as change:
        cursor = await connection.execute("DELETE FROM totp WHERE account = ?", (row.id,))
        await connection.execute("DELETE FROM recovery_code WHERE account = ?", (row.id,))
        if cursor.rowcount:
            await change.wrote("account.totp.off", thing(row), {"TOTP": "on"}, None)
    return cursor.rowcount > 0


async def is_on(database: Administration, name: str) -> bool:
    """Is the account's own password alone not enough?"""
    row = await database.show(name)
    rows = await database.connection.execute_fetchall(
        "SELECT 1 FROM totp WHERE account = ? AND confirmed IS NOT NULL", (row.id,)
    )
    return bool(list(rows))


async def new_recovery_codes(database: Administration, name: str) -> list[str]:
    """Fresh ones in the place of all that are left; AccountError without TOTP."""
    row = await database.show(name)
    if not await is_on(database, name):
        raise AccountError(f"{row.name} has no TOTP to recover from")
    async with database.changes.change() as change:
        await change.wrote("account.recovery-codes", thing(row), None, {"recovery codes": "new"})
        return await _fresh_codes(database, row.id)


async def codes_left(database: Administration, name: str) -> int:
    """How many recovery codes are not used yet."""
    row = await database.show(name)
    rows = await database.connection.execute_fetchall(
        "SELECT count(*) FROM recovery_code WHERE account = ?", (row.id,)
    )
    return int(next(iter(rows))[0])


async def check(database: Administration, name: str, code: str) -> Verdict:
    """Is it a code of now, or a recovery code? Either is good once. In one transaction, so that two at once are one."""
    row = await database.show(name)
    now = database.clock.now()
    connection = database.connection
    async with database.changes.change() as change:
        kept = await connection.execute_fetchall(
            "SELECT secret, last_step, failures, not_before FROM totp"
            " WHERE account = ? AND confirmed IS NOT NULL",
            (row.id,),
        )
        found = next(iter(kept), None)
        if found is None:
            return Verdict.OFF
        sealed, last_step, failures, not_before = found
        if now < not_before:
            return Verdict.LATER
        try:
            key = unseal(await schema.secret(connection, "seal"), _purpose(row.id), bytes(sealed))
            matched = totp.matching(key, totp.normal(code), now, int(last_step))
        except Unsealable:
            matched = None  # somebody else put it there; recovery codes still work
        if matched is not None or await _used_up(database, row.id, code):
            await connection.execute(
                "UPDATE totp SET last_step = ?, failures = 0, not_before = 0 WHERE account = ?",
                (last_step if matched is None else matched, row.id),
            )
            used = "code" if matched is not None else "recovery code"
            await change.wrote("account.totp.check", thing(row), None, {used: "right"})
            return Verdict.RIGHT
        failures = int(failures) + 1
        late = failures - FREE
        wait = min(LONGEST_WAIT, FIRST_WAIT << min(late - 1, 16)) if late > 0 else 0
        await connection.execute(
            "UPDATE totp SET failures = ?, not_before = ? WHERE account = ?",
            (failures, int(now) + wait, row.id),
        )
        await change.wrote("account.totp.check", thing(row), None, {"code": "wrong"})
        return Verdict.WRONG


# --- recovery codes


def _purpose(account: int) -> str:
    return f"totp {account}"


async def _fresh_codes(database: Administration, account: int) -> list[str]:
    """In the caller's transaction."""
    codes: set[str] = set()
    while len(codes) < RECOVERY_CODES:
        letters = "".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LETTERS))
        codes.add("-".join((letters[:4], letters[4:8], letters[8:])))
    connection = database.connection
    await connection.execute("DELETE FROM recovery_code WHERE account = ?", (account,))
    await connection.executemany(
        "INSERT INTO recovery_code (account, digest) VALUES (?, ?)",
        [(account, await _digest(database, code)) for code in codes],
    )
    return sorted(codes)


async def _used_up(database: Administration, account: int, code: str) -> bool:
    """Was it a recovery code? From now on it is none; in the caller's transaction."""
    cursor = await database.connection.execute(
        "DELETE FROM recovery_code WHERE account = ? AND digest = ?",
        (account, await _digest(database, code)),
    )
    return cursor.rowcount > 0


async def _digest(database: Administration, code: str) -> bytes:
    """Keyed: a code has 59 bits, so no slow hash is needed."""
    bare = "".join(code.split()).replace("-", "").lower()
    key = await schema.secret(database.connection, "app")
    return hmac.digest(key, b"recovery code\0" + bare.encode("utf-8", "replace"), hashlib.sha256)
