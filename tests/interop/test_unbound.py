"""A resolver of others that validates: unbound, with a signed root of our own, says what is signed, what is not, and what is bogus."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.dnssec
import dns.name
import dns.query
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tools.ports import free_port

from postil.dns import Server, StubResolver
from postil.ports.resolver import A, Caa, Outcome, Txt

SOA = "$TTL 300\n@ SOA ns root 1 7200 900 86400 60\n@ NS ns\nns A 127.0.0.1\n"
LE = "letsencrypt.org"
URI = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
BOUND = f'CAA 0 issue "{LE}; accounturi={URI}; validationmethods=http-01"'
# Zones right below the root: unbound's own zones have no proof for names that exist only by those below them.
ZONES = {
    "org": f"example {BOUND}\nmail.example A 192.0.2.1\nwww.example CNAME host.example.net.\nself.example CNAME mail.example\n",
    "net": f"example {BOUND}\nhost.example A 192.0.2.2\n",
    "example": f"bogus {BOUND}\nmail.bogus A 192.0.2.3\n",
}
UNSIGNED = ("net",)


def write_zones(folder: Path) -> str:
    """The zones as files, signed from the root down; gives the DS of the root's key."""
    root, delegations = SOA, {}
    for origin, text in ZONES.items():
        zone = dns.zone.from_text(SOA + text, origin, relativize=False)
        root += f"{origin}. NS ns.{origin}.\nns.{origin}. A 127.0.0.1\n"
        if origin not in UNSIGNED:
            delegations[origin] = _sign(zone)
            root += f"{origin}. DS {delegations[origin]}\n"
        text = zone.to_text(relativize=False)
        if origin == "example":  # after it was signed
            text = text.replace("acct/1;", "acct/2;").replace("192.0.2.3", "192.0.2.4")
        (folder / f"{origin}.zone").write_text(text)
    zone = dns.zone.from_text(root, ".", relativize=False)
    trust = _sign(zone)
    zone.to_file(str(folder / "root.zone"), relativize=False)
    return trust


def _sign(zone: dns.zone.Zone) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    dnskey = dns.dnssec.make_dnskey(key.public_key(), "ECDSAP256SHA256", flags=257)
    inception = time.time() - 3600
    dns.dnssec.sign_zone(zone, keys=[(key, dnskey)], inception=inception, lifetime=86400)
    assert zone.origin is not None
    return dns.dnssec.make_ds(zone.origin, dnskey, "SHA256").to_text()


@pytest.fixture(scope="module")
def unbound(
    require_tool: Callable[[str, str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """unbound on loopback, which asks nobody outside."""
    program = require_tool("unbound", "unbound")
    folder = tmp_path_factory.mktemp("unbound")
    trust = write_zones(folder)
    port = free_port()
    files = {".": "root.zone"} | {origin: f"{origin}.zone" for origin in ZONES}
    (folder / "unbound.conf").write_text(
        f"""
server:
  interface: 127.0.0.1
  port: {port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: "{folder}/log"
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: ". DS {trust}"
  num-threads: 1
remote-control:
  control-enable: no
"""
        + "".join(
            f'auth-zone:\n  name: "{origin}"\n  zonefile: "{folder}/{file}"\n  for-downstream: no\n  for-upstream: yes\n'
            for origin, file in files.items()
        )
    )
    server = subprocess.Popen([program, "-d", "-c", str(folder / "unbound.conf")])
    try:
        _wait(server, port, folder / "log")
        yield Server("127.0.0.1", port)
    finally:
        server.terminate()
        server.wait(20)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it answers."""
    query = dns.message.make_query("mail.example.org", "A")
    for _ in range(100):
        try:
            dns.query.udp(query, "127.0.0.1", port=port, timeout=0.3)
            return
        except (dns.exception.Timeout, OSError):
            assert server.poll() is None, log.read_text() if log.exists() else "unbound ended"
    pytest.fail(log.read_text())


async def test_what_it_says_is_understood(unbound: Server) -> None:
    """Signed, not signed, bogus, not there: each as unbound sends it."""
    resolver = StubResolver([unbound], attempt=20, question=60)
    signed = await resolver.query("mail.example.org", A)
    assert signed.outcome is Outcome.FOUND and signed.authenticated
    assert (await resolver.query("example.org", Caa)).authenticated
    alias = await resolver.query("self.example.org", A)
    assert alias.authenticated and alias.chain == ("self.example.org", "mail.example.org")
    for name, kind in (("mail.example.org", Txt), ("nobody.example.org", A), ("org", Caa)):
        absent = await resolver.query(name, kind)
        assert absent.outcome is (
            Outcome.NO_SUCH_NAME if name.startswith("no") else Outcome.NO_DATA
        )
        assert absent.authenticated
    for name in ("host.example.net", "www.example.org"):
        unsigned = await resolver.query(name, A)
        assert unsigned.outcome is Outcome.FOUND and not unsigned.authenticated
    for name, kind in (("mail.bogus.example", A), ("bogus.example", Caa)):
        bogus = await resolver.query(name, kind)
        assert bogus.outcome is Outcome.BOGUS and bogus.records == ()


@pytest.mark.parametrize(
    ("name", "status", "signing", "may"),
    [
        ("mail.example.org", 0, "signed", True),
        ("www.example.org", 0, "unsigned", True),
        ("example.net", 0, "unsigned", True),
        ("mail.bogus.example", 2, None, None),
    ],
)
def test_the_check(
    unbound: Server, name: str, status: int, signing: str | None, may: bool | None
) -> None:
    """`postil caa check` tells them apart."""
    command = [
        sys.executable,
        "-m",
        "postil.cli",
        "caa",
        "check",
        name,
        "--json",
        "--resolver",
        str(unbound),
    ]
    done = subprocess.run(
        [*command, "--account-uri", URI, "--method", "http-01"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["may_issue"]) == (status, may)
    if signing is not None:
        assert found["signing"] == signing
        assert [one["code"] for one in found["warnings"]] == (
            [] if signing == "signed" else ["not-signed"]
        )
    else:
        assert "bogus" in found["why"]
