"""A name server with one zone of everything, and a resolver that asks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.dns import Nameserver

from postil.base.clock import FixedClock
from postil.dns import Server, StubResolver

ZONES = {
    "example.org": r"""
@ CAA 0 issue "ca.example.net"
@ MX 10 mail
@ MX 20 mail2.example.net.
@ TXT "v=spf1 " "-all"
@ TXT "a\"\\\255"
@ NS ns
mail A 192.0.2.1
mail AAAA 2001:db8::1
_25._tcp.mail TLSA 3 1 1 abababababababababababababababababababababababababababababababab
alias CNAME mail
far CNAME host.example.net.
dangling CNAME nothing.example.net.
one CNAME two
two CNAME one
self CNAME self
below.empty A 192.0.2.2
null MX 0 .
""",
    "example.net": 'host TXT "far"',
    "2.0.192.in-addr.arpa": "1 PTR mail.example.org.",
}


@contextmanager
def serving(
    signed: tuple[str, ...] = ("example.org",), ip: str = "127.0.0.1"
) -> Iterator[Nameserver]:
    with Nameserver(ZONES, signed=signed, ip=ip) as server:
        yield server


def resolver(
    *servers: Nameserver, attempt: float = 5.0, clock: FixedClock | None = None
) -> StubResolver:
    """Time-outs are long where none is expected: a busy machine must not fail a test."""
    found = [Server(one.ip, one.port) for one in servers]
    return StubResolver(found, attempt=attempt, question=60.0, clock=clock or FixedClock())
