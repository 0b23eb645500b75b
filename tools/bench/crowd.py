"""Many clients at once: 50 that are busy, beside Dovecot; 1,000 that idle over TLS, by what each costs in memory.

A busy client has an account of its own and goes round: SELECT, headers of the newest, a flag, SEARCH, APPEND, NOOP. An idle one
has logged in, selected INBOX and said IDLE.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import ssl
import statistics
import threading
import time
from pathlib import Path

from tools.bench import generate, imapload, meter, ours, peers

BUSY = 50
IDLE = 1000
BUSY_MARK = 1.5  # times Dovecot's commands a second
IDLE_KIB = 25.0


def compare(given: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """Both marks, where wanted."""
    rows: list[dict[str, object]] = []
    if re.search(given.only, "50 busy clients"):
        rows.append(busy(given.runs, folder))
    if re.search(given.only, "1,000 idle TLS connections"):
        rows.append(idle(folder))
    return rows


def busy(runs: int, folder: Path) -> dict[str, object]:
    """Commands a second, and CPU for each."""
    rates: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        we = stack.enter_context(ours.postil(folder / "ours", accounts=BUSY))
        found = [(we, "bench{}@localhost", ours.PASSWORD)]
        with contextlib.suppress(peers.MissingPeer):
            they = stack.enter_context(peers.dovecot(folder / "dovecot"))
            found.append((they, "bench{}", peers.PASSWORD))
        for _ in range(runs):
            for server, user, password in found:
                clients = [
                    imapload.Client(server.imap).login(user.format(number), password)
                    for number in range(BUSY)
                ]
                crowd = _Crowd(clients)
                run = meter.measured(server.pids, crowd.run)
                rates.setdefault(server.name, []).append(run.answer / run.wall)
                cpus.setdefault(server.name, []).append(run.cpu / run.answer * 1e6)
                for client in clients:
                    client.close()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'50 busy clients':36} " + "  ".join(
        f"{name} {rate:.0f} commands/s, {statistics.median(cpus[name]):.0f} us CPU each"
        for name, rate in medians.items()
    ), end="")  # fmt: skip
    verdict = None
    if len(medians) > 1:
        times = next(iter(medians.values())) / list(medians.values())[1]
        print(f"  {times:.2f} times, mark {BUSY_MARK}: {'met' if times >= BUSY_MARK else 'MISSED'}")
        verdict = meter.Verdict(
            "50 busy clients", f">= {BUSY_MARK:g} x maildir", f"{times:.2f}", times >= BUSY_MARK
        )
    return {
        "name": "50 busy clients", "mark": BUSY_MARK, "rates": rates, "cpu_us": cpus,
        "verdict": verdict,
    }  # fmt: skip


class _Crowd:
    """A thread for each client, for some seconds."""

    def __init__(self, clients: list[imapload.Client], seconds: float = 6) -> None:
        self._clients = clients
        self._until = time.monotonic() + seconds
        self._counts = [0] * len(clients)

    def run(self) -> int:
        """How many commands were answered."""
        threads = [
            threading.Thread(target=self._round, args=(number,))
            for number in range(len(self._clients))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(self._counts)

    def _round(self, number: int) -> None:
        client = self._clients[number]
        text = generate.message(number, 4096)
        client.fill("INBOX", [text])
        while time.monotonic() < self._until:
            last = client.select("INBOX")
            first = max(1, last - 20)
            client.command(f"FETCH {first}:{last} (UID FLAGS ENVELOPE)")
            client.command(f"STORE {last} +FLAGS (\\Seen)")
            client.command('SEARCH FROM "alice" SINCE 1-Jan-2020')
            client.fill("INBOX", [text])
            client.command("NOOP")
            self._counts[number] += 6


def idle(folder: Path) -> dict[str, object]:
    """Octets of private memory for each, with fifty before them that warm everything."""
    with ours.postil(folder / "idle") as we:
        context = ssl.create_default_context(cafile=str(folder / "idle" / "tls-certificate.pem"))
        opened: list[socket.socket] = []
        for number in range(50):
            opened.append(_idle(we.imaps, context, number))
        before = meter.memory(we.pid)
        for number in range(IDLE):
            opened.append(_idle(we.imaps, context, number))
        kib = (meter.memory(we.pid) - before) / IDLE / 1024
        for one in opened:
            one.close()
    verdict = "met" if kib <= IDLE_KIB else "MISSED"
    print(
        f"{'1,000 idle TLS connections':36} postil {kib:.1f} KiB each, mark {IDLE_KIB:g}: {verdict}"
    )
    line = meter.Verdict(
        "1,000 idle TLS connections", f"<= {IDLE_KIB:g} KiB each", f"{kib:.1f}", kib <= IDLE_KIB
    )
    return {"name": "1,000 idle TLS connections", "mark": IDLE_KIB, "kib": kib, "verdict": line}


def _idle(port: int, context: ssl.SSLContext, number: int) -> socket.socket:
    # From many addresses of this machine: one address may have a hundred connections.
    plain = socket.create_connection(
        ("127.0.0.1", port), source_address=(f"127.0.1.{number % 200 + 1}", 0)
    )
    one = context.wrap_socket(plain, server_hostname="localhost")
    _expect(one, b"* OK")
    for line in (f'a LOGIN "{ours.USER}" "{ours.PASSWORD}"', "a SELECT INBOX"):
        one.sendall(line.encode() + b"\r\n")
        _expect(one, b"\r\na OK" if "SELECT" in line else b"a OK")
    one.sendall(b"a IDLE\r\n")
    _expect(one, b"+ ")
    return one


def _expect(one: ssl.SSLSocket, what: bytes) -> None:
    seen = b""
    while not (what in seen and seen.endswith(b"\r\n")):
        piece = one.recv(65536)
        if not piece:
            raise EOFError(seen)
        seen += piece
