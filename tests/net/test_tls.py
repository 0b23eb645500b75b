"""TLS in memory: what OpenSSL says, octet by octet, without a socket."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from tests.net.conftest import Pair

from postil.net.certificates import server_context
from postil.net.hello import Hello
from postil.net.identities import Choice
from postil.net.naming import Alert, Asked, Decision
from postil.net.tls import NameRefused, Tls, TlsFailed


def connect(server: Tls, client: Tls) -> None:
    """Carry octets until both sides stand."""
    client.start()
    for _ in range(6):
        server.receive(client.outgoing())
        client.receive(server.outgoing())
    assert server.established and client.established


@pytest.fixture
def sides(pair: Pair) -> tuple[Tls, Tls]:
    server = Tls(pair.server())
    client = Tls(pair.client(), server=False, server_name="localhost")
    connect(server, client)
    return server, client


def test_octet_by_octet(pair: Pair) -> None:
    """However the wire cuts the octets, the handshake stands and the plaintext is the same."""
    server = Tls(pair.server())
    client = Tls(pair.client(), server=False, server_name="localhost")
    client.start()
    for _ in range(6):
        for octet in client.outgoing():
            server.receive(bytes([octet]))
        for octet in server.outgoing():
            client.receive(bytes([octet]))
    got = b""
    for octet in b"".join(client.send(b"a" * 40_000)):
        got += b"".join(server.receive(bytes([octet])))
    assert got == b"a" * 40_000


def test_what_was_agreed(pair: Pair) -> None:
    """Version, cipher, the name the client asked for, and the protocol chosen by ALPN."""
    server = Tls(pair.server(alpn=["imap", "smtp"]))
    context = pair.client()
    context.set_alpn_protocols(["smtp"])
    client = Tls(context, server=False, server_name="localhost")
    connect(server, client)
    facts = server.facts
    assert (facts.version, facts.server_name, facts.alpn) == ("TLSv1.3", "localhost", "smtp")
    assert facts.cipher.startswith("TLS_")


def test_a_chooser_gets_the_hello(pair: Pair) -> None:
    """RFC 6066 §3: what is shown depends on the name and the protocols asked for, and on the address connected to."""
    asked: list[tuple[Hello, str]] = []
    other = pair.server(alpn=["other"])

    def choose(hello: Hello, local_ip: str) -> Choice:
        asked.append((hello, local_ip))
        return Choice(other, Decision(Asked.KNOWN, "localhost"))

    server = Tls(choose, local_ip="192.0.2.1")
    context = pair.client()
    context.set_alpn_protocols(["other"])
    client = Tls(context, server=False, server_name="localhost")
    connect(server, client)
    assert asked == [(Hello(b"localhost", (b"other",)), "192.0.2.1")]
    assert server.ssl_object.context is other
    assert server.asked is Asked.KNOWN


@pytest.mark.parametrize("alert", Alert)
def test_a_chooser_refuses(pair: Pair, alert: Alert) -> None:
    """The client hears which alert it was; nothing of what it sends afterwards is read."""
    server = Tls(lambda hello, ip: Choice(None, Decision(Asked.UNKNOWN, alert=alert)))
    client = Tls(pair.client(), server=False, server_name="localhost")
    client.start()
    with pytest.raises(NameRefused, match="unknown name 'localhost'"):
        server.receive(client.outgoing())
    refusal = server.outgoing()
    assert refusal == bytes([21, 3, 3, 0, 2, 2, alert])
    with pytest.raises(TlsFailed, match=alert.name.lower().replace("_", " ")):
        client.receive(refusal)
    assert server.receive(b"more") == [] and server.outgoing() == b"" and server.ended


@pytest.mark.rfc(
    "8446",
    "6.1",
    "the sender will not send any more messages on this connection. Any data received after a closure alert has been received MUST be ignored",
)
def test_after_the_alert(sides: tuple[Tls, Tls]) -> None:
    """The peer's closure ends its direction; octets behind it are ignored, ours still go."""
    server, client = sides
    client.close()
    alert = client.outgoing()
    assert server.receive(alert) == [] and server.ended
    assert server.receive(b"whatever comes now") == []
    assert server._in.pending == 0, "ignored, not hoarded"
    assert client.receive(b"".join(server.send(b"still here"))) == [b"still here"]


def test_close_says_so(sides: tuple[Tls, Tls]) -> None:
    """RFC 8446 §6.1: closing our direction sends the alert, once."""
    server, client = sides
    server.close()
    alert = server.outgoing()
    assert alert
    server.close()
    assert server.outgoing() == b""
    assert client.receive(alert) == [] and client.ended


def test_truncation_is_an_end(sides: tuple[Tls, Tls]) -> None:
    """TCP that ends without an alert ends the plaintext too."""
    server, client = sides
    server.receive(b"".join(client.send(b"half a comm")))
    assert server.receive_end() == []
    assert server.ended


def test_garbage_in_the_handshake(pair: Pair) -> None:
    """Plaintext on a TLS port fails, with an alert to send."""
    server = Tls(pair.server())
    with pytest.raises(TlsFailed, match=r"http request|wrong version number"):
        server.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_an_alert_explains(sides: tuple[Tls, Tls]) -> None:
    """A record that was tampered with fails, and the alert for the peer is there."""
    server, client = sides
    record = bytearray(b"".join(client.send(b"hello")))
    record[-1] ^= 1
    with pytest.raises(TlsFailed):
        server.receive(bytes(record))
    assert server.outgoing()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:ssl.TLSv1:DeprecationWarning")
def test_old_versions_do_not_exist(pair: Pair, version: ssl.TLSVersion) -> None:
    """RFC 8996: TLS 1.0 and 1.1 are not spoken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    client = Tls(context, server=False)
    server = Tls(pair.server())
    client.start()
    with pytest.raises(TlsFailed, match=r"unsupported protocol|version"):
        server.receive(client.outgoing())
    with pytest.raises(TlsFailed, match="protocol version"):
        client.receive(server.outgoing())


@pytest.mark.rfc("9051", "11.1", "Clients and servers MUST implement TLS 1.2 [TLS-1.2] or newer.")
def test_tls_1_2_works(pair: Pair) -> None:
    """TLS 1.2 is still spoken."""
    context = pair.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server, client = Tls(pair.server()), Tls(context, server=False, server_name="localhost")
    connect(server, client)
    assert server.facts.version == "TLSv1.2"
    assert server.receive(b"".join(client.send(b"x" * 100_000))) == [
        b"x" * 16384 for _ in range(6)
    ] + [b"x" * (100_000 - 6 * 16384)]


def test_the_servers_choice_of_cipher(pair: Pair) -> None:
    """What the client likes best does not change it."""
    chosen = set()
    ciphers = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    for order in (ciphers, ciphers[::-1]):
        context = pair.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(":".join(order))
        server = Tls(pair.server())
        connect(server, Tls(context, server=False, server_name="localhost"))
        chosen.add(server.facts.cipher)
    assert len(chosen) == 1


@pytest.mark.rfc(
    "9051",
    "11.1",
    "Additionally, when using TLS 1.2, IMAP implementations MUST implement the TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 cipher suite.",
)
def test_the_cipher_suite_of_the_rfc(tmp_path: Path) -> None:
    """A client that has no other one is served, where the certificate is of RSA."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(cafile=str(certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    server = Tls(server_context(certificate, private))
    client = Tls(context, server=False, server_name="localhost")
    connect(server, client)
    assert server.facts.cipher == "ECDHE-RSA-AES128-GCM-SHA256"
