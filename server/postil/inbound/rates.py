"""How much one address, and the network around it, may bring in a minute.

RFC 5321 §7.8. A window is a minute of the monotonic clock; at its end everything is forgotten, so memory is bounded by one
minute's peers, and by `limits.PREFIXES` at most. Whoever logged in is known and not counted here; connections
are counted where they are accepted (`net.admission`).
"""

from __future__ import annotations

import ipaddress
from collections import Counter

from postil.base.clock import Clock
from postil.inbound import limits
from postil.inbound.settings import Settings
from postil.ports.delivery import Transaction, Verdict


def networks(ip: str) -> tuple[str, ...]:
    """The prefixes around an address, narrow to wide; none when it is not an address (a pipe)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ()
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    six = address.version == 6
    return tuple(
        str(ipaddress.ip_network((address, v6 if six else v4), strict=False))
        for v4, v6, _ in limits.ADDRESS_CLASSES
    )


class Rates:
    """The counts of the current minute."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._minute = -1
        self._messages: Counter[str] = Counter()
        self._recipients: Counter[str] = Counter()

    def message(self, transaction: Transaction) -> Verdict | None:
        """Counts a message."""
        return self._count(self._messages, self._settings.messages_per_minute, transaction)

    def recipient(self, transaction: Transaction) -> Verdict | None:
        """Counts a recipient."""
        return self._count(self._recipients, self._settings.recipients_per_minute, transaction)

    def _count(self, counts: Counter[str], rate: int, transaction: Transaction) -> Verdict | None:
        if transaction.account is not None:
            return None
        if self._settings.trust_loopback and transaction.peer.loopback:
            return None
        minute = int(self._clock.monotonic() // 60)
        if minute != self._minute or len(self._messages) + len(self._recipients) > limits.PREFIXES:
            self._minute = minute
            self._messages.clear()
            self._recipients.clear()
        prefixes = networks(transaction.peer.ip)
        classes = list(zip(prefixes, limits.ADDRESS_CLASSES, strict=False))
        if any(counts[prefix] >= rate * share for prefix, (_, _, share) in classes):
            return Verdict(451, "4.7.1", "too much from your network, wait a minute", "rates")
        counts.update(prefixes)
        return None
