"""Sealed secrets: read with the same key for the same purpose, and otherwise not at all."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.accounts.sealed import Unsealable, seal, unseal

KEY = secrets.token_bytes(32)


@given(st.binary(max_size=200), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_round_trip(text: bytes, purpose: str) -> None:
    """Whatever it is; never sealed alike twice, nor readable."""
    sealed = seal(KEY, purpose, text)
    assert unseal(KEY, purpose, sealed) == text
    assert seal(KEY, purpose, text) != sealed
    assert len(text) < 4 or text not in sealed


@given(st.data())
def test_changed(data: st.DataObject) -> None:
    """One octet other, one less, another key or another purpose: nothing is read."""
    sealed = seal(KEY, "totp 1", b"secret")
    at = data.draw(st.integers(0, len(sealed) - 1))
    broken = bytearray(sealed)
    broken[at] ^= data.draw(st.integers(1, 255))
    for key, purpose, octets in (
        (KEY, "totp 1", bytes(broken)),
        (KEY, "totp 1", sealed[:at]),
        (KEY, "totp 2", sealed),
        (secrets.token_bytes(32), "totp 1", sealed),
    ):
        with pytest.raises(Unsealable):
            unseal(key, purpose, octets)
