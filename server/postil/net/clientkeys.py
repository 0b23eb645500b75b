"""TLS keys of clients: asked for at the handshake, proved there, and otherwise let through whatever is around them.

RFC 8446 §4.3.2 (CertificateRequest), §4.4.3 (CertificateVerify); RFC 5246 §7.4.4, §7.4.8. RFC 4422 §A.1 is what uses them.

Theory of operation. A person's mail program has a key, and a certificate that nobody of importance signed. OpenSSL would turn it away,
and Python's ssl has no way to say otherwise. OpenSSL has one: `SSL_CTX_set_cert_verify_callback` puts a function in the place of the
whole examination of the chain. Ours says yes. So no chain of a stranger is ever built or parsed for trust; what OpenSSL still does by
itself is the proof: without the private key no CertificateVerify is right, and the handshake fails. What counts afterwards is the SHA-256
of the SubjectPublicKeyInfo, which somebody has registered (`accounts.tlskeys`) or not.

As in `binding`, nothing is believed of the interpreter's insides: where the `SSL_CTX *` lies is checked against a connection of the context, and
`self_test` makes connections with and without a key. If anything is otherwise, no listener asks for keys.

No sessions are kept in such contexts: a resumed session of TLS 1.2 would bring the key along without a proof of its own.
"""

from __future__ import annotations

import ctypes
import datetime
import functools
import hashlib
import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postil.net import openssl
from postil.net.openssl import Unreachable

_SESSION_CACHE_MODE: Final = 44  # SSL_CTRL_SET_SESS_CACHE_MODE; 0 is off
_LARGEST: Final = (
    16 * 1024
)  # octets of a client's certificate; OpenSSL itself takes 100 KiB of chain

# int (*)(X509_STORE_CTX *, void *); kept here for ever, since OpenSSL holds no reference
_let_through: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(
    lambda store, argument: 1
)


def ask(context: ssl.SSLContext) -> None:
    """Make a server's context ask for a key and take any, or none; Unreachable, and then it is as before."""
    library = openssl.library()
    pointer = openssl.context_pointer(context)
    library.SSL_CTX_set_cert_verify_callback(pointer, _let_through, None)
    library.SSL_CTX_ctrl(pointer, _SESSION_CACHE_MODE, 0, None)
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    # RFC 8446 §4.4.2.4: "If the client does not send any certificates (i.e., it sends an empty Certificate message), the server MAY
    # at its discretion either continue the handshake without client authentication"
    context.verify_mode = ssl.CERT_OPTIONAL


def presented(tls: ssl.SSLObject) -> str | None:
    """SHA-256, in hex, of the key that this client proved to have; None without one. Only once established."""
    if tls.context.verify_mode is ssl.CERT_NONE or tls.session_reused:
        return None
    certificate = tls.getpeercert(binary_form=True)
    if not certificate or len(certificate) > _LARGEST:
        return None
    return digest(certificate)


def digest(certificate: bytes) -> str | None:
    """SHA-256 of a DER certificate's key; None where the key is of no kind we know."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        octets = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, UnsupportedAlgorithm):
        return None
    return hashlib.sha256(octets).hexdigest()


@functools.cache
def self_test() -> str | None:
    """None when keys can be asked for here; else in one sentence why not. Four handshakes with itself, some 10 ms, once."""
    try:
        with tempfile.TemporaryDirectory() as name:
            return _tested(Path(name))
    except (Unreachable, ssl.SSLError, OSError, ValueError) as error:
        return str(error)


def _tested(folder: Path) -> str | None:
    pem, expected = _made()
    path = folder / "pair.pem"
    path.write_bytes(pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    ask(server)
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        for with_key in (True, False):
            client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client.check_hostname = False
            client.verify_mode = ssl.CERT_NONE
            client.minimum_version = client.maximum_version = version
            if with_key:
                client.load_cert_chain(path)
            ours, _ = openssl.handshake(server, client)
            if presented(ours) != (expected if with_key else None):
                return f"a client's key is not seen as it is ({version.name})"
    return None


def _made() -> tuple[bytes, str]:
    """A pair for the test, and the digest of its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    key = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = digest(certificate.public_bytes(serialization.Encoding.DER)) or ""
    return key + certificate.public_bytes(serialization.Encoding.PEM), shown
