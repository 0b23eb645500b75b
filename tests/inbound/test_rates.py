"""Rates per address and network, with the clock in hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.smtp import SMTP_PEER

from postil.base.clock import FixedClock
from postil.inbound import Settings, limits
from postil.inbound.rates import Rates, networks
from postil.ports.accounts import Account
from postil.ports.delivery import Path, Transaction
from postil.ports.ids import AccountId


def transaction(ip: str, account: Account | None = None) -> Transaction:
    return Transaction(
        replace(SMTP_PEER, ip=ip), "h", "ESMTP", Path("", ""), account, False, False, None
    )


@pytest.mark.parametrize(
    ("ip", "prefixes"),
    [
        ("192.0.2.77", ("192.0.2.77/32", "192.0.2.64/26", "192.0.0.0/21")),
        ("::ffff:192.0.2.77", ("192.0.2.77/32", "192.0.2.64/26", "192.0.0.0/21")),
        ("2001:db8:1:2::3", ("2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32")),
        ("", ()),
    ],
)
def test_networks(ip: str, prefixes: tuple[str, ...]) -> None:
    """Three widths for each kind of address."""
    assert networks(ip) == prefixes


def test_one_address() -> None:
    """So many a minute; then 451 4.7.1 until the next; recipients are counted apart."""
    clock = FixedClock()
    rates = Rates(clock, Settings(messages_per_minute=2, recipients_per_minute=3))
    peer = transaction("192.0.2.1")
    assert [rates.message(peer) is None for _ in range(3)] == [True, True, False]
    assert [rates.recipient(peer) is None for _ in range(4)] == [True, True, True, False]
    refusal = rates.message(peer)
    assert refusal is not None
    assert (refusal.code, refusal.enhanced) == (451, "4.7.1")
    assert rates.message(transaction("198.51.100.1")) is None
    clock.advance(60)
    assert rates.message(peer) is None


@pytest.mark.parametrize("pattern", ["192.0.2.{}", "2001:db8:0:{}::1"])
def test_a_network(pattern: str) -> None:
    """Neighbours share a larger allowance: many addresses do not help for long."""
    rates = Rates(FixedClock(), Settings(messages_per_minute=1))
    passed = [rates.message(transaction(pattern.format(n))) is None for n in range(1, 60)]
    assert sum(passed) == 4
    assert passed[:4] == [True] * 4


def test_who_is_not_counted() -> None:
    """Logins and this machine."""
    rates = Rates(FixedClock(), Settings(messages_per_minute=0))
    assert rates.message(transaction("192.0.2.1")) is not None
    assert rates.message(transaction("192.0.2.1", Account(AccountId(1), "a"))) is None
    assert rates.message(transaction("127.0.0.1")) is None
    strict = Rates(FixedClock(), Settings(messages_per_minute=0, trust_loopback=False))
    assert strict.message(transaction("127.0.0.1")) is not None


def test_memory_is_bounded() -> None:
    """An attacker with countless networks costs no more than the limit."""
    rates = Rates(FixedClock(), Settings())
    for n in range(limits.PREFIXES):
        rates.message(transaction(f"10.{n >> 14}.{n >> 6 & 255}.{(n & 63) * 4}"))
        rates.message(transaction(f"2001:db8:{n:x}::1"))
    assert len(rates._messages) + len(rates._recipients) <= limits.PREFIXES + 6
