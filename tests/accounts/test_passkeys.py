"""Passkeys as data: added, found, counted, removed."""

from __future__ import annotations

import pytest

from postil.accounts import AccountError, Administration, passkeys
from postil.base.clock import FixedClock

NAME, OTHER = "ann@example.org", "bob@example.org"


async def test_added_and_found(admin: Administration, clock: FixedClock) -> None:
    """By its ID, with whose it is; what is not known of transports is left out."""
    await admin.add(NAME, None)
    made = await passkeys.add(
        admin,
        NAME,
        "phone",
        b"\0id\xff",
        b"key",
        sign_count=7,
        transports=["usb", "carrier-pigeon", "hybrid"],
    )
    assert made.transports == ("hybrid", "usb") and made.created == int(clock.now())
    assert await passkeys.find(admin, b"\0id\xff") == (NAME, made)
    assert await passkeys.find(admin, b"other") is None
    assert await passkeys.every(admin, NAME) == [made]
    await admin.disable(NAME, "left")
    assert await passkeys.find(admin, b"\0id\xff") is None


async def test_a_cloned_one(admin: Administration, clock: FixedClock) -> None:
    """A count that does not grow is not written down; one that never counts is taken."""
    await admin.add(NAME, None)
    await passkeys.add(admin, NAME, "counts", b"a", b"key", sign_count=5)
    await passkeys.add(admin, NAME, "does not", b"b", b"key")
    assert await passkeys.used(admin, b"a", 6)
    for count in (6, 5, 0):
        assert not await passkeys.used(admin, b"a", count)
    for _ in range(3):
        assert await passkeys.used(admin, b"b", 0)
    assert await passkeys.used(admin, b"b", 1)
    assert not await passkeys.used(admin, b"b", 0)
    assert not await passkeys.used(admin, b"c", 1)
    assert [(one.sign_count, one.last_used) for one in await passkeys.every(admin, NAME)] == [
        (6, int(clock.now())),
        (1, int(clock.now())),
    ]


async def test_removed(admin: Administration) -> None:
    """And it can be registered again, also for somebody else; with the account all go."""
    await admin.add(NAME, None)
    await admin.add(OTHER, None)
    await passkeys.add(admin, NAME, "phone", b"a", b"key")
    assert await passkeys.remove(admin, NAME, "phone")
    assert not await passkeys.remove(admin, NAME, "phone")
    await passkeys.add(admin, OTHER, "phone", b"a", b"key")
    await admin.remove(OTHER)
    assert await passkeys.find(admin, b"a") is None


async def test_refusals(admin: Administration) -> None:
    """Each says what is wrong."""
    await admin.add(NAME, None)
    await admin.add(OTHER, None)
    await passkeys.add(admin, NAME, "phone", b"a", b"key")
    cases = (
        (NAME, "phone", b"b", b"key", 0, "already"),
        (OTHER, "x", b"a", b"key", 0, "registered"),
        (NAME, "", b"b", b"key", 0, "label"),
        (NAME, "x", b"", b"key", 0, "credential ID"),
        (NAME, "x", b"b" * 1024, b"key", 0, "credential ID"),
        (NAME, "x", b"b", b"", 0, "public key"),
        (NAME, "x", b"b", b"k" * 4097, 0, "public key"),
        (NAME, "x", b"b", b"key", -1, "32 bits"),
        (NAME, "x", b"b", b"key", 2**32, "32 bits"),
        ("nobody", "x", b"b", b"key", 0, "no account"),
    )
    for name, label, credential, key, count, why in cases:
        with pytest.raises(AccountError, match=why):
            await passkeys.add(admin, name, label, credential, key, sign_count=count)
    assert len(await passkeys.every(admin, NAME)) == 1
    for number in range(passkeys.MOST - 1):
        await passkeys.add(admin, NAME, f"n{number}", b"n%d" % number, b"key")
    with pytest.raises(AccountError, match="remove one first"):
        await passkeys.add(admin, NAME, "more", b"more", b"key")
