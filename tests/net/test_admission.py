"""Who may connect."""

from __future__ import annotations

from postil.net.admission import Admission, Allowed, networks


def test_networks_around_an_address() -> None:
    """Three widths; an IPv4 address in IPv6 clothes counts as itself."""
    assert networks("192.0.2.77") == ("192.0.2.77/32", "192.0.2.64/26", "192.0.0.0/21")
    assert networks("::ffff:192.0.2.77") == networks("192.0.2.77")
    assert networks("2001:db8:1:2:3::4")[0] == "2001:db8:1:2::/64"


def test_too_many_at_once() -> None:
    """An address gets its number; one that leaves makes room; another network is not affected."""
    door = Admission(Allowed(per_ip=2))
    assert door.enter("192.0.2.1", 0) is None
    assert door.enter("192.0.2.1", 0) is None
    assert door.enter("192.0.2.1", 0) == "too many connections from your network"
    assert door.enter("198.51.100.1", 0) is None
    door.leave("192.0.2.1")
    assert door.enter("192.0.2.1", 0) is None
    assert door.total == 3


def test_a_network_of_addresses_shares() -> None:
    """Many addresses of one small network get three times the number of one, not each its own."""
    door = Admission(Allowed(per_ip=2))
    answers = [door.enter(f"192.0.2.{n}", 0) for n in range(20)]
    assert answers.count(None) == 6


def test_too_many_new_ones() -> None:
    """Connecting and leaving again and again is limited per minute."""
    door = Admission(Allowed(opened_per_minute=3))
    for _ in range(3):
        assert door.enter("192.0.2.1", 10) is None
        door.leave("192.0.2.1")
    assert door.enter("192.0.2.1", 59) is not None
    assert door.enter("192.0.2.1", 60) is None


def test_total_counts_loopback_too() -> None:
    """Programs on this machine share an address and are limited in the total only."""
    door = Admission(Allowed(total=4, per_ip=1))
    assert [door.enter("127.0.0.1", 0) for _ in range(4)] == [None] * 4
    assert door.enter("::1", 0) == "too many connections to this server"


def test_nothing_is_kept_of_those_who_left() -> None:
    """Counting does not grow with the number of addresses ever seen at once."""
    door = Admission()
    for n in range(200):
        door.enter(f"10.0.{n}.1", 0)
    for n in range(200):
        door.leave(f"10.0.{n}.1")
    assert door.total == 0 and not door._open
