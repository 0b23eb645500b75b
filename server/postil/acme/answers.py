"""What answers a challenge: the text of http-01, the record of dns-01, the certificate of tls-alpn-01.

RFC 8555 §8.1, §8.3, §8.4; RFC 8737 §3; RFC 8738 §6.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postil.acme import keys
from postil.acme.identifiers import Identifier
from postil.acme.jws import PrivateKey, b64url, thumbprint

# RFC 8737 §3: "id-pe-acmeIdentifier OBJECT IDENTIFIER ::= { id-pe 31 }"
ACME_IDENTIFIER: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_OCTET_STRING: Final = b"\x04\x20"  # tag and length of 32 octets, DER
_LIFETIME: Final = datetime.timedelta(days=7)
_BACKDATED: Final = datetime.timedelta(hours=1)


def key_authorization(token: str, account: PrivateKey) -> str:
    """RFC 8555 §8.1: "keyAuthorization = token || '.' || base64url(Thumbprint(accountKey))"."""
    return f"{token}.{thumbprint(account)}"


def record_value(authorization: str) -> str:
    """RFC 8555 §8.4: "The record provisioned to the DNS contains the base64url encoding of this digest."."""
    return b64url(hashlib.sha256(authorization.encode("ascii")).digest())


def certificate(name: Identifier, authorization: str, now: float) -> tuple[bytes, bytes]:
    """The self-signed certificate of tls-alpn-01 and its key, both PEM."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    # RFC 8737 §3: "The subjectAlternativeName extension MUST contain a single dNSName entry where the value is the domain
    # name being validated."
    alternative: x509.GeneralName = x509.DNSName(name.base)
    if name.type == "ip":
        # RFC 8738 §6: "the subjectAltName extension in the validation certificate MUST contain a single iPAddress that matches
        # the address being validated."
        alternative = x509.IPAddress(ipaddress.ip_address(name.value))
    digest = hashlib.sha256(authorization.encode("ascii")).digest()
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _BACKDATED)
        .not_valid_after(at + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        # RFC 8737 §3: "The acmeIdentifier extension MUST contain the SHA-256 digest [FIPS180-4] of the key authorization",
        # "The acmeIdentifier extension MUST be critical"
        .add_extension(
            x509.UnrecognizedExtension(ACME_IDENTIFIER, _OCTET_STRING + digest), critical=True
        )
        .sign(private, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), keys.dump(private)
