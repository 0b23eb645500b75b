"""Answers to challenges, looked at by somebody else's reader of certificates."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509

from postil.acme import answers, keys
from postil.acme.identifiers import identifier, record_name, server_name
from postil.acme.jws import thumbprint, unb64url

NOW = 1_790_000_000.0


@pytest.mark.rfc(
    "8555",
    "8.1",
    'concatenates the token for the challenge with a key fingerprint, separated by a "." character',
)
def test_key_authorization() -> None:
    """Token, dot, thumbprint."""
    key = keys.make("ecdsa")
    assert answers.key_authorization("tok-en_1", key) == f"tok-en_1.{thumbprint(key)}"


@pytest.mark.rfc(
    "8737",
    "3",
    "The client prepares for validation by constructing a self-signed certificate that MUST contain an acmeIdentifier extension and a subjectAlternativeName extension [RFC5280].",
)
@pytest.mark.rfc(
    "8737",
    "3",
    "The subjectAlternativeName extension MUST contain a single dNSName entry where the value is the domain name being validated.",
)
@pytest.mark.rfc(
    "8737",
    "3",
    "The acmeIdentifier extension MUST contain the SHA-256 digest [FIPS180-4] of the key authorization [RFC8555] for the challenge.",
)
@pytest.mark.rfc(
    "8737",
    "3",
    "The acmeIdentifier extension MUST be critical so that the certificate isn't inadvertently used by non-ACME software.",
)
@pytest.mark.rfc("8737", "3", "all dNSNames MUST be encoded using the rules of [RFC3492].")
@pytest.mark.parametrize("name", ["mail.example.org", "xn--bcher-kva.example"])
def test_certificate(name: str) -> None:
    """One name, one critical extension with the digest as an OCTET STRING, signed by itself, with the key that comes along."""
    pem, key_pem = answers.certificate(identifier(name), "token.print", NOW)
    made = x509.load_pem_x509_certificate(pem)
    made.verify_directly_issued_by(made)
    assert keys.load(key_pem).public_key() == made.public_key()
    alternative = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [(type(one), one.value) for one in alternative] == [(x509.DNSName, name)]
    extension = made.extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31"))
    assert extension.critical
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    digest = hashlib.sha256(b"token.print").digest()
    assert extension.value.value == bytes([4, 32]) + digest


@pytest.mark.rfc(
    "8738",
    "6",
    "the subjectAltName extension in the validation certificate MUST contain a single iPAddress that matches the address being validated.",
)
@pytest.mark.rfc(
    "8738",
    "6",
    "the server MUST instead use the IN-ADDR.ARPA [RFC1034] or IP6.ARPA [RFC3596] reverse mapping of the IP address as the HostName field value",
)
@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("192.0.2.7", "7.2.0.192.in-addr.arpa"),
        ("2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_address(address: str, asked: str) -> None:
    """The certificate holds the address, and is asked for by the name of its reverse mapping."""
    one = identifier(address)
    pem, _ = answers.certificate(one, "token.print", NOW)
    made = x509.load_pem_x509_certificate(pem)
    alternative = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [(type(it), str(it.value)) for it in alternative] == [(x509.IPAddress, address)]
    assert server_name(one) == asked


@pytest.mark.rfc(
    "8738",
    "3",
    "The value field of the identifier MUST contain the textual form of the address as defined in Section 2.1 of [RFC1123] for IPv4 and in Section 4 of [RFC5952] for IPv6.",
)
@pytest.mark.rfc(
    "8555",
    "7.1.4",
    "The domain name MUST be encoded in the form in which it would appear in a certificate.",
)
@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("Mail.Example.ORG", "dns", "mail.example.org"),
        ("*.example.org", "dns", "*.example.org"),
        ("192.0.2.7", "ip", "192.0.2.7"),
        ("2001:0DB8:0:0:0:0:0:1", "ip", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "ip", "2001:db8:0:1:1:1:1:1"),
    ],
)
def test_identifier(written: str, kind: str, value: str) -> None:
    """Names in lower case, addresses in the one form that RFC 5952 gives them."""
    made = identifier(written)
    assert (made.type, made.value) == (kind, value)


@pytest.mark.rfc(
    "8555", "8.4", 'prepending the label "_acme-challenge" to the domain name being validated'
)
def test_record() -> None:
    """The record's name is without the asterisk, its value the digest."""
    assert record_name(identifier("*.example.org")) == "_acme-challenge.example.org"
    assert unb64url(answers.record_value("token.print")) == hashlib.sha256(b"token.print").digest()
