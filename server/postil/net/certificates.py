"""Certificates: the context servers use, and a self-signed pair for machines that have none.

The self-signed pair lies in the data folder, so that a client which once accepted it is not asked again after a
restart. It is made anew when it has expired, soon will, or does not name what it should.

Contexts (RFC 9325 §3.1.1: nothing below TLS 1.2): no renegotiation (RFC 9325 §3.5 fears it, nobody needs it), no compression,
the server's choice of cipher. Session tickets are off unless asked for: two tickets cost a quarter of the handshake and
resuming saves nothing measurable here.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postil.base.clock import Clock
from postil.base.durable import write_private
from postil.net import clientkeys

LIFETIME: Final = datetime.timedelta(days=397)  # the longest that Apple's clients accept
RENEW_BEFORE: Final = datetime.timedelta(days=30)
_BACKDATED: Final = datetime.timedelta(hours=1)  # the client's clock may be behind ours
CERTIFICATE_FILE: Final = "tls-certificate.pem"
KEY_FILE: Final = "tls-key.pem"


class BadCertificate(Exception):
    """The files do not make a certificate; the text names them."""


def server_context(
    certificate: Path,
    key: Path,
    *,
    alpn: Sequence[str] = (),
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    tickets: bool = False,
    acknowledge_name: bool = False,
    client_keys: bool = False,
) -> ssl.SSLContext:
    """A context that shows the certificate, and with `client_keys` asks the client for one; BadCertificate."""
    context = bare_context(minimum)
    context.num_tickets = int(tickets)
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, _Encrypted) as error:
        raise BadCertificate(f"{certificate} and {key} make no certificate: {error}") from error
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if acknowledge_name:
        context.sni_callback = _acknowledge
    if client_keys:
        clientkeys.ask(context)
    return context


def bare_context(minimum: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's context without a certificate: every handshake ends in an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


class _Encrypted(Exception):
    """The key is under a password, and nobody is there to type it."""


def _no_password() -> str:
    raise _Encrypted("the key is encrypted: give one that is not, readable by this user only")


def _acknowledge(*_: object) -> None:
    """RFC 6066 §3: "In this event, the server SHALL include an extension of type "server_name" in the (extended) server hello." """


def _leaf(certificate: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise BadCertificate(f"{certificate} is no certificate: {error}") from error


def lasts(certificate: Path) -> tuple[datetime.datetime, datetime.datetime]:
    """From when to when a certificate is valid; BadCertificate."""
    leaf = _leaf(certificate)
    return leaf.not_valid_before_utc, leaf.not_valid_after_utc


def names_of(certificate: Path) -> frozenset[str]:
    """The names a certificate is for (RFC 9525 §2: its subjectAltName alone), in lower case; BadCertificate."""
    leaf = _leaf(certificate)
    try:
        shown = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    except ValueError as error:
        raise BadCertificate(f"{certificate} is no certificate: {error}") from error
    addresses = (str(ip) for ip in shown.get_values_for_type(x509.IPAddress))
    return frozenset(
        [*(name.lower() for name in shown.get_values_for_type(x509.DNSName)), *addresses]
    )


def self_signed(folder: Path, names: Sequence[str], clock: Clock) -> tuple[Path, Path]:
    """The files of the pair kept in `folder`, made or renewed when needed; `names` may be IP addresses."""
    certificate, key = folder / CERTIFICATE_FILE, folder / KEY_FILE
    now = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    if not _usable(certificate, key, names, now):
        certificate_pem, key_pem = _make(names, now)
        write_private(key, key_pem)
        write_private(certificate, certificate_pem)
    return certificate, key


def _alternative(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _usable(certificate: Path, key: Path, names: Sequence[str], now: datetime.datetime) -> bool:
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
        shown = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    fits = _spki(private.public_key()) == _spki(loaded.public_key())
    current = loaded.not_valid_before_utc <= now < loaded.not_valid_after_utc - RENEW_BEFORE
    return fits and current and all(name in shown for name in _alternative(names))


def _spki(key: object) -> bytes:
    encode = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    octets = key.public_bytes(*encode)  # type: ignore[attr-defined]
    assert isinstance(octets, bytes)
    return octets


def _make(names: Sequence[str], now: datetime.datetime) -> tuple[bytes, bytes]:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    # It is its own authority, so that `curl --cacert` and a system's store of trusted authorities take it.
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (
        (x509.SubjectAlternativeName(_alternative(names)), False),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(private, hashes.SHA256())
    key_pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem
