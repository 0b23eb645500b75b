"""The request for a certificate and the chain that comes back: built, read, and compared with what was asked for.

RFC 8555 §7.4 (CSR), §9.1 (chain).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from postil.acme import keys, limits
from postil.acme.identifiers import identifier
from postil.acme.jws import PrivateKey
from postil.acme.problem import OrderFailed

_OTHER: Final = re.compile(rb"-----BEGIN(?! CERTIFICATE-----)[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a certificate is needed later. Times are seconds since the epoch."""

    names: frozenset[str]
    not_before: float
    not_after: float
    serial: int
    issuer: str
    authority_key: bytes | None  # keyIdentifier of the authority key identifier
    spki_sha256: str


def request(names: Sequence[str], key: PrivateKey) -> bytes:
    """A CSR for exactly these names, DER."""
    alternatives: list[x509.GeneralName] = []
    for name in names:
        one = identifier(name)
        if one.type == "ip":
            alternatives.append(x509.IPAddress(ipaddress.ip_address(one.value)))
        else:
            alternatives.append(x509.DNSName(one.value))
    # RFC 8555 §7.4: "The CSR MUST indicate the exact same set of requested identifiers as the initial newOrder request.", and
    # names of type dns "MUST appear either in the commonName portion of the requested subject name or in an extensionRequest
    # attribute [RFC2985] requesting a subjectAltName extension, or both."
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def der(chain_pem: bytes) -> bytes:
    """The first certificate of the chain, DER."""
    return x509.load_pem_x509_certificates(chain_pem)[0].public_bytes(serialization.Encoding.DER)


def facts(chain_pem: bytes) -> Facts:
    """Of the first certificate in the chain; ValueError when there is none."""
    leaf = x509.load_pem_x509_certificates(chain_pem)[0]
    names: set[str] = set()
    authority_key = None
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names |= {one.lower() for one in extension.value.get_values_for_type(x509.DNSName)}
            names |= {str(one) for one in extension.value.get_values_for_type(x509.IPAddress)}
        elif isinstance(extension.value, x509.AuthorityKeyIdentifier):
            authority_key = extension.value.key_identifier
    found = leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        leaf.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return Facts(
        names=frozenset(names),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
        serial=leaf.serial_number,
        issuer=str(found[0].value) if found else leaf.issuer.rfc4514_string(),
        authority_key=authority_key,
        spki_sha256=digest.finalize().hex(),
    )


def accept(body: bytes, names: Sequence[str], key: PrivateKey, now: float) -> tuple[bytes, Facts]:
    """The chain in clean PEM; OrderFailed when it is not the certificate that was ordered."""
    # RFC 8555 §11.4: "if the string "-----BEGIN" is ever followed by anything other than "CERTIFICATE"), then the client MUST
    # reject the file as invalid."
    if foreign := _OTHER.search(body):
        shown = foreign[0][:60].decode("ascii", "replace")
        raise OrderFailed(f"what was issued holds something else than certificates: {shown!r}")
    try:
        certificates = x509.load_pem_x509_certificates(body)
        # RFC 8555 §9.1: "In order to provide easy interoperation with TLS, the first certificate MUST be an end-entity
        # certificate."
        found = facts(body)
    except (
        ValueError,
        TypeError,
        x509.UnsupportedGeneralNameType,
        x509.DuplicateExtension,
    ) as error:
        raise OrderFailed(f"what was issued is no chain of certificates: {error}") from error
    if len(certificates) > limits.CHAIN:
        raise OrderFailed(f"what was issued has {len(certificates)} certificates")
    if found.spki_sha256 != keys.digest(key):
        raise OrderFailed("the certificate that was issued has another key than the one we sent")
    wanted = frozenset(identifier(name).value for name in names)
    if found.names != wanted:
        raise OrderFailed(
            "the certificate that was issued is for other names:"
            f" {', '.join(sorted(found.names)) or 'none'} instead of {', '.join(sorted(wanted))}"
        )
    if found.not_after <= now:
        raise OrderFailed("the certificate that was issued has already expired")
    chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)
    return chain, found
