"""Mark: logins a second on one core, each on a connection of its own: SCRAM at least 150, PLAIN with a cached password at least 500.

What counts is the CPU time of the server for a whole visit: connection, TLS where there is any, greeting, login, LOGOUT. So the figure does
not depend on who else uses the machine. Dovecot does the same without TLS, its processes serve one login after the other, and neither server pays for the slow hash of a
password: for PLAIN ours is remembered after the first login and Dovecot has the password as it is (its cache would hash anew at each login), for SCRAM both have
keys (Dovecot's with 4,096 rounds, which only the client counts).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.bench import meter, ours, peers
from tools.bench.meter import Comparison, Run

from postil.net.binding import end_point
from postil.sasl import scram
from postil.sasl.scram import ClientKeys
from postil.sasl.scram_client import Binding, ClientExchange

MARKS = {"PLAIN": 500, "SCRAM-SHA-256": 150, "SCRAM-SHA-256-PLUS": 150}
# Dovecot as its manual says for many logins: processes that serve more than one.
FAST = """\
auth_cache_size = 10M
auth_mechanisms = plain scram-sha-256
service imap-login {
  service_count = 0
  process_min_avail = 1
}
service imap {
  service_count = 1000
}
"""


@dataclass(slots=True)
class Visitor:
    """A client that comes, logs in and goes; SCRAM's costly keys are kept, as a good client does."""

    port: int
    user: str
    password: str
    tls: ssl.SSLContext | None = None
    kept: tuple[bytes, int, ClientKeys] | None = None

    def visit(self, mechanism: str) -> int:
        """One login; 1 when it succeeded."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = self.tls.wrap_socket(plain, server_hostname="localhost") if self.tls else plain
            with line, line.makefile("rwb", buffering=0) as wire:
                wire.readline()
                done = (
                    self._plain(wire)
                    if mechanism == "PLAIN"
                    else self._scram(wire, line, mechanism)
                )
                wire.write(b"b LOGOUT\r\n")
                while not wire.readline().startswith(b"b "):
                    pass
                return int(done)

    def _plain(self, wire: socket.SocketIO) -> bool:
        token = base64.b64encode(f"\0{self.user}\0{self.password}".encode())
        wire.write(b"a AUTHENTICATE PLAIN " + token + b"\r\n")
        return _outcome(wire)

    def _scram(self, wire: socket.SocketIO, line: socket.socket, mechanism: str) -> bool:
        known = scram.MECHANISMS[mechanism]
        binding = Binding("n")
        if known.plus:
            assert isinstance(line, ssl.SSLSocket)
            shown = line.getpeercert(binary_form=True)
            data = end_point(shown or b"") or b""
            binding = Binding("p", "tls-server-end-point", data)
        exchange = ClientExchange(known, self.user, self.password, b"nonce", binding=binding)
        if self.kept is not None:
            exchange.remember(*self.kept)
        first = base64.b64encode(exchange.first())
        wire.write(b"a AUTHENTICATE " + mechanism.encode() + b" " + first + b"\r\n")
        final = exchange.final(base64.b64decode(wire.readline()[2:]))
        wire.write(base64.b64encode(final) + b"\r\n")
        exchange.finish(base64.b64decode(wire.readline()[2:]))
        wire.write(b"\r\n")
        if exchange.keys is not None:
            self.kept = exchange.salt, exchange.iterations, exchange.keys
        return _outcome(wire)


def _outcome(wire: socket.SocketIO) -> bool:
    while not (said := wire.readline()).startswith(b"a "):
        if not said:
            return False
    return said.startswith(b"a OK")


def run(server: peers.Server, visit: Callable[[str], int], mechanism: str, count: int) -> Run:
    """So many visits one after the other."""
    visit(mechanism)  # the password is in the cache then, and the client has its keys

    def work() -> int:
        return sum(visit(mechanism) for _ in range(count))

    done = meter.measured(server.pids, work, count)
    if done.answer != count:
        raise RuntimeError(f"{server.name}: {count - done.answer} of {count} logins failed")
    return done


def _kept(mechanism: str) -> str:
    """Dovecot's password as it costs least to check by that mechanism."""
    if mechanism == "PLAIN":
        return f"{{PLAIN}}{peers.PASSWORD}"
    made = ["doveadm", "pw", "-s", mechanism, "-p", peers.PASSWORD]
    return subprocess.check_output(made, text=True).strip()


def _rate(name: str, runs: list[Run], mark: int) -> dict[str, object]:
    # The quickest run: what other programs do to the processor's caches only ever adds.
    each = sorted(run.cpu / run.count for run in runs)
    best, middle = each[0], each[len(each) // 2]
    met = 1 / best >= mark
    print(
        f"{name:28} {best * 1e3:.2f} ms of CPU a login (median {middle * 1e3:.2f}),"
        f" {1 / best:.0f} a second on one core; mark {mark}: {'met' if met else 'MISSED'}"
    )
    return {"name": name, "cpu": best, "median": middle, "mark": mark, "met": met}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="logins of a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        server = stack.enter_context(ours.postil(folder / "ours"))
        print(server.about)
        secure = ssl.create_default_context(cafile=str(folder / "ours" / "tls-certificate.pem"))
        bare = Visitor(server.imap, ours.USER, ours.PASSWORD)
        sealed = Visitor(server.imaps, ours.USER, ours.PASSWORD, secure)
        for mechanism, mark in MARKS.items():
            runs = [
                run(server, sealed.visit, mechanism, options.count) for _ in range(options.runs)
            ]
            rows.append(_rate(f"{mechanism}, TLS 1.3", runs, mark))
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            try:
                kept = _kept(mechanism)
                peer = stack.enter_context(
                    peers.dovecot(folder / f"dovecot-{mechanism}", password=kept, more=FAST)
                )
            except (peers.MissingPeer, OSError) as error:
                print(f"no comparison: {error}")
                break
            print(f"\n{peer.about}")
            theirs = Visitor(peer.imap, peers.USER, peers.PASSWORD)
            both = Comparison(f"{mechanism} without TLS", "no mark: beside a server in C")
            for _ in range(options.runs):
                both.ours.append(run(server, bare.visit, mechanism, options.count))
                both.peer.append(run(peer, theirs.visit, mechanism, options.count))
            rows.append(both.show())
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
