"""Channel binding: both ends see the same, no two connections do, and what is not safe is not offered."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from tests.net.conftest import Pair, Serve

from postil.net import binding, openssl
from postil.net.openssl import Unreachable
from postil.net.stream import Connection
from postil.ports.channel import OPEN, Channel

NO_EMS = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def ends(
    server: ssl.SSLContext,
    version: ssl.TLSVersion,
    *,
    options: int = 0,
    session: ssl.SSLSession | None = None,
    client: ssl.SSLContext | None = None,
) -> tuple[ssl.SSLObject, ssl.SSLObject, ssl.SSLContext]:
    """Both ends of a connection in memory, and the client's context for another."""
    if client is None:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.minimum_version = client.maximum_version = version
        client.options |= options
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(down, up, session=session)
    ours = server.wrap_bio(up, down, server_side=True)
    waiting = [theirs, ours]
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    return ours, theirs, client


def test_the_self_test_passes() -> None:
    """On the interpreters that the project runs on, binding works."""
    assert binding.self_test() is None


@pytest.mark.rfc(
    "9266",
    "3",
    'Implementations that support channel binding over TLS 1.3 MUST implement "tls-exporter".',
)
@pytest.mark.rfc(
    "5802",
    "6.1",
    'Servers MUST implement the "tls-unique" [RFC5929] channel binding type, if they implement any channel binding.',
)
@pytest.mark.parametrize(
    ("version", "kinds"),
    [
        (V13, ("tls-exporter", "tls-server-end-point")),
        (V12, ("tls-unique", "tls-server-end-point")),
    ],
)
def test_both_ends(pair: Pair, version: ssl.TLSVersion, kinds: tuple[str, ...]) -> None:
    """Each type of a version gives the same on both sides; unique ones differ between connections."""
    one, one_client, _ = ends(pair.server(), version)
    other, _, _ = ends(pair.server(), version)
    assert binding.types(one) == kinds
    for kind in kinds:
        data = binding.data(one, kind)
        assert data and data == binding.data(one_client, kind, server=False)
        assert (data == binding.data(other, kind)) == (kind == "tls-server-end-point")
    for kind in {"tls-exporter", "tls-unique", "tls-unique-for-telnet", ""} - set(kinds):
        assert binding.data(one, kind) is None


async def test_another_program_exports_the_same(
    pair: Pair, serve: Serve, require_tool: Callable[[str, str], str]
) -> None:
    """Label, context and length are RFC 9266's: openssl's own program, given the label, prints what we bind to."""
    openssl = require_tool("openssl", "openssl")
    seen: list[bytes | None] = []

    async def session(connection: Connection) -> None:
        seen.append(connection.channel.data("tls-exporter"))
        await connection.close()

    async with serve(session, implicit=True) as running:
        process = await asyncio.create_subprocess_exec(
            *(openssl, "s_client", "-connect", f"127.0.0.1:{running.port}", "-tls1_3"),
            *("-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
    told = re.search(rb"Keying material: ([0-9A-F]{64})", output)
    assert told is not None
    assert seen == [bytes.fromhex(told[1].decode())]


@pytest.mark.rfc(
    "7677",
    "4",
    "SCRAM-SHA-1-PLUS MUST be used over a TLS channel that has had the session hash extension [RFC7627] negotiated",
)
@pytest.mark.rfc("7677", "4", "or session resumption MUST NOT have been used.")
@pytest.mark.parametrize("ems", [True, False])
def test_resumption(pair: Pair, ems: bool) -> None:
    """TLS 1.2: a session taken up again binds only with the extended master secret."""
    server = pair.server()
    ours, theirs, client = ends(server, V12, options=0 if ems else NO_EMS)
    assert binding.extended_master_secret(ours) == ems
    assert binding.types(ours)
    again, their_again, _ = ends(server, V12, session=theirs.session, client=client)
    assert again.session_reused and their_again.session_reused
    assert bool(binding.types(again)) == ems
    if ems:
        assert binding.data(again, "tls-unique") == binding.data(
            their_again, "tls-unique", server=False
        )
        assert binding.data(again, "tls-unique") != binding.data(ours, "tls-unique")


def certificate(key: object, algorithm: hashes.HashAlgorithm | None) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[attr-defined]
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(1))
        .sign(key, algorithm)  # type: ignore[arg-type]
        .public_bytes(serialization.Encoding.DER)
    )


def test_end_point_hashes() -> None:
    """RFC 5929 §4.1: the hash of the signature; SHA-256 in the place of SHA-1; none where the signature has none."""
    curve = ec.generate_private_key(ec.SECP256R1())
    for algorithm, name in (
        (hashes.SHA256(), "sha256"),
        (hashes.SHA384(), "sha384"),
        (hashes.SHA512(), "sha512"),
        (hashes.SHA3_256(), "sha3_256"),
    ):
        made = certificate(curve, algorithm)
        assert binding.end_point(made) == hashlib.new(name, made).digest()
    made = certificate(rsa.generate_private_key(65537, 2048), hashes.SHA384())
    assert binding.end_point(made) == hashlib.sha384(made).digest()
    assert binding.end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None
    assert binding.end_point(b"no certificate") is None


def test_sha1_becomes_sha256(tmp_path: Path, require_tool: Callable[[str, str], str]) -> None:
    """RFC 5929 §4.1, with a certificate of the kind that only openssl's program still makes."""
    command = [
        require_tool("openssl", "openssl"),
        "req",
        "-x509",
        "-sha1",
        "-nodes",
        "-subj",
        "/CN=x",
    ]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER"]
    command += ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    subprocess.run(command, check=True, capture_output=True)
    made = (tmp_path / "certificate").read_bytes()
    found = x509.load_der_x509_certificate(made).signature_hash_algorithm
    assert found is not None and found.name == "sha1"
    assert binding.end_point(made) == hashlib.sha256(made).digest()


async def test_a_connection_offers_it(pair: Pair, serve: Serve) -> None:
    """Through the stream: nothing before TLS, both types behind it, and the client sees the same data."""
    seen: list[Channel] = []
    data: list[bytes | None] = []

    async def session(connection: Connection) -> None:
        seen.append(connection.channel)
        data.append(connection.channel.data("tls-exporter"))
        connection.write(b"go\r\n")
        await connection.start_tls()
        seen.append(connection.channel)
        data.append(connection.channel.data("tls-exporter"))
        connection.write(b"seen")

    async with serve(session, start=True) as running:

        def client() -> bytes:
            with socket.create_connection(("127.0.0.1", running.port)) as plain:
                assert plain.recv(10) == b"go\r\n"
                with pair.client().wrap_socket(plain, server_hostname="localhost") as wrapped:
                    assert wrapped.recv(10) == b"seen"
                    return binding.exporter(wrapped)  # type: ignore[arg-type]

        theirs = await asyncio.to_thread(client)
    assert seen[0] == OPEN
    assert seen[1].types == ("tls-exporter", "tls-server-end-point")
    assert data == [None, theirs]


def test_without_support(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the self-test fails nothing is offered, and a client that would bind is believed that it saw nothing."""
    monkeypatch.setattr(binding, "self_test", lambda: "another interpreter")
    ours, _, _ = ends(pair.server(), V13)
    assert binding.channel(ours) == Channel(tls=True, supported=False)


def test_another_layout_is_noticed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the words are not where they should be, nothing is called with them."""
    ours, _, _ = ends(pair.server(), V13)
    monkeypatch.setattr(openssl, "HEADER", object.__basicsize__ + 8)
    with pytest.raises(Unreachable):
        openssl.pointer(ours)


def test_the_self_test_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that gives the same for every connection, or something else at each end, is found out."""
    fresh = binding.self_test.__wrapped__
    monkeypatch.setattr(binding, "exporter", lambda tls: b"\0" * 32)
    assert "bound alike" in (fresh() or "")
    monkeypatch.setattr(binding, "exporter", lambda tls: id(tls).to_bytes(32))
    assert "disagree" in (fresh() or "")
