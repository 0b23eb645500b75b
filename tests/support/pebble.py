"""Pebble, the ACME server for tests of the authority that wrote half of RFC 8555, as a process of its own; with a name server beside it.

It speaks TLS with a certificate of a root made here, forgets everything when it ends, and validates on the ports it is told.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tools.ports import free_port

START_SECONDS = 30  # a busy machine; alone it takes a tenth
EAB = {"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}


@dataclass(frozen=True)
class Root:
    """A root of trust and a certificate for 127.0.0.1 and localhost from it, PEM files."""

    ca_file: Path
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """For a server of the tests."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_root(folder: Path) -> Root:
    """Fresh ones in the folder."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("root", "server")
    ]
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    made = []
    for index, (key, name) in enumerate(zip(keys, names, strict=True)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=index == 0, path_length=None), True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        if index == 0:
            builder = builder.add_extension(usage, True)
        else:
            own = [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(own), False)
        made.append(builder.sign(keys[0], hashes.SHA256()))
    root = Root(folder / "root.pem", folder / "server.pem", folder / "server-key.pem")
    root.ca_file.write_bytes(made[0].public_bytes(serialization.Encoding.PEM))
    root.certificate.write_bytes(made[1].public_bytes(serialization.Encoding.PEM))
    root.key.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return root


@dataclass(frozen=True)
class NameServer:
    """pebble-challtestsrv, as a name server only: every name is 127.0.0.1, TXT records are what it is told."""

    port: int
    management: int

    def post(self, path: str, value: Mapping[str, str]) -> None:
        """Tell it."""
        url = f"http://127.0.0.1:{self.management}/{path}"
        httpx2.post(url, json=dict(value), timeout=20, trust_env=False).raise_for_status()


@dataclass(frozen=True)
class Pebble:
    """A running authority."""

    directory: str
    management: str
    root: Root
    process: subprocess.Popen[bytes]

    def ask(self, path: str) -> bytes:
        """From its management interface."""
        context = ssl.create_default_context(cafile=str(self.root.ca_file))
        url = f"{self.management}/{path}"
        return httpx2.get(url, verify=context, timeout=20, trust_env=False).content

    def status_of(self, serial: int) -> str:
        """ "Valid" or "Revoked"."""
        found: str = json.loads(self.ask(f"cert-status-by-serial/{serial:x}"))["Status"]
        return found


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"ended at once with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("does not listen")


@contextlib.contextmanager
def _running(
    command: list[str], port: int, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    try:
        _await(port, process)
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def name_server(program: str) -> Iterator[NameServer]:
    """Until the block ends."""
    server = NameServer(free_port(), free_port())
    command = [program, "-dns01", f"127.0.0.1:{server.port}"]
    command += ["-management", f"127.0.0.1:{server.management}"]
    command += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""]
    with _running(command, server.management):
        yield server


@contextlib.contextmanager
def pebble(
    program: str,
    folder: Path,
    *,
    http: int = 1,
    tls: int = 1,
    dns: NameServer | None = None,
    eab: bool = False,
    root: Root | None = None,
    port: int | None = None,
    **environment: str,
) -> Iterator[Pebble]:
    """Until the block ends; `http` and `tls` are the ports where it validates."""
    root = root or make_root(folder)
    port, management = port or free_port(), free_port()
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(root.certificate),
        "privateKey": str(root.key),
        "httpPort": http,
        "tlsPort": tls,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": eab,
        "externalAccountMACKeys": EAB,
    }
    file = folder / f"pebble-{port}.json"
    file.write_text(json.dumps({"pebble": config}))
    command = [program, "-config", str(file), "-strict"]
    if dns is not None:
        command += ["-dnsserver", f"127.0.0.1:{dns.port}"]
    settings = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **environment}
    with _running(command, port, **settings) as process:
        yield Pebble(
            f"https://localhost:{port}/dir", f"https://127.0.0.1:{management}", root, process
        )
