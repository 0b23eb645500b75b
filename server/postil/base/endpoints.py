"""Where something listens, as people write it: `127.0.0.1`, `127.0.0.1:5353`, `::1` or `[::1]:5353`."""

from __future__ import annotations

import ipaddress


def parse(text: str, port: int) -> tuple[str, int]:
    """Address and port; `port` is the one that need not be written. ValueError says what is wrong."""
    ip, number = text, str(port)
    if text.startswith("["):
        ip, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is no address: write [::1] or [::1]:{port}")
        number = rest[1:] if rest else number
    elif text.count(":") == 1:
        ip, _, number = text.partition(":")
    if not number.isascii() or not number.isdigit() or not 0 < int(number) < 65536:
        raise ValueError(f"{text!r} has no port from 1 to 65535 behind the colon")
    try:
        return str(ipaddress.ip_address(ip)), int(number)
    except ValueError:
        raise ValueError(
            f"{ip!r} is no IP address: write one such as 127.0.0.1, 127.0.0.1:{port} or [::1]:{port}"
        ) from None
