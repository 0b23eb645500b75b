"""Channel binding: what of a TLS connection both ends know and nobody between them (RFC 5056).

RFC 9266 (tls-exporter, TLS 1.3), RFC 5929 §3 (tls-unique, TLS 1.2) and §4 (tls-server-end-point).

Theory of operation. Python's ssl has no exporter. OpenSSL has, and `openssl` reaches it. Nothing is believed: `self_test` makes two connections and
compares both ends. If anything is otherwise there is no binding, and no -PLUS mechanism, but a server.

What it does not do: TLS 1.2 with tls-exporter (RFC 9266 §4.2 wants "extra precaution"; clients have tls-unique there).
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from postil.base.clock import SystemClock
from postil.net.certificates import self_signed, server_context
from postil.net.openssl import Unreachable, handshake, library, pointer
from postil.ports.channel import END_POINT, EXPORTER, UNIQUE, Channel

# RFC 9266 §2: "The ASCII string "EXPORTER-Channel-Binding" with no terminating NUL."
LABEL: Final = b"EXPORTER-Channel-Binding"
LENGTH: Final = 32  # RFC 9266 §2
_EXTENDED_MASTER_SECRET: Final = 122  # SSL_CTRL_GET_EXTMS_SUPPORT


def exporter(tls: ssl.SSLObject) -> bytes:
    """tls-exporter; Unreachable when OpenSSL refuses."""
    out = ctypes.create_string_buffer(LENGTH)
    # RFC 9266 §2: "Context value:  Zero-length string.", and it is there: under TLS 1.3 no other is the same.
    done = library().SSL_export_keying_material(
        pointer(tls), out, LENGTH, LABEL, len(LABEL), b"", 0, 1
    )
    if done != 1:
        raise Unreachable("OpenSSL exports nothing")
    return out.raw


def extended_master_secret(tls: ssl.SSLObject) -> bool:
    """Did both ends agree on RFC 7627 (TLS 1.2)?"""
    return int(library().SSL_ctrl(pointer(tls), _EXTENDED_MASTER_SECRET, 0, None)) == 1


def own_certificate(tls: ssl.SSLObject) -> bytes:
    """The certificate this end has shown, as DER; b"" when none."""
    certificate = library().SSL_get_certificate(pointer(tls))
    if not certificate:
        return b""
    size = library().i2d_X509(certificate, None)
    out = ctypes.create_string_buffer(size)
    # i2d moves the pointer it is given, so it gets one of its own.
    library().i2d_X509(certificate, ctypes.byref(ctypes.cast(out, ctypes.c_char_p)))
    return out.raw


@functools.lru_cache(maxsize=256)
def end_point(certificate: bytes) -> bytes | None:
    """tls-server-end-point of a server's certificate (DER); None where the type is undefined."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return None
    if algorithm is None:
        # RFC 5929 §4.1: "if the certificate's signatureAlgorithm uses no hash functions or uses multiple hash functions,
        # then this channel binding type's channel bindings are undefined at this time"
        return None
    # RFC 5929 §4.1: "if the certificate's signatureAlgorithm uses a single hash function, and that hash function is either
    # MD5 [RFC1321] or SHA-1 [RFC3174], then use SHA-256 [FIPS-180-3]"
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    try:
        return hashlib.new(name.replace("-", "_"), certificate).digest()
    except ValueError:
        return None


def data(tls: ssl.SSLObject, kind: str, *, server: bool = True) -> bytes | None:
    """The binding of that type on this connection, or None."""
    match kind:
        case "tls-exporter" if tls.version() == "TLSv1.3":
            return exporter(tls)
        case "tls-unique" if tls.version() == "TLSv1.2":
            # RFC 5929 §3.1: "Note that for full TLS handshakes, the first Finished message is sent by the client, while for
            # abbreviated TLS handshakes (session resumption), the first Finished message is sent by the server."
            return tls.get_channel_binding(UNIQUE)
        case "tls-server-end-point":
            shown = own_certificate(tls) if server else tls.getpeercert(binary_form=True)
            return end_point(shown) if shown else None
    return None


def types(tls: ssl.SSLObject) -> tuple[str, ...]:
    """The types that are safe on this connection."""
    match tls.version():
        case "TLSv1.3":
            # RFC 9266 §3: "Implementations that support channel binding over TLS 1.3 MUST implement "tls-exporter"."
            return EXPORTER, END_POINT
        case "TLSv1.2":
            # RFC 7677 §4: "either SCRAM-SHA-256-PLUS and SCRAM-SHA-1-PLUS MUST be used over a TLS channel that has had the
            # session hash extension [RFC7627] negotiated, or session resumption MUST NOT have been used."
            if extended_master_secret(tls) or not tls.session_reused:
                # RFC 5802 §6.1: "Servers MUST implement the "tls-unique" [RFC5929] channel binding type, if they implement
                # any channel binding."
                return UNIQUE, END_POINT
    return ()


def channel(tls: ssl.SSLObject) -> Channel:
    """What a login over this connection, of which we are the server, may be bound to."""
    if self_test() is not None:
        return Channel(tls=True, supported=False)
    return Channel(True, True, types(tls), functools.partial(data, tls))


@functools.cache
def self_test() -> str | None:
    """None when binding works here; else in one sentence why not. Two handshakes with itself, some 5 ms, once."""
    try:
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            seen = [_both_ends(version) for _ in range(2)]
            if any(one != other for ends in seen for one, other in [ends]):
                return f"the ends of a connection disagree ({version.name})"
            if seen[0][0] == seen[1][0]:
                return f"two connections are bound alike ({version.name})"
    except (Unreachable, ssl.SSLError, OSError, ValueError) as error:
        return str(error)
    return None


def _both_ends(version: ssl.TLSVersion) -> tuple[bytes, bytes]:
    """What server and client of a fresh connection bind to."""
    with tempfile.TemporaryDirectory() as folder:
        shown_pair = self_signed(Path(folder), ("localhost",), SystemClock())
        server_side = server_context(*shown_pair)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.minimum_version = client_context.maximum_version = version
    server, client = handshake(server_side, client_context)
    if version is ssl.TLSVersion.TLSv1_3:
        return exporter(server), exporter(client)
    if not extended_master_secret(server):
        raise Unreachable("OpenSSL does not tell of the extended master secret")
    ends = data(server, UNIQUE), data(client, UNIQUE, server=False)
    shown = data(server, END_POINT), data(client, END_POINT, server=False)
    if None in ends or None in shown or shown[0] != shown[1]:
        raise Unreachable("the ends of a connection see different certificates")
    return ends[0] or b"", ends[1] or b"!"
