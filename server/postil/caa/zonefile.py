"""A CAA record as a line of a zone.

RFC 8659 §4.1.1 (the presentation format), RFC 1035 §5.1 (quoted strings, \\DDD).
"""

from __future__ import annotations

from postil.ports.resolver import Caa


def data(record: Caa) -> str:
    """`0 issue "ca.example.net"`: printable ASCII, whatever is in the record."""
    # RFC 8659 §4.1.1: "A non-zero-length sequence of ASCII letters and numbers in lowercase."
    return f'{record.flags} {_escaped(record.tag.lower().encode())} "{_escaped(record.value)}"'


def line(name: str, record: Caa) -> str:
    """The record at an absolute name."""
    return f"{name}. IN CAA {data(record)}"


def _escaped(octets: bytes) -> str:
    return "".join(
        f"\\{chr(one)}" if one in b'"\\' else chr(one) if 0x20 <= one < 0x7F else f"\\{one:03d}"
        for one in octets
    )
