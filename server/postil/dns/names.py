"""Domain names: the port's text to dnspython's labels and back.

RFC 1035 §2.3.4 (63 octets a label, 255 a name), §5.1 (\\X and \\DDD).
"""

from __future__ import annotations

import dns.exception
import dns.name


class BadName(ValueError):
    """No name of the DNS can be written so; the text says why."""


def to_wire(text: str) -> dns.name.Name:
    """The absolute name; BadName."""
    if not text.isascii():
        raise BadName(f"{text!r} holds octets that are no ASCII: names are asked for as A-labels")
    if text in ("", "@"):  # dnspython takes both for the root
        raise BadName(f"{text!r} is no domain name")
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadName(f"{text!r} is no domain name: {error}") from error


def to_text(name: dns.name.Name) -> str:
    """Lower case, no dot at the end; the root is "."."""
    return name.to_text(omit_final_dot=True).lower()
