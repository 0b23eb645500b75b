"""A server that orders its own certificate, over its own ports, from pebble; and shows it to clients without a restart."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import msgspec
import pytest
from cryptography import x509
from tests.support.authority import Authority, authority, root
from tools.ports import free_port

from postil.acme.files import ProviderFolder
from postil.app.server import Server, Variant, serving
from postil.config import Config
from postil.config.acme import Certificate, Provider, checked
from postil.config.model import Domain, Limits, Listener
from postil.config.problems import Finding

__all__ = ["authority", "root"]
NAME = "mail.example.org"


def config(folder: Path, one: Authority, **more: object) -> Config:
    """A machine with the ports where the authority looks."""
    settings: dict[str, object] = {
        "name": "ca",
        "directory": one.ca.directory,
        "agree_terms": True,
        "ca_file": str(one.ca.root.ca_file),
        **more,
    }
    wanted = (Certificate(names=(NAME,)), Certificate(names=("127.0.0.1",)))
    tables = checked([Provider(**settings)], wanted, NAME, folder, [])  # type: ignore[arg-type]
    ports = (
        ("imap", free_port(), "starttls", "imap"),
        ("http", one.http, "none", "http"),
        ("http", one.tls, "implicit", "https"),
    )
    return Config(
        hostname=NAME,
        data=str(folder / "data"),
        domain=(Domain(name="example.org"),),
        listener=tuple(
            Listener(protocol=protocol, port=port, tls=tls, ips=("127.0.0.1",), name=name)  # type: ignore[arg-type]
            for protocol, port, tls, name in ports
        ),
        limits=Limits(free_space=0),
        **tables,  # type: ignore[arg-type]
    )


def shown(
    server: Server, trust: Path | None, name: str | None, to: str = "127.0.0.1"
) -> x509.Certificate:
    """What a client sees that asks for the name; `trust`: it verifies, the name included."""
    context = ssl.create_default_context(cafile=str(trust) if trust else None)
    if trust is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((to, server.ports["https"]), 20) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return x509.load_der_x509_certificate(secure.getpeercert(True) or b"")


def validating(server: Server) -> None:
    """A connection like an authority's, when nothing is ordered."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["acme-tls/1"])
    with (
        socket.create_connection(("127.0.0.1", server.ports["https"]), 20) as plain,
        context.wrap_socket(plain, server_hostname=NAME),
    ):
        pass


async def both(folder: Path) -> None:
    """Until both certificates are on disk."""
    await issued(folder, NAME, "127.0.0.1")


async def issued(folder: Path, *labels: str) -> None:
    """Until all of them are on disk."""
    async with asyncio.timeout(60):
        for label in labels:
            one = ProviderFolder(folder / "data" / "acme", "ca").certificate(label)
            while (kept := one.state()) is None or not kept.chain or kept.window.look == 0:
                await asyncio.sleep(0.05)


async def trusted(
    server: Server, trust: Path, name: str, to: str = "127.0.0.1"
) -> x509.Certificate:
    """What a client sees, once it is the authority's: the disk has it a moment earlier."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await asyncio.to_thread(shown, server, trust, name, to)
            except ssl.SSLError:
                await asyncio.sleep(0.05)


@pytest.mark.rfc(
    "8737",
    "3",
    'it MUST be provisioned such that it is returned during a TLS handshake where the "acme-tls/1" application-layer protocol has been negotiated',
)
@pytest.mark.rfc(
    "8737",
    "4",
    'The "acme-tls/1" protocol MUST only be used for validating ACME tls-alpn-01 challenges.',
)
@pytest.mark.parametrize("way", ["tls-alpn-01", "http-01"])
async def test_its_own_ports(way: str, authority: Authority, tmp_path: Path) -> None:
    """Proved at its own listeners; clients get it by name or by address, at once; after a restart from the first connection on."""
    machine = config(tmp_path, authority, challenges=(way,))
    trust = tmp_path / "issuer.pem"
    trust.write_bytes(authority.ca.ask("roots/0"))
    async with serving(machine, Variant(grace=1.0)) as server:
        await both(tmp_path)
        first = await trusted(server, trust, NAME)
        address = await trusted(server, trust, "127.0.0.1")
        assert first.issuer != first.subject and address.serial_number != first.serial_number
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(validating, server)
        async with httpx2.AsyncClient(trust_env=False) as client:
            base = f"http://127.0.0.1:{server.ports['http']}"
            missing = await client.get(f"{base}/.well-known/acme-challenge/unknown")
            assert missing.status_code == 404 and "unknown" not in missing.text
            numbers = (await client.get(f"{base}/metrics")).text
        assert f'postil_acme_orders_total{{certificate="ca/{NAME}",result="issued"}} 1.0' in numbers
        ends = re.search(rf'certificate_ends_seconds{{certificate="ca/{NAME}"}} (\S+)', numbers)
        assert ends is not None and float(ends[1]) == first.not_valid_after_utc.timestamp()
    async with serving(machine, Variant(grace=1.0)) as server:
        again = await asyncio.to_thread(shown, server, trust, NAME)
        assert again == first


async def test_an_authority_that_is_away(authority: Authority, tmp_path: Path) -> None:
    """Without a certificate from anybody the server runs on its self-signed pair, and says when it tries again."""
    machine = config(tmp_path, authority, directory=f"https://localhost:{free_port()}/directory")
    async with serving(machine, Variant(grace=1.0)) as server:
        found = await asyncio.to_thread(shown, server, None, NAME)
        assert found.issuer == found.subject
        folder = ProviderFolder(tmp_path / "data" / "acme", "ca").certificate(NAME)
        async with asyncio.timeout(60):
            while (kept := folder.state()) is None or kept.last is None:
                await asyncio.sleep(0.05)
        assert kept.failed == 1 and not kept.last.ok


async def test_stopped_while_it_orders(authority: Authority, tmp_path: Path) -> None:
    """A server that is told to stop at once stops, whatever an authority is at; the next one orders."""
    machine = config(tmp_path, authority)
    for _ in range(3):
        async with asyncio.timeout(30):
            async with serving(machine, Variant(grace=0.5)):
                pass
    async with serving(machine, Variant(grace=0.5)):
        await both(tmp_path)


ADDRESSES = ("127.0.0.1", "::1")


def verified(openssl: str, trust: Path, to: str, port: int, *more: str) -> str:
    """What openssl says of a connection to an address, without a name, the certificate compared with the address."""
    shown_as = f"[{to}]:{port}" if ":" in to else f"{to}:{port}"
    command = [
        openssl, "s_client", "-connect", shown_as, "-noservername", "-verify_ip", to, "-verify_return_error",
        "-CAfile", str(trust), *more,
    ]  # fmt: skip
    done = subprocess.run(
        command, input="", capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


async def test_certificates_for_addresses(
    authority: Authority, tmp_path: Path, require_tool: Callable[[str, str], str]
) -> None:
    """RFC 8738 from the order to the client: who connects by an address, and names none, sees the certificate of that address on every port.

    Neither is the first certificate, and both addresses have one of their own.
    """
    openssl = require_tool("openssl", "openssl")
    machine = config(tmp_path, authority)
    ports = {"imaps": free_port(), "submission": free_port(), "smtp": free_port()}
    mail = (
        Listener(protocol="imap", port=ports["imaps"], tls="implicit", ips=ADDRESSES, name="imaps"),
        Listener(protocol="submission", port=ports["submission"], tls="starttls", ips=ADDRESSES, name="submission"),
        Listener(protocol="smtp", port=ports["smtp"], tls="starttls", ips=ADDRESSES, name="smtp"),
    )  # fmt: skip
    wanted = tuple(Certificate(names=(name,)) for name in (NAME, *ADDRESSES))
    found: list[Finding] = []
    tables = checked(list(machine.acme), wanted, NAME, tmp_path, found)
    assert not found
    web = tuple(
        msgspec.structs.replace(one, ips=ADDRESSES)
        for one in machine.listener
        if one.protocol == "http"
    )
    machine = msgspec.structs.replace(machine, listener=(*web, *mail), **tables)
    trust = tmp_path / "issuer.pem"
    trust.write_bytes(authority.ca.ask("roots/0"))
    async with serving(machine, Variant(grace=1.0)) as server:
        await issued(tmp_path, *(one.label for one in wanted))
        for ip in ADDRESSES:
            await trusted(server, trust, ip, to=ip)
            for port, more in (
                ("imaps", ()), ("submission", ("-starttls", "smtp")), ("smtp", ("-starttls", "smtp")),
            ):  # fmt: skip
                said = await asyncio.to_thread(verified, openssl, trust, ip, ports[port], *more)
                assert "Verify return code: 0 (ok)" in said, said
                assert "Verification: OK" in said
        # The other address's certificate is no good: the comparison is a real one.
        other = await asyncio.to_thread(
            verified, openssl, trust, "127.0.0.1", ports["imaps"], "-verify_ip", "::1"
        )
        assert "IP address mismatch" in other
