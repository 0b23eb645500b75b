"""Base64 of SASL: one spelling for each message, and nothing else."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.sasl.encoding import decode
from postil.sasl.plain import Malformed


@given(st.binary(max_size=100))
def test_what_was_encoded_comes_back(octets: bytes) -> None:
    """Any message survives."""
    assert decode(b64encode(octets)) == octets


@pytest.mark.rfc(
    "4648",
    "3.3",
    "Implementations MUST reject the encoded data if it contains characters outside the base alphabet when interpreting base-encoded data,",
)
@pytest.mark.parametrize("line", [b"AA AA", b"AAA-", b"AA\r\nAA", b"AAA\xe4", b"*", b"AAAA\t"])
def test_other_characters(line: bytes) -> None:
    """Blanks, line ends and the URL alphabet are refused, not skipped."""
    with pytest.raises(Malformed):
        decode(line)


@pytest.mark.parametrize(
    "line", [b"=", b"=AAA", b"AAA=BBB=", b"AA==AA==", b"A", b"AAA", b"AAAA=", b"AAAA====", b"AA=A"]
)
def test_padding(line: bytes) -> None:
    """Padding stands at the end, as much as is needed and no more."""
    with pytest.raises(Malformed):
        decode(line)
