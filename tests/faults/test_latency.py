"""A client that only says NOOP is answered at once, whatever the server does for others: the GIL rule, measured.

p99 of the time to the answer, in rounds since the machine has only two cores and other work: the best of three rounds must hold.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.localserve import Localserve, running

from . import heavy

MARK = 0.020  # seconds
SLACK = (
    2  # a shared machine is at times half as fast as the one of the mark; the figures are printed
)
ROUNDS = 3
BIG = 100_000
DISTINCT = 5_000
PAUSE = 0.002
SLOW_MEMORY = 24 << 20  # octets that a client which does not read may cost


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Localserve]:
    """With a mailbox of 100,000 messages: 5,000 that were appended, and copies of them."""
    with running(tmp_path_factory.mktemp("latency") / "data") as one:
        peer = heavy.Peer(one.imap)
        peer.command("CREATE big")
        for start in range(0, DISTINCT, 100):
            commands = [_append(number) for number in range(start, start + 100)]
            peer.socket.sendall(b"".join(commands))
            for _ in commands:
                peer.tagged()
        peer.command("SELECT big")
        count = DISTINCT
        while count < BIG:
            more = min(count, BIG - count)
            peer.command(f"COPY 1:{more} big")
            count += more
        peer.command("NOOP")
        peer.close()
        yield one


def _append(number: int) -> bytes:
    words = b"third of them\r\n" if number % 3 == 0 else b"others\r\n"
    octets = b"From: a%d@example.org\r\nSubject: message %d\r\nMessage-ID: <%d@x>\r\n\r\n" % (
        number % 50, number, number,
    ) + b"some words of a message\r\n" * 20 + words  # fmt: skip
    return b"h APPEND big {%d+}\r\n%s\r\n" % (len(octets), octets)


def _answers(peer: heavy.Peer, going_on: Callable[[], bool], least: int = 200) -> list[float]:
    """Seconds to each answer."""
    took: list[float] = []
    while going_on() or len(took) < least:
        begun = time.perf_counter()
        peer.command("NOOP")
        took.append(time.perf_counter() - begun)
        time.sleep(
            PAUSE
        )  # a client types now and then; without it the measurement would be load itself
    return took


def _p99(took: list[float]) -> float:
    return sorted(took)[math.ceil(len(took) * 0.99) - 1]


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", list(heavy.WORK))
def test_beside_heavy_work(
    server: Localserve,
    name: str,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    """NOOP p99 stays below 20 ms; here twice that, see SLACK."""
    peer = heavy.Peer(server.imap)
    request.addfinalizer(peer.close)
    figures = []
    for _ in range(ROUNDS):
        with heavy.beside(name, server.ports) as process:
            took = _answers(peer, lambda: process.poll() is None)
        figures.append(_p99(took))
        with capsys.disabled():
            print(
                f"\n{name}: NOOP p50 {statistics.median(took) * 1e3:.2f} ms, p99 {figures[-1] * 1e3:.1f} ms,"
                f" highest {max(took) * 1e3:.0f} ms, {len(took)} answers",
                end="",
            )
        if figures[-1] <= MARK * SLACK:
            break
    assert min(figures) <= MARK * SLACK


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_slow_reader(
    server: Localserve, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """Clients that ask for everything and read nothing: others are answered, memory stays bounded, and they get all of it in the end."""
    assert server.process is not None
    peer = heavy.Peer(server.imap)
    before = _memory(server.process.pid)
    request.addfinalizer(peer.close)
    slow = []
    for _ in range(4):
        one = heavy.Peer(server.imap)
        request.addfinalizer(one.close)
        one.command("SELECT big")
        one.socket.sendall(b"h FETCH 1:* (UID FLAGS ENVELOPE)\r\n")
        slow.append(one)
    end = time.monotonic() + 5
    took = _answers(peer, lambda: time.monotonic() < end)
    grown = _memory(server.process.pid) - before
    with capsys.disabled():
        print(
            f"\nslow readers: NOOP p99 {_p99(took) * 1e3:.1f} ms, memory +{grown / 2**20:.1f} MiB",
            end="",
        )
    assert _p99(took) <= MARK * SLACK
    assert grown <= SLOW_MEMORY * len(slow)
    # What they did not read was not made either: now they read, and it is all there.
    lines = 0
    while not (line := slow[0].file.readline()).startswith(b"h "):
        lines += line.startswith(b"* ")
    assert lines == BIG
    for one in slow:
        one.close()
    assert _answers(peer, lambda: False)


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf(
        "SC_PAGE_SIZE"
    )
