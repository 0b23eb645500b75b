"""TLS keys of clients for tests: of every kind, and certificates whose key somebody else has."""

from __future__ import annotations

import base64
import ctypes
import datetime
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from postil.net import openssl

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
KINDS: Final = ("rsa", "ecdsa", "ed25519")
NOW: Final = datetime.datetime.now(datetime.UTC)


def private(kind: str) -> Private:
    """A fresh key."""
    match kind:
        case "rsa":
            return rsa.generate_private_key(65537, 2048)
        case "ecdsa":
            return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def certificate(key: Private, name: str = "ann", *, days: int = 30) -> bytes:
    """A certificate that the key signed itself, PEM; with negative days it has expired."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=365))
        .not_valid_after(NOW + datetime.timedelta(days=days))
    )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def pem(key: Private) -> bytes:
    """The private key."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write(folder: Path, key: Private, name: str = "client", *, days: int = 30) -> Path:
    """Key and certificate in one file."""
    path = folder / f"{name}.pem"
    path.write_bytes(pem(key) + certificate(key, days=days))
    return path


def client(path: Path | None, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client's context that shows what is in the file, and examines nothing."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = made.maximum_version = version
    if path is not None:
        made.load_cert_chain(path)
    return made


def thief(folder: Path, victim: Private, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client with the victim's certificate, whose key says it is the victim's and is not: what a thief of certificates has.

    OpenSSL compares the public halves when it loads a pair, and takes them from what it is given. So it is given the victim's public half
    and somebody else's private one, and the client really sends the certificate and signs.
    """
    if isinstance(victim, ed25519.Ed25519PrivateKey):
        return _ed25519_thief(victim, version)
    other = private("rsa" if isinstance(victim, rsa.RSAPrivateKey) else "ecdsa")
    path = folder / "stolen.pem"
    path.write_bytes(_mixed(victim, other) + certificate(victim))
    return client(path, version)


class _Parameter(ctypes.Structure):
    """OSSL_PARAM."""

    _fields_ = (
        ("key", ctypes.c_char_p),
        ("data_type", ctypes.c_uint),
        ("data", ctypes.c_char_p),
        ("data_size", ctypes.c_size_t),
        ("return_size", ctypes.c_size_t),
    )


def _ed25519_thief(victim: ed25519.Ed25519PrivateKey, version: ssl.TLSVersion) -> ssl.SSLContext:
    """The private key's file has no public half here, so the pair is made in OpenSSL's memory."""
    raw = Encoding.Raw, PublicFormat.Raw
    public = victim.public_key().public_bytes(*raw)
    secret = private("ed25519").private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    made = client(None, version)
    library, pointer = openssl.library(), openssl.context_pointer(made, server=False)
    for name in ("EVP_PKEY_CTX_new_from_name", "d2i_X509"):
        getattr(library, name).restype = ctypes.c_void_p
    octets = 5  # OSSL_PARAM_OCTET_STRING
    parameters = (_Parameter * 3)(
        _Parameter(b"pub", octets, public, len(public), 0),
        _Parameter(b"priv", octets, secret, len(secret), 0),
        _Parameter(None, 0, None, 0, 0),
    )
    maker = ctypes.c_void_p(library.EVP_PKEY_CTX_new_from_name(None, b"ED25519", None))
    key = ctypes.c_void_p()
    assert library.EVP_PKEY_fromdata_init(maker) == 1
    assert (
        library.EVP_PKEY_fromdata(maker, ctypes.byref(key), 0x87, parameters) == 1
    )  # EVP_PKEY_KEYPAIR
    der = x509.load_pem_x509_certificate(certificate(victim)).public_bytes(Encoding.DER)
    shown = ctypes.c_void_p(
        library.d2i_X509(None, ctypes.byref(ctypes.c_char_p(der)), ctypes.c_long(len(der)))
    )
    assert library.SSL_CTX_use_certificate(ctypes.c_void_p(pointer), shown) == 1
    assert library.SSL_CTX_use_PrivateKey(ctypes.c_void_p(pointer), key) == 1
    return made


def _mixed(victim: Private, other: Private) -> bytes:
    if isinstance(victim, rsa.RSAPrivateKey):
        assert isinstance(other, rsa.RSAPrivateKey)
        theirs, ours = victim.public_key().public_numbers(), other.private_numbers()
        numbers = (0, theirs.n, theirs.e, ours.d, ours.p, ours.q, ours.dmp1, ours.dmq1, ours.iqmp)
        return _armour("RSA PRIVATE KEY", _sequence(b"".join(map(_integer, numbers))))
    assert isinstance(victim, ec.EllipticCurvePrivateKey)
    assert isinstance(other, ec.EllipticCurvePrivateKey)
    point = victim.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    scalar = other.private_numbers().private_value.to_bytes(32, "big")
    curve = bytes.fromhex("06082a8648ce3d030107")  # prime256v1
    return _armour(
        "EC PRIVATE KEY",  # RFC 5915 §3
        _sequence(
            _integer(1)
            + _tagged(0x04, scalar)
            + _tagged(0xA0, curve)
            + _tagged(0xA1, _tagged(0x03, b"\0" + point))
        ),
    )


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _sequence(content: bytes) -> bytes:
    return _tagged(0x30, content)


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _armour(label: str, der: bytes) -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()
