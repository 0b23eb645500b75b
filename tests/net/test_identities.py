"""Certificates by name, their exchange under open connections, and proofs for a certificate authority."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path

import pytest
from tests.net.test_hello import hello_of, records
from tests.net.test_tls import connect

from postil.base.clock import SystemClock
from postil.net.certificates import BadCertificate, names_of, self_signed, server_context
from postil.net.identities import Chain, Identities, Manner
from postil.net.naming import Asked, Rule
from postil.net.tls import NameRefused, Tls, TlsFailed


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Chain]:
    """A chain for each of a few sets of names, by their first name."""
    out = {}
    for names in (
        ("mail.example.org", "imap.example.org"),
        ("*.wild.example",),
        ("192.0.2.1", "2001:db8::1"),
        ("other.example",),
    ):
        folder = tmp_path_factory.mktemp("chain")
        out[names[0]] = Chain(*self_signed(folder, names, SystemClock()))
    return out


def told_nobody(asked: Asked, refused: bool) -> None:
    pass


PLAIN = Manner()


class Client:
    """Shakes hands and tells what it was shown."""

    def __init__(
        self, identities: Identities, manner: Manner = PLAIN, local_ip: str = "203.0.113.9"
    ) -> None:
        self.choose = identities.chooser(manner, told_nobody)
        self.local_ip = local_ip

    def shake(
        self, name: str | None, protocols: tuple[str, ...] = (), version: str = "TLSv1_3"
    ) -> tuple[Tls, Tls]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion[version]
        if protocols:
            context.set_alpn_protocols(list(protocols))
        server = Tls(self.choose, local_ip=self.local_ip)
        client = Tls(context, server=False, server_name=name)
        connect(server, client)
        return server, client

    def shown(self, name: str | None, *protocols: str) -> frozenset[str]:
        """The names of the certificate it sees."""
        _, client = self.shake(name, protocols)
        der = client.ssl_object.getpeercert(binary_form=True)
        assert der
        return _names(ssl.DER_cert_to_PEM_cert(der))


def _names(pem: str) -> frozenset[str]:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        return names_of(Path(file.name))


def test_each_name_has_its_certificate(made: dict[str, Chain]) -> None:
    """Exact names first, wildcards by one label; who names none gets the first chain."""
    client = Client(Identities(list(made.values())))
    assert "imap.example.org" in client.shown("imap.example.org")
    assert client.shown("a.wild.example") == {"*.wild.example"}
    assert client.shown("other.example") == {"other.example"}
    assert "mail.example.org" in client.shown(None)
    with pytest.raises(NameRefused):
        client.shake("elsewhere.example")
    with pytest.raises(NameRefused):
        client.shake("a.b.wild.example")


def test_configured_names_are_added(made: dict[str, Chain]) -> None:
    """A certificate is shown for a name of the configuration that it does not hold."""
    chain = Chain(made["other.example"].certificate, made["other.example"].key, ("localhost",))
    assert Client(Identities([chain])).shown("localhost") == {"other.example"}


def test_who_connects_by_address(made: dict[str, Chain]) -> None:
    """RFC 8738: a client of an address names none, and gets the certificate of the address it came to."""
    identities = Identities([made["mail.example.org"], made["192.0.2.1"]])
    assert "192.0.2.1" in Client(identities, local_ip="192.0.2.1").shown(None)
    assert "192.0.2.1" in Client(identities, local_ip="2001:db8::1").shown(None)
    assert "mail.example.org" in Client(identities, local_ip="192.0.2.2").shown(None)


def test_an_address_as_a_name(made: dict[str, Chain]) -> None:
    """A configured address shows a certificate that does not hold it, to who comes to it and names none."""
    other = Chain(made["other.example"].certificate, made["other.example"].key, ("2001:db8::7",))
    identities = Identities([made["mail.example.org"], other])
    assert Client(identities, local_ip="2001:db8::7").shown(None) == {"other.example"}
    assert "mail.example.org" in Client(identities, local_ip="2001:db8::8").shown(None)


@pytest.mark.rfc(
    "6066",
    "3",
    'In this event, the server SHALL include an extension of type "server_name" in the (extended) server hello.',
)
@pytest.mark.parametrize("name", ["mail.example.org", None])
def test_the_name_is_acknowledged(made: dict[str, Chain], name: str | None) -> None:
    """Where the name chose the certificate the server's hello (TLS 1.2: readable) says so, and else not."""
    seen: list[tuple[str, int, bytes]] = []

    def trace(
        conn: object, direction: str, version: int, content: int, kind: int, data: bytes
    ) -> None:
        seen.append((direction, kind, data))

    choose = Identities([made["mail.example.org"]]).chooser(Manner(), told_nobody)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context._msg_callback = trace  # type: ignore[attr-defined]
    connect(Tls(choose), Tls(context, server=False, server_name=name))
    (hello,) = [data for direction, kind, data in seen if direction == "read" and kind == 2]
    assert (b"\x00\x00\x00\x00" in _extensions(hello)) == (name is not None)


def _extensions(hello: bytes) -> list[bytes]:
    """Type and length of each extension of a server's hello."""
    at = 4 + 2 + 32
    at += 1 + hello[at]
    at += 3 + 2
    found = []
    while at < len(hello):
        length = int.from_bytes(hello[at + 2 : at + 4], "big")
        found.append(hello[at : at + 4])
        at += 4 + length
    return found


def test_replaced_whole_or_not_at_all(made: dict[str, Chain], tmp_path: Path) -> None:
    """Files that are no certificate change nothing; good ones are shown from the next connection on, old connections live on."""
    identities = Identities([made["mail.example.org"]])
    client = Client(identities)
    server, old = client.shake("mail.example.org")
    broken = Chain(tmp_path / "c.pem", tmp_path / "k.pem")
    for chains in ([], [broken], [made["other.example"], broken]):
        with pytest.raises(BadCertificate):
            identities.replace(chains)
        assert "mail.example.org" in client.shown("mail.example.org")
    identities.replace([made["other.example"]])
    assert client.shown("other.example") == client.shown(None) == {"other.example"}
    with pytest.raises(NameRefused):
        client.shake("mail.example.org")
    assert old.receive(b"".join(server.send(b"still here"))) == [b"still here"]


def test_replaced_before_anybody_listens(tmp_path: Path, made: dict[str, Chain]) -> None:
    """A broken file is found out also while there is no listener."""
    identities = Identities([made["other.example"]])
    with pytest.raises(BadCertificate):
        identities.replace([Chain(tmp_path / "none.pem", tmp_path / "none.pem")])


def test_an_encrypted_key_asks_nobody(made: dict[str, Chain], tmp_path: Path) -> None:
    """A key under a password is an error with words, not a question on a terminal that nobody watches."""
    from cryptography.hazmat.primitives import serialization

    chain = made["other.example"]
    key = serialization.load_pem_private_key(chain.key.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    )
    with pytest.raises(BadCertificate, match="encrypted"):
        Client(Identities([Chain(chain.certificate, locked)]))


@pytest.mark.rfc(
    "8737",
    "3",
    'it MUST be provisioned such that it is returned during a TLS handshake where the "acme-tls/1" application-layer protocol '
    "has been negotiated and a Server Name Indication (SNI) extension [RFC6066] has been provided containing the domain name being validated.",
)
def test_a_proof(made: dict[str, Chain]) -> None:
    """The proof is seen by who asks for it, and by nobody else; not after the order has ended."""
    identities = Identities([made["mail.example.org"]])
    client = Client(identities, Manner(("imap",)))
    proof = made["other.example"]
    identities.show_tls("Mail.example.org", proof.certificate.read_bytes(), proof.key.read_bytes())
    assert client.shown("mail.example.org", "acme-tls/1") == {"other.example"}
    server, _ = client.shake("mail.example.org", ("acme-tls/1",))
    assert server.facts.alpn == "acme-tls/1" and server.asked is Asked.ORDER
    assert "mail.example.org" in client.shown("mail.example.org", "imap")
    assert "mail.example.org" in client.shown("mail.example.org")
    assert "mail.example.org" in client.shown("mail.example.org", "acme-tls/1", "imap")
    identities.hide_tls("mail.example.org")
    with pytest.raises(NameRefused, match="no_application_protocol"):
        client.shake("mail.example.org", ("acme-tls/1",))


def test_protocols(made: dict[str, Chain]) -> None:
    """Ours is chosen where the client offers it among others; foreign ones alone end the handshake; none is fine."""
    client = Client(Identities([made["mail.example.org"]]), Manner(("http/1.1", "imap")))
    assert client.shake("mail.example.org", ("h2", "imap"))[0].facts.alpn == "imap"
    assert client.shake("mail.example.org")[0].facts.alpn is None
    with pytest.raises(NameRefused, match="no_application_protocol"):
        client.shake("mail.example.org", ("h2", "smtp"))
    any_protocol = Client(Identities([made["mail.example.org"]]), Manner(rule=Rule.FALLBACK))
    assert any_protocol.shake(None, ("smtp",))[0].facts.alpn is None


def test_versions(made: dict[str, Chain]) -> None:
    """A listener may refuse TLS 1.2."""
    identities = Identities([made["mail.example.org"]])
    both, newest = Client(identities), Client(identities, Manner(minimum=ssl.TLSVersion.TLSv1_3))
    assert both.shake(None, version="TLSv1_2")[0].facts.version == "TLSv1.2"
    with pytest.raises(Exception, match="unsupported protocol"):
        newest.shake(None, version="TLSv1_2")
    assert newest.shake(None)[0].facts.version == "TLSv1.3"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("tickets", [False, True])
def test_tickets(made: dict[str, Chain], version: str, tickets: bool) -> None:
    """Off unless asked for; new contexts have new keys, so a ticket from before does not resume."""
    identities = Identities([made["mail.example.org"]])
    choose = identities.chooser(Manner(tickets=tickets), told_nobody)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion[version]

    def again(session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
        server = Tls(choose)
        client = Tls(context, server=False, server_name="mail.example.org")
        if session is not None:
            client.ssl_object.session = session  # type: ignore[misc, attr-defined]
        connect(server, client)
        client.receive(b"".join(server.send(b"x")))  # TLS 1.3 sends tickets behind the handshake
        found = client.ssl_object
        return found.session_reused, found.session  # type: ignore[return-value]

    _, session = again(None)
    assert session is not None
    assert session.has_ticket == tickets
    resumed, session = again(session)
    assert resumed == tickets
    identities.replace(identities.chains)
    assert again(session)[0] is False


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("octets", [b"\xff", b"\xc3\xa9"])
def test_a_name_of_foreign_octets(
    made: dict[str, Chain], rule: Rule, octets: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under a wildcard, too, it gets the fallback or the alert for names, and nothing is printed about it."""
    chain = made["*.wild.example"]
    server = Tls(Identities([chain]).chooser(Manner(rule=rule), told_nobody))
    sent = hello_of("x" * len(octets) + ".wild.example")
    wild = sent.replace(b"x" * len(octets) + b".wild", octets + b".wild")
    if rule is Rule.FALLBACK:
        server.receive(wild)
        assert server.outgoing()[0] == 22  # a server's hello
    else:
        with pytest.raises(NameRefused, match="unrecognized_name: unknown name"):
            server.receive(wild)
    assert capsys.readouterr().err == ""


def renamed(hello: bytes, old: bytes, new: bytes) -> bytes:
    """Another name in a hello of one record, with all the lengths around it."""
    at = hello.index(old)
    out = bytearray(hello.replace(old, new))
    sessions = 5 + 4 + 2 + 32
    suites = sessions + 1 + out[sessions]
    methods = suites + 2 + int.from_bytes(out[suites : suites + 2], "big")
    extensions = methods + 1 + out[methods]
    for place, width in ((at - 2, 2), (at - 5, 2), (at - 7, 2), (extensions, 2), (6, 3), (3, 2)):
        longer = int.from_bytes(out[place : place + width], "big") + len(new) - len(old)
        out[place : place + width] = longer.to_bytes(width, "big")
    return bytes(out)


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("name", [b"a\0b", b"\0", b"mail.example.org\0", b"a" * 256, b"a" * 5000])
def test_what_cannot_be_a_name(made: dict[str, Chain], rule: Rule, name: bytes) -> None:
    """OpenSSL's own alert, but said by us: odd on every listener, and no failed handshake."""
    sent = renamed(hello_of("mail.example.org"), b"mail.example.org", name)
    alone = Tls(server_context(made["mail.example.org"].certificate, made["mail.example.org"].key))
    with pytest.raises(TlsFailed, match="bad extension"):
        alone.receive(sent)
    told: list[tuple[Asked, bool]] = []
    server = Tls(
        Identities(list(made.values())).chooser(
            Manner(rule=rule), lambda asked, refused: told.append((asked, refused))
        )
    )
    with pytest.raises(NameRefused, match="unrecognized_name: odd name"):
        server.receive(sent)
    assert server.outgoing() == alone.outgoing() == b"\x15\x03\x03\x00\x02\x02\x70"
    assert told == [(Asked.ODD, True)]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize("name", [b"a" * 255, b"", b".", b"-", b"a..b", b" ", b"\x01"])
def test_every_other_name_gets_the_fallback(
    made: dict[str, Chain], name: bytes, version: str
) -> None:
    """Port 25: whatever OpenSSL lets through is an unknown name, and the handshake goes on."""
    server = Tls(
        Identities([made["other.example"]]).chooser(Manner(rule=Rule.FALLBACK), told_nobody)
    )
    hello = hello_of("mail.example.org", version=version)
    server.receive(renamed(hello, b"mail.example.org", name))
    assert server.asked is Asked.UNKNOWN and server.outgoing()[0] == 22


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_hello(made: dict[str, Chain], rule: Rule, octets: bytes) -> None:
    """OpenSSL says what is wrong with it; it is not counted as a client that names nobody."""
    told: list[tuple[Asked, bool]] = []
    choose = Identities([made["other.example"]]).chooser(
        Manner(rule=rule), lambda asked, refused: told.append((asked, refused))
    )
    with pytest.raises(TlsFailed) as failed:
        Tls(choose).receive(octets)
    assert not isinstance(failed.value, NameRefused)
    assert told == [(Asked.ODD, False)]


@pytest.mark.parametrize("rule", Rule)
def test_the_hello_of_ssl_2(made: dict[str, Chain], rule: Rule) -> None:
    """It is read by OpenSSL alone, and ends in its alert."""
    suites = b"\x00\xc0\x2b\x00\xc0\x2f\x00\x00\xff"
    body = b"\x01\x03\x03" + len(suites).to_bytes(2, "big") + b"\x00\x00\x00\x20" + suites
    body += bytes(range(32))
    server = Tls(Identities([made["other.example"]]).chooser(Manner(rule=rule), told_nobody))
    with pytest.raises(TlsFailed):
        server.receive((0x8000 | len(body)).to_bytes(2, "big") + body)
    assert server.outgoing()[0] == 21 and server.asked is Asked.ODD


def test_a_hello_too_long_to_read(made: dict[str, Chain]) -> None:
    """Cut into small records, with 40 KiB of padding: a strict listener shows no certificate, and it takes no more than that memory."""
    sent = padded(hello_of("other.example"), 40_000)
    for rule in Rule:
        server = Tls(Identities([made["other.example"]]).chooser(Manner(rule=rule), told_nobody))
        with pytest.raises(TlsFailed) if rule is Rule.STRICT else contextlib.nullcontext():
            server.receive(records(sent, 1000))
        assert server.outgoing()[0] == (21 if rule is Rule.STRICT else 22)


def padded(sent: bytes, count: int) -> bytes:
    """The hello's message with an extension "padding" (RFC 7685) of that many octets."""
    message = bytearray(sent[5:])
    at = 4 + 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2], "big")
    at += 1 + message[at]
    extra = b"\x00\x15" + count.to_bytes(2, "big") + bytes(count)
    length = int.from_bytes(message[at : at + 2], "big") + len(extra)
    message[at + 2 : at + 2] = extra
    message[at : at + 2] = length.to_bytes(2, "big")
    message[1:4] = (len(message) - 4).to_bytes(3, "big")
    return bytes(message)


def test_a_hello_of_several_records(made: dict[str, Chain]) -> None:
    """Above 16 KiB it cannot be in one record; its name counts all the same."""
    sent = padded(hello_of("other.example"), 20_000)
    identities = Identities([made["mail.example.org"], made["other.example"]])
    server = Tls(identities.chooser(Manner(rule=Rule.STRICT), told_nobody))
    for octet in records(sent, 16_000):
        server.receive(bytes([octet]))
    assert server.asked is Asked.KNOWN and server.outgoing()[0] == 22
