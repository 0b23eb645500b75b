"""TLS keys that may log in as an account, without a password (`postil tlskey`): what a mail program shows at the handshake.

Only the key counts. A certificate around it may have been made by anybody, name anybody and have expired: it is the wrapping that TLS
demands. What is kept is the SHA-256 of the SubjectPublicKeyInfo.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postil.accounts.admin import AccountError, Administration, checked_label, protocol_words
from postil.base.clock import Clock

SMALLEST_RSA: Final = 2048  # bits; RFC 9325 §4.5
LIFETIME: Final = datetime.timedelta(
    days=3650
)  # of a certificate we make: programs refuse to show an expired one


@dataclass(frozen=True, slots=True)
class TlsKeyRow:
    """A key, as lists show it."""

    label: str
    sha256: str  # of the SubjectPublicKeyInfo, in hex
    protocols: tuple[str, ...]
    created: int  # seconds since the epoch
    last_used: int | None  # to within some minutes


def digest(pem: bytes) -> str:
    """The SHA-256 of the public key in a file that holds a certificate or a public key; AccountError."""
    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        elif b"-----BEGIN PUBLIC KEY-----" in pem:
            key = serialization.load_pem_public_key(pem)  # type: ignore[assignment]
        else:
            raise AccountError("the file holds neither a certificate nor a public key in PEM")
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AccountError(f"the key cannot be read: {error}") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < SMALLEST_RSA:
        raise AccountError(
            f"an RSA key of {key.key_size} bits is too weak: use {SMALLEST_RSA} or more"
        )
    if not isinstance(
        key,
        rsa.RSAPublicKey
        | ec.EllipticCurvePublicKey
        | ed25519.Ed25519PublicKey
        | ed448.Ed448PublicKey,
    ):
        raise AccountError("TLS knows no signatures of this kind of key: use RSA, ECDSA or Ed25519")
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(octets).hexdigest()


def generate(name: str, clock: Clock) -> bytes:
    """A new key and a certificate around it that it signed itself, both as PEM in one file; `name` is shown by programs that offer a choice."""
    private = ec.generate_private_key(ec.SECP256R1())
    # RFC 5280 appendix A.1: ub-common-name is 64 characters.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.datetime.fromtimestamp(clock.now(), datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key = private.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key + certificate.public_bytes(Encoding.PEM)


async def add(
    database: Administration, name: str, label: str, sha256: str, protocols: Sequence[str]
) -> TlsKeyRow:
    """The key may log in as the account from now on.

    The same again changes nothing. With other protocols it becomes another key: sessions of the old one end.
    """
    row = await database.show(name)
    label = checked_label(label)
    words = protocol_words(protocols)
    async with database.changing() as connection:
        kept = await connection.execute_fetchall(
            "SELECT account, label, protocols FROM tls_key WHERE digest = ?", (sha256,)
        )
        for account, its_label, its_words in kept:
            if account != row.id:
                raise AccountError(
                    "this key is registered for another account: remove it there first"
                )
            if its_label != label:
                raise AccountError(f"{row.name} has this key already; it is called {its_label}")
            if its_words == words:
                break
            await connection.execute("DELETE FROM tls_key WHERE digest = ?", (sha256,))
        else:
            kept = []
        if not kept:
            await database.insert(
                "INSERT INTO tls_key (account, label, digest, protocols, created) VALUES (?, ?, ?, ?, ?)",
                (row.id, label, sha256, words, int(database.clock.now())),
                f"{row.name} has another key called {label}: remove it first",
            )
    return next(one for one in await every(database, name) if one.sha256 == sha256)


async def every(database: Administration, name: str) -> Sequence[TlsKeyRow]:
    """The account's keys by label."""
    row = await database.show(name)
    rows = await database.connection.execute_fetchall(
        "SELECT label, digest, protocols, created, last_used FROM tls_key WHERE account = ? ORDER BY label",
        (row.id,),
    )
    return [TlsKeyRow(one[0], one[1], tuple(one[2].split()), one[3], one[4]) for one in rows]


async def remove(database: Administration, name: str, label: str) -> bool:
    """The key logs nobody in any more, and the sessions it opened end; False where there was none of that label."""
    row = await database.show(name)
    cursor = await database.connection.execute(
        "DELETE FROM tls_key WHERE account = ? AND label = ?", (row.id, label)
    )
    return cursor.rowcount > 0
