"""The request for a certificate, and what is taken for an answer."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from hypothesis import given
from hypothesis import strategies as st

from postil.acme import chain, keys
from postil.acme.jws import PrivateKey
from postil.acme.problem import OrderFailed

NOW = 1_790_000_000.0
KEY = keys.make("ecdsa")
ISSUER = keys.make("rsa")


def certificate(key: PrivateKey, *names: str, days: float = 90) -> bytes:
    """By an issuer of the tests, PEM."""
    at = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Issuer")])
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(at - datetime.timedelta(days=100))
        .not_valid_after(at + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), True)
        .sign(ISSUER, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


GOOD = certificate(KEY, "a.example")
OTHER = certificate(ISSUER, "issuer.example")


@pytest.mark.rfc(
    "8555",
    "7.4",
    "The CSR MUST indicate the exact same set of requested identifiers as the initial newOrder request.",
)
@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_request(kind: str) -> None:
    """Every name and address, nothing else, signed with the key that it is for."""
    key = keys.make(kind)
    names = ("a.example", "*.b.example", "192.0.2.1", "2001:db8::1")
    csr = x509.load_der_x509_csr(chain.request(names, key))
    assert csr.is_signature_valid and csr.public_key() == key.public_key()
    (extension,) = csr.extensions
    assert isinstance(extension.value, x509.SubjectAlternativeName)
    assert [one.value for one in extension.value] == [
        "a.example",
        "*.b.example",
        ipaddress.ip_address("192.0.2.1"),
        ipaddress.ip_address("2001:db8::1"),
    ]


def test_accept() -> None:
    """The chain in clean PEM whatever stood around it; what is needed later is read out of it."""
    body = b"Subject: x\n" + GOOD.replace(b"\n", b"\r\n") + b"\n\n" + OTHER + b"trailing"
    pem, facts = chain.accept(body, ["A.example"], KEY, NOW)
    assert pem == GOOD + OTHER
    assert facts.names == {"a.example"} and facts.issuer == "Issuer" and facts.serial == 7
    assert facts.not_after == NOW + 90 * 86400 and facts.spki_sha256 == keys.digest(KEY)


@pytest.mark.rfc(
    "8555",
    "9.1",
    "In order to provide easy interoperation with TLS, the first certificate MUST be an end-entity certificate.",
)
@pytest.mark.rfc("8555", "11.4", "then the client MUST reject the file as invalid.")
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (OTHER + GOOD, "another key"),
        (GOOD + keys.dump(KEY), "something else than certificates: '-----BEGIN PRIVATE KEY-----'"),
        (GOOD + b"-----BEGIN X509 CRL-----\n", "something else"),
        (GOOD + b"-----BEGINX\n", "something else"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no chain"),
        (GOOD[:200], "no chain"),
        (b"", "no chain"),
        (GOOD * 21, "has 21 certificates"),
        (certificate(KEY, "a.example", "b.example"), "for other names: a.example, b.example instead"),
        (certificate(KEY, "b.example"), "for other names"),
        (certificate(KEY), "for other names: none instead"),
        (certificate(KEY, "a.example", days=0), "already expired"),
    ],
)  # fmt: skip
def test_refused(body: bytes, says: str) -> None:
    """Nothing is installed that is not what was ordered."""
    with pytest.raises(OrderFailed) as caught:
        chain.accept(body, ["a.example"], KEY, NOW)
    assert says in str(caught.value)


@given(st.binary(max_size=300) | st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=5)).map(lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + 1 :]))  # fmt: skip
def test_any_octets(body: bytes) -> None:
    """A certificate with an octet or five changed, or no certificate at all: taken as it is, or refused in our words."""
    try:
        chain.accept(body, ["a.example"], KEY, NOW)
    except OrderFailed as refused:
        assert str(refused).isprintable()
