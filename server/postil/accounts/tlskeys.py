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

from postil.accounts.admin import Administration
from postil.accounts.changes import AccountError
from postil.accounts.labels import checked_label, protocol_words
from postil.accounts.rows import thing
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
    label = checked_label(label)
    words = protocol_words(protocols)
    async with database.changes.change() as change:
        row = await database.show(name)
        before: dict[str, object] | None = None
        rows = await database.connection.execute_fetchall(
            "SELECT account, label, protocols FROM tls_key WHERE digest = ?", (sha256,)
        )
        kept = next(iter(rows), None)
        if kept is not None and kept[0] != row.id:
            raise AccountError("this key is registered for another account: remove it there first")
        if kept is not None and kept[1] != label:
            raise AccountError(f"{row.name} has this key already; it is called {kept[1]}")
        if kept is None or kept[2] != words:
            if kept is not None:
                before = _state(label, sha256, kept[2])
                await database.connection.execute("DELETE FROM tls_key WHERE digest = ?", (sha256,))
            await database.changes.insert(
                "INSERT INTO tls_key (account, label, digest, protocols, created) VALUES (?, ?, ?, ?, ?)",
                (row.id, label, sha256, words, int(database.clock.now())),
                f"{row.name} has another key called {label}: remove it first",
            )
            await change.wrote(
                "account.tls-key.add", thing(row), before, _state(label, sha256, words)
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
    async with database.changes.change() as change:
        row = await database.show(name)
        known = {one.label: one for one in await every(database, name)}
        if label not in known:
            return False
        gone = known[label]
        await database.connection.execute(
            "DELETE FROM tls_key WHERE account = ? AND label = ?", (row.id, label)
        )
        state = _state(label, gone.sha256, " ".join(gone.protocols))
        await change.wrote("account.tls-key.remove", thing(row), state, None)
    return True


def _state(label: str, sha256: str, words: str) -> dict[str, object]:
    """A key, as the log of changes shows it."""
    return {"TLS key": label, "sha256": sha256, "protocols": words.split()}
