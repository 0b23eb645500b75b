"""TLS in memory: octets of the wire in, plaintext out, and the other way round (RFC 8446, RFC 5246).

Theory of operation. OpenSSL reads from one memory buffer and writes into another. `receive` feeds it what came
from the wire and gives back plaintext; `send` encrypts; after either, `outgoing` holds what must go to the wire
(handshake, alerts, records), also after an error, because the alert that explains it is there. Nothing here blocks or
waits: "OpenSSL wants more" simply gives no plaintext.

Pieces. The memory buffers never shrink, so both directions go through them one record at a time.

Half-close. RFC 8446 §6.1: each side closes its own direction. `ended` turns true when the peer has closed (with its alert,
or by ending TCP without one); we may still send, then `close` sends our alert.

Renegotiation (TLS 1.2) is switched off in the context; key updates (TLS 1.3) happen inside `receive`.

What it does not do: sockets, time-outs, certificates.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from postil.net import clientkeys, limits

# The server name the client asked for, if any -> the context to go on with, or None to stay with the first.
ChooseContext = Callable[[str | None], ssl.SSLContext | None]


class TlsFailed(Exception):
    """The peer and we do not understand each other; `outgoing` holds the alert."""


class _Named(ssl.SSLObject):
    """The stdlib does not tell a server which name was asked for; the callback leaves it here."""

    asked: str | None = None


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed."""

    version: str
    cipher: str
    server_name: str | None
    alpn: str | None
    client_key: str | None  # `clientkeys.presented`


def prepare(context: ssl.SSLContext, choose: ChooseContext | None = None) -> ssl.SSLContext:
    """Make a server context record the name a client asks for, and switch by it.

    RFC 6066 §3: the name decides which certificate is shown; `choose` must answer at once (nothing can wait here).
    """

    def named(connection: _Named, name: str | None, _: ssl.SSLContext) -> int | None:
        connection.asked = name
        other = choose(name) if choose is not None else None
        if other is not None:
            connection.context = other
        return None

    context.sslobject_class = _Named
    context.sni_callback = named  # type: ignore[assignment]
    return context


class Tls:
    """One side of one TLS connection."""

    def __init__(
        self, context: ssl.SSLContext, *, server: bool = True, server_name: str | None = None
    ) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._in, self._out, server_side=server, server_hostname=server_name
        )
        self.established = False
        self.ended = False  # the peer will send no more
        self._closed = False

    @property
    def facts(self) -> TlsFacts:
        """What was agreed; only once established."""
        cipher = self._tls.cipher()
        return TlsFacts(
            version=self._tls.version() or "",
            cipher=cipher[0] if cipher else "",
            server_name=self._tls.asked if isinstance(self._tls, _Named) else None,
            alpn=self._tls.selected_alpn_protocol(),
            client_key=clientkeys.presented(self._tls),
        )

    @property
    def ssl_object(self) -> ssl.SSLObject:
        """OpenSSL's own, for channel binding."""
        return self._tls

    def start(self) -> None:
        """A client speaks first; for a server nothing happens."""
        self._handshake()

    def receive(self, data: bytes) -> list[bytes]:
        """What the octets of the wire say; TlsFailed, `outgoing` in either case."""
        plain: list[bytes] = []
        if len(data) <= limits.PIECE:
            self._in.write(data)
            self._advance(plain)
            return plain
        view = memoryview(data)
        for start in range(0, len(view), limits.PIECE):
            self._in.write(view[start : start + limits.PIECE])
            self._advance(plain)
        return plain

    def receive_end(self) -> list[bytes]:
        """TCP has ended: a truncation if the alert did not come first (RFC 8446 §6.1)."""
        plain: list[bytes] = []
        self._in.write_eof()
        try:
            self._advance(plain)
        finally:
            self.ended = True
        return plain

    def _advance(self, plain: list[bytes]) -> None:
        if self.ended:
            # RFC 8446 §6.1: "will not send any more messages on this connection. Any data received after a
            # closure alert has been received MUST be ignored."
            self._in.read()
            return
        if not self.established and not self._handshake():
            return
        try:
            while piece := self._tls.read(limits.PIECE):
                plain.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        except ssl.SSLError as error:
            raise TlsFailed(_reason(error)) from error

    def _handshake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsFailed(_reason(error)) from error
        self.established = True
        return True

    def send(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The records that carry `data`."""
        view = memoryview(data)
        records = []
        for start in range(0, len(view), limits.PIECE):
            try:
                self._tls.write(view[start : start + limits.PIECE])
            except ssl.SSLError as error:
                raise TlsFailed(_reason(error)) from error
            records.append(self._out.read())
        return records

    def outgoing(self) -> bytes:
        """What must go to the wire now."""
        return self._out.read() if self._out.pending else b""

    def close(self) -> None:
        """Say that we send no more; the alert is in `outgoing`.

        RFC 8446 §6.1: "Each party MUST send a "close_notify" alert before closing its write side of the connection,
        unless it has already sent some error alert."
        """
        if self._closed or not self.established:
            return
        self._closed = True
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            # It wants the peer's alert too (we do not wait for it), or an error alert has already gone.
            return


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's word for it, such as `sslv3 alert certificate unknown`, without its source line."""
    return (error.reason or str(error)).lower().replace("_", " ")
