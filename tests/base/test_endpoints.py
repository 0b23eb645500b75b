"""Addresses with ports, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postil.base.endpoints import parse


@given(st.ip_addresses(), st.integers(1, 65535))
def test_round_trip(ip: object, port: int) -> None:
    """With a port and without."""
    text = str(ip)
    shown = f"[{text}]" if ":" in text else text
    assert parse(f"{shown}:{port}", 53) == (text, port)
    assert parse(shown, 53) == parse(text, 53) == (text, 53)


@given(st.text(max_size=30))
def test_never_another_error(text: str) -> None:
    """Anything else is a ValueError with words."""
    try:
        ip, port = parse(text, 53)
    except ValueError as error:
        assert "address" in str(error) or "port" in str(error)
    else:
        assert ip and 0 < port < 65536


@pytest.mark.parametrize(
    "text",
    [
        "",
        "here",
        "1.2.3.4:",
        "1.2.3.4:0",
        "1.2.3.4:65536",
        "1.2.3.4:x",
        "[::1",
        "[::1]5",
        "1.2.3.4:٣",
    ],
)
def test_refused(text: str) -> None:
    """What is no address, or no port."""
    with pytest.raises(ValueError, match=r"address|port"):
        parse(text, 53)
