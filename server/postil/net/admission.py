"""Who may connect: so many at once and so many new ones a minute, per address and per network around it.

One customer of a provider has many IPv6 addresses and one person can rent a small IPv4 network, so counts are kept
for three widths of prefix (`limits.ADDRESS_CLASSES`), each allowed more than the one inside it. The loopback address is
counted in the total only: programs on this machine share it.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from postil.net import limits


@dataclass(frozen=True, slots=True)
class Allowed:
    """The numbers one machine sets."""

    total: int = limits.TOTAL
    per_ip: int = limits.PER_IP
    opened_per_minute: int = limits.OPENED_PER_MINUTE
    trust_loopback: bool = True


@lru_cache(maxsize=4096)
def networks(ip: str) -> tuple[str, ...]:
    """The prefixes around an address, narrow to wide; none for a pipe or loopback."""
    if not ip:
        return ()
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    six = address.version == 6
    return tuple(
        str(ipaddress.ip_network((address, v6 if six else v4), strict=False))
        for v4, v6, _ in limits.ADDRESS_CLASSES
    )


@lru_cache(maxsize=4096)
def is_loopback(ip: str) -> bool:
    """Does the connection come from this machine?"""
    return not ip or ipaddress.ip_address(ip).is_loopback


class Admission:
    """The counts of all listeners of a server."""

    def __init__(self, allowed: Allowed = Allowed()) -> None:
        self._allowed = allowed
        self._total = 0
        self._open: Counter[str] = Counter()
        self._recent: Counter[str] = Counter()
        self._minute = 0

    @property
    def total(self) -> int:
        """Connections open now."""
        return self._total

    def enter(self, ip: str, now: float) -> str | None:
        """Count a new connection; or a reason to refuse it, in words for its client."""
        if self._total >= self._allowed.total:
            return "too many connections to this server"
        prefixes = () if self._allowed.trust_loopback and is_loopback(ip) else networks(ip)
        minute = int(now // 60)
        if minute != self._minute:
            self._minute = minute
            self._recent.clear()
        for prefix, (_, _, share) in zip(prefixes, limits.ADDRESS_CLASSES, strict=False):
            if self._open[prefix] >= self._allowed.per_ip * share:
                return "too many connections from your network"
            if self._recent[prefix] >= self._allowed.opened_per_minute * share:
                return "too many new connections from your network, wait a minute"
        for prefix in prefixes:
            self._open[prefix] += 1
            self._recent[prefix] += 1
        self._total += 1
        return None

    def leave(self, ip: str) -> None:
        """A connection that was let in has ended."""
        self._total -= 1
        if self._allowed.trust_loopback and is_loopback(ip):
            return
        for prefix in networks(ip):
            self._open[prefix] -= 1
            if not self._open[prefix]:
                del self._open[prefix]
