"""The block function of MD5 against hashlib's."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from postil.sasl import md5


@given(st.binary(max_size=300))
def test_as_hashlib(message: bytes) -> None:
    """Every message, whatever its length is modulo the block."""
    assert md5.finish(md5.START, 0, message) == hashlib.md5(message).digest()


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=200))
def test_from_a_kept_state(first: bytes, rest: bytes) -> None:
    """A state after one block, kept as octets, goes on to the digest of the whole."""
    kept = md5.pack(md5.compress(md5.START, first))
    assert md5.finish(md5.unpack(kept), 1, rest) == hashlib.md5(first + rest).digest()


def test_the_lengths_around_the_padding() -> None:
    """55 octets leave room for the length, 56 do not."""
    for length in range(50, 130):
        message = bytes(range(length))
        assert md5.finish(md5.START, 0, message) == hashlib.md5(message).digest()
