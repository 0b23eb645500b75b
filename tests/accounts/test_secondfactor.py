"""A second factor: switched on with a code, each code once, guessing slow, and what it means for logins by password."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tests.accounts.test_scram_keys import log_in

from postil.accounts import (
    AccountError,
    AccountsDatabase,
    Administration,
    secondfactor,
    tlskeys,
    totp,
)
from postil.accounts.secondfactor import Verdict
from postil.base.clock import FixedClock
from postil.ports.accounts import SecondFactorOn
from postil.ports.sessions import Ended, Held
from postil.sasl.scram import Hash

NAME, OWN, OTHER = "ann@example.org", "correct horse", "bob@example.org"


async def switched_on(admin: Administration, name: str = NAME) -> tuple[bytes, list[str]]:
    key = await secondfactor.begin(admin, name)
    codes = await secondfactor.confirm(admin, name, now_code(admin, key))
    return key, codes


def now_code(admin: Administration, key: bytes, off: int = 0) -> str:
    return totp.hotp(key, totp.step(admin.clock.now()) + off)


async def test_switched_on_by_a_code(admin: Administration) -> None:
    """Not before, and not by a wrong one; a key that was never confirmed is replaced."""
    await admin.add(NAME, OWN)
    with pytest.raises(AccountError, match="waits"):
        await secondfactor.confirm(admin, NAME, "000000")
    first = await secondfactor.begin(admin, NAME)
    key = await secondfactor.begin(admin, NAME)
    assert first != key and not await secondfactor.is_on(admin, NAME)
    assert await secondfactor.check(admin, NAME, now_code(admin, key)) is Verdict.OFF
    with pytest.raises(AccountError, match="clock"):
        await secondfactor.confirm(admin, NAME, now_code(admin, first))
    codes = await secondfactor.confirm(admin, NAME, now_code(admin, key))
    assert await secondfactor.is_on(admin, NAME)
    assert len(set(codes)) == secondfactor.RECOVERY_CODES
    with pytest.raises(AccountError, match="on already"):
        await secondfactor.begin(admin, NAME)
    with pytest.raises(AccountError, match="waits"):
        await secondfactor.confirm(admin, NAME, now_code(admin, key))


@pytest.mark.rfc("6238", "5.2", "which ensures one-time only use of an OTP.")
async def test_once(admin: Administration, clock: FixedClock) -> None:
    """Neither the code that switched it on nor any other is good again; also not for two who come at once."""
    await admin.add(NAME, OWN)
    key, _ = await switched_on(admin)
    used = now_code(admin, key)
    assert await secondfactor.check(admin, NAME, used) is Verdict.WRONG
    clock.wall += totp.STEP
    code = now_code(admin, key)
    assert await secondfactor.check(admin, NAME, code[:3] + " " + code[3:]) is Verdict.RIGHT
    assert await secondfactor.check(admin, NAME, code) is Verdict.WRONG


async def test_two_at_once(tmp_path: Path, admin: Administration, clock: FixedClock) -> None:
    """Two connections to the database, one code: one of them has it."""
    await admin.add(NAME, OWN)
    key, codes = await switched_on(admin)
    clock.wall += totp.STEP
    other = await Administration.open(tmp_path / "postil.db", clock=clock)
    for code in (now_code(admin, key), codes[0]):
        found = await asyncio.gather(
            *(secondfactor.check(one, NAME, code) for one in (admin, other))
        )
        assert sorted(one.name for one in found) == ["RIGHT", "WRONG"]
    await other.close()


async def test_guessing(admin: Administration, clock: FixedClock) -> None:
    """Slower and slower; while it waits a right code is not looked at either, and afterwards it sets the count back."""
    await admin.add(NAME, OWN)
    key, codes = await switched_on(admin)
    began = clock.wall
    waits, tried = [], 0
    while clock.wall < began + 86400:
        wrong = f"{(int(now_code(admin, key)) + 111_111) % 10**6:06}"
        verdict = await secondfactor.check(admin, NAME, wrong)
        if verdict is Verdict.LATER:
            assert await secondfactor.check(admin, NAME, now_code(admin, key)) is Verdict.LATER
            assert await secondfactor.check(admin, NAME, codes[0]) is Verdict.LATER
            rows = await admin.connection.execute_fetchall("SELECT not_before FROM totp")
            until = next(iter(rows))[0]
            waits.append(until - clock.wall)
            clock.wall = float(until)
        else:
            tried += 1
    assert waits[:4] == [30, 60, 120, 240] and max(waits) == 3600
    assert tried < 40  # of a day: at three codes in a million
    assert await secondfactor.check(admin, NAME, now_code(admin, key)) is Verdict.RIGHT
    clock.wall += totp.STEP
    for _ in range(secondfactor.FREE):
        assert await secondfactor.check(admin, NAME, "no code") is Verdict.WRONG
    assert await secondfactor.check(admin, NAME, now_code(admin, key)) is Verdict.RIGHT


async def test_recovery_codes(admin: Administration) -> None:
    """Each once, as people type them, of that account only; new ones replace all."""
    await admin.add(NAME, OWN)
    await admin.add(OTHER, OWN)
    _, codes = await switched_on(admin)
    _, others = await switched_on(admin, OTHER)
    assert (
        await secondfactor.check(admin, NAME, codes[0].upper().replace("-", " ")) is Verdict.RIGHT
    )
    assert await secondfactor.check(admin, NAME, codes[0]) is Verdict.WRONG
    assert await secondfactor.check(admin, NAME, others[0]) is Verdict.WRONG
    assert await secondfactor.codes_left(admin, NAME) == len(codes) - 1
    fresh = await secondfactor.new_recovery_codes(admin, NAME)
    assert not set(fresh) & set(codes) and await secondfactor.codes_left(admin, NAME) == len(fresh)
    assert await secondfactor.check(admin, OTHER, others[0]) is Verdict.RIGHT


async def test_switched_off(admin: Administration, accounts: AccountsDatabase) -> None:
    """The password alone is enough again, and old codes are good for nothing."""
    await admin.add(NAME, OWN)
    key, codes = await switched_on(admin)
    assert await secondfactor.switch_off(admin, NAME)
    assert not await secondfactor.switch_off(admin, NAME)
    assert await secondfactor.check(admin, NAME, now_code(admin, key, 1)) is Verdict.OFF
    assert await secondfactor.check(admin, NAME, codes[0]) is Verdict.OFF
    assert await secondfactor.codes_left(admin, NAME) == 0
    with pytest.raises(AccountError, match="no TOTP"):
        await secondfactor.new_recovery_codes(admin, NAME)
    assert await accounts.authenticate(NAME, OWN, protocol="imap", peer="")


async def test_logins_by_password(admin: Administration, accounts: AccountsDatabase) -> None:
    """Its own password logs in nowhere while it is on; passwords for programs and TLS keys do, and their sessions go on."""
    await admin.add(NAME, OWN)
    phone = await admin.programs.add(NAME, "phone", ["imap"])
    await tlskeys.add(admin, NAME, "laptop", "ab" * 32, ["imap"])
    before = [
        await accounts.authenticate(NAME, OWN, protocol="imap", peer=""),
        await accounts.authenticate(NAME, phone, protocol="imap", peer=""),
    ]
    held = [Held(one.id, one.credential) for one in before if one and one.credential]
    await switched_on(admin)
    assert await accounts.revocations.withdrawn(held) == {held[0]: Ended.CREDENTIAL}
    for _ in range(2):  # the first password was remembered, and that must not help
        with pytest.raises(SecondFactorOn):
            await accounts.authenticate(NAME, OWN, protocol="imap", peer="")
    for hash_ in Hash:
        with pytest.raises(SecondFactorOn):
            await log_in(accounts, NAME, OWN, hash_)
        assert await log_in(accounts, NAME, phone, hash_) is not None
        assert await log_in(accounts, NAME, "wrong horse", hash_) is None
    assert await accounts.authenticate(NAME, "wrong horse", protocol="imap", peer="") is None
    assert await accounts.authenticate(NAME, phone, protocol="imap", peer="")
    assert await accounts.by_key("ab" * 32, protocol="imap")


async def test_a_right_password_costs_what_a_wrong_one_costs(
    admin: Administration, accounts: AccountsDatabase
) -> None:
    """Where it logs nobody in it is hashed each time: a quick answer would tell that it was right. Not even that the account is disabled is told."""
    await admin.add(NAME, OWN)
    await switched_on(admin)
    for disabled in (False, True):
        if disabled:
            await admin.disable(NAME, "left")
        for password in (OWN, "wrong horse"):
            for _ in range(3):
                hashed = accounts.passwords.hashed
                try:
                    assert (
                        await accounts.authenticate(NAME, password, protocol="imap", peer="")
                        is None
                    )
                except SecondFactorOn:
                    assert password == OWN
                assert accounts.passwords.hashed == hashed + 1


async def test_what_is_stored(admin: Administration, tmp_path: Path) -> None:
    """No key and no recovery code can be read in the file; moved to another account a key is good for nothing."""
    await admin.add(NAME, OWN)
    await admin.add(OTHER, OWN)
    key, codes = await switched_on(admin)
    await switched_on(admin, OTHER)
    await admin.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = (tmp_path / "postil.db").read_bytes()
    assert key not in octets
    assert not any(
        code.replace("-", "").encode() in octets or code.encode() in octets for code in codes
    )
    with sqlite3.connect(tmp_path / "postil.db") as db:
        db.execute("UPDATE totp SET secret = (SELECT secret FROM totp ORDER BY account LIMIT 1)")
    assert await secondfactor.check(admin, OTHER, now_code(admin, key, 1)) is Verdict.WRONG
    assert await secondfactor.check(admin, NAME, now_code(admin, key, 1)) is Verdict.RIGHT
