"""OpenSSL below Python's ssl: what that does not offer, called with the pointers that lie inside its objects.

Where they lie is a matter of the interpreter's version (3.11 to 3.13 were looked at), so each is checked before it is used, and whoever uses them
(`binding`, `clientkeys`) has a test of itself that runs at the start of a server.
"""

from __future__ import annotations

import ctypes
import functools
import ssl
from typing import Any, Final

WORD: Final = ctypes.sizeof(ctypes.c_void_p)
HEADER: Final = object.__basicsize__  # PyObject_HEAD


class Unreachable(Exception):
    """This interpreter and its OpenSSL are not as expected; the text says in what."""


@functools.cache
def library() -> ctypes.CDLL:
    """OpenSSL as the ssl module has loaded it."""
    import _ssl

    try:
        # None: built into the interpreter. RTLD_NOLOAD is not needed: what is loaded is not loaded again.
        found = ctypes.CDLL(getattr(_ssl, "__file__", None))
        found.SSL_get_SSL_CTX.restype = ctypes.c_void_p
        found.SSL_get_SSL_CTX.argtypes = [ctypes.c_void_p]
        found.SSL_ctrl.restype = ctypes.c_long
        control: list[Any] = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
        found.SSL_ctrl.argtypes = control
        found.SSL_CTX_ctrl.restype = ctypes.c_long
        found.SSL_CTX_ctrl.argtypes = control
        found.SSL_CTX_set_cert_verify_callback.restype = None
        found.SSL_CTX_set_cert_verify_callback.argtypes = [ctypes.c_void_p] * 3
        found.SSL_export_keying_material.restype = ctypes.c_int
        found.SSL_export_keying_material.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_int,
        ]
        found.SSL_get_certificate.restype = ctypes.c_void_p
        found.SSL_get_certificate.argtypes = [ctypes.c_void_p]
        found.i2d_X509.restype = ctypes.c_int
        found.i2d_X509.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_char_p)]
    except (OSError, AttributeError) as error:
        raise Unreachable(f"OpenSSL's functions cannot be reached: {error}") from error
    return found


def _word(address: int) -> int:
    return int.from_bytes(ctypes.string_at(address, WORD), "little") or 0


def pointer(tls: ssl.SSLObject) -> int:
    """The `SSL *` inside; Unreachable unless all that can be checked is as expected.

    The word behind it must be the context that Python tells, and OpenSSL must give the same `SSL_CTX *` that lies in that context.
    """
    inner: Any = tls._sslobj  # type: ignore[attr-defined]
    # struct PySSLSocket { PyObject_HEAD PyObject *Socket; SSL *ssl; PySSLContext *ctx; … }
    if type(inner).__basicsize__ < HEADER + 3 * WORD:
        raise Unreachable("the object of a connection is too small")
    if _word(id(inner) + HEADER + 2 * WORD) != id(inner.context):
        raise Unreachable("the object of a connection is laid out in another way")
    found = _word(id(inner) + HEADER + WORD)
    if not found:
        raise Unreachable("a connection without SSL")
    # struct PySSLContext { PyObject_HEAD SSL_CTX *ctx; … }
    if library().SSL_get_SSL_CTX(found) != _word(id(inner.context) + HEADER):
        raise Unreachable("the object of a context is laid out in another way")
    return found


def context_pointer(context: ssl.SSLContext, *, server: bool = True) -> int:
    """The `SSL_CTX *` inside; Unreachable. A connection that is never used shows whether it is the right one."""
    pointer(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=server))
    return _word(id(context) + HEADER)


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection in memory, for tests of oneself; Unreachable, ssl.SSLError."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(down, up)
    ours = server.wrap_bio(up, down, server_side=True)
    waiting = [theirs, ours]
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                pass
    if waiting:
        raise Unreachable("a handshake with ourselves does not end")
    return ours, theirs
