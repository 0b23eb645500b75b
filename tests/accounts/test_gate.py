"""Who must wait: failures counted by address over all protocols, in bounded memory."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from postil.accounts import gate as gate_module
from postil.accounts.gate import AT_ONCE, DAY, LONGEST_WAIT, MINUTE, Allowed, LoginGate
from postil.base.clock import FixedClock
from postil.ports.logins import Attempt, Leave, Result
from postil.ports.peer import Peer

ALLOWED = Allowed(per_minute=5, per_hour=20, per_day=100, allow=("192.0.2.128/25", "::1"))


def attempt(ip: str, result: Result = Result.CREDENTIALS, protocol: str = "imap") -> Attempt:
    peer = Peer(ip, 1, "192.0.2.1", 993, "imaps", "c")
    return Attempt(protocol, "PLAIN", "ann", peer, result)


def fail(gate: LoginGate, ip: str, protocol: str = "imap") -> Leave:
    """One wrong login, as a session does it."""
    leave = gate.ask(ip)
    result = Result.CREDENTIALS if leave.granted else Result.LIMITED
    gate.record(attempt(ip, result, protocol))
    return leave


def failures(gate: LoginGate, ip: str, tries: int) -> int:
    return sum(fail(gate, ip).granted for _ in range(tries))


def test_so_many_a_minute_over_all_protocols() -> None:
    """The sixth guess of a minute is not looked at, whichever port it comes to; others are not touched."""
    gate = LoginGate(clock := FixedClock(), allowed=ALLOWED)
    granted = [fail(gate, "198.51.100.7", p).granted for p in ("imap", "submission") * 4]
    assert granted == [True] * 5 + [False] * 3
    assert not gate.ask("198.51.100.7").granted and gate.ask("203.0.113.9").granted
    again = gate.ask("198.51.100.7").again
    assert 0 < again <= MINUTE
    clock.advance(again)
    assert gate.ask("198.51.100.7").granted


def test_patience_is_no_way_round() -> None:
    """Somebody who waits out each minute meets the hour's limit, then the day's."""
    gate = LoginGate(clock := FixedClock(), allowed=ALLOWED)
    tried = 0
    for _ in range(24 * 60):
        tried += failures(gate, "198.51.100.7", 10)
        clock.advance(MINUTE)
    assert tried == ALLOWED.per_day
    clock.advance(DAY)
    assert gate.ask("198.51.100.7").granted


def test_the_network_around() -> None:
    """Addresses of one network share a limit, three times as high; of IPv6 a /64 is one address."""
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    assert sum(failures(gate, f"198.51.100.{last}", 5) for last in range(64)) == 15
    assert failures(gate, "198.51.100.200", 5) == 5  # another /26
    assert sum(failures(gate, f"2001:db8::{last:x}", 1) for last in range(64)) == 5
    assert sum(failures(gate, f"2001:db8:1:{net:x}::1", 1) for net in range(64)) == 15


def test_mapped_addresses_are_the_same() -> None:
    """A dual-stack socket does not give twice the guesses."""
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    assert failures(gate, "198.51.100.7", 3) + failures(gate, "::ffff:198.51.100.7", 9) == 5


def test_allowed_networks_never_wait() -> None:
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    for ip in ("192.0.2.200", "::1", ""):
        assert failures(gate, ip, 300) == 300 and gate.ask(ip).wait == 0
    assert len(gate) == 0


def test_right_passwords_cost_nothing() -> None:
    """An office behind one address logs in as often as it likes."""
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    assert all(gate.ask("198.51.100.7").granted for _ in range(500))
    for _ in range(500):
        gate.record(attempt("198.51.100.7", Result.OK))
    assert len(gate) == 0


async def test_many_at_once_gain_nothing() -> None:
    """A hundred guesses in the same moment: no more are looked at than one after the other would be, and few at a time."""
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    looked_at = now = most = 0

    async def guess() -> None:
        nonlocal looked_at, now, most
        assert gate.ask("198.51.100.7").granted
        async with gate.turn("198.51.100.7") as leave:
            if leave.granted:
                looked_at, now = looked_at + 1, now + 1
                most = max(most, now)
                await asyncio.sleep(0)
                now -= 1
        gate.record(
            attempt("198.51.100.7", Result.CREDENTIALS if leave.granted else Result.LIMITED)
        )

    async with asyncio.TaskGroup() as group:
        for _ in range(100):
            group.create_task(guess())
    # As many as were being looked at when the limit was reached may come on top.
    assert ALLOWED.per_minute <= looked_at < ALLOWED.per_minute + AT_ONCE and most == AT_ONCE


async def test_who_gives_up_leaves_the_turn_to_others() -> None:
    """A client that vanishes while it waits, or while it is looked at, holds nothing."""
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    held = contextlib.AsyncExitStack()
    for _ in range(AT_ONCE):
        await held.enter_async_context(gate.turn("198.51.100.7"))

    async def wait() -> None:
        async with gate.turn("198.51.100.7"):
            pass

    async with asyncio.TaskGroup() as group:
        gone = group.create_task(wait())
        group.create_task(wait())
        await asyncio.sleep(0)
        gone.cancel()
        await held.aclose()
    assert len(gate) == 0


def test_answers_get_slower() -> None:
    """Two mistakes cost no time; who goes on waits longer and longer, up to a bound."""
    gate = LoginGate(clock := FixedClock(), allowed=Allowed(per_minute=100))
    waits = []
    for _ in range(12):
        waits.append(fail(gate, "198.51.100.7").wait)
        clock.advance(MINUTE)
    assert waits[:3] == [0, 0, 0] and waits[3] > 0
    assert waits == sorted(waits) and waits[-1] == LONGEST_WAIT
    assert gate.ask("203.0.113.9").wait == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as many networks fail as are remembered; what is kept is bounded, and the busiest is still refused."""
    monkeypatch.setattr(gate_module, "REMEMBER", 3000)
    gate = LoginGate(FixedClock(), allowed=ALLOWED)
    for number in range(6000):
        # A /32 each, or the network around would be refused after a few, and nothing more counted.
        fail(gate, f"{0x2000 + (number >> 8):x}:{number & 0xFF:x}::1")
        if number % 100 == 0:
            fail(gate, "198.51.100.7")
    assert len(gate) == 3 * 3000
    assert not gate.ask("198.51.100.7").granted
