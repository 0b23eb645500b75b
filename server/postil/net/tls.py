"""TLS in memory: octets of the wire in, plaintext out, and the other way round (RFC 8446, RFC 5246).

Theory of operation. OpenSSL reads from one memory buffer and writes into another. `receive` feeds it what came
from the wire and gives back plaintext; `send` encrypts; after either, `outgoing` holds what must go to the wire
(handshake, alerts, records), also after an error, because the alert that explains it is there. Nothing here blocks or
waits: "OpenSSL wants more" simply gives no plaintext.

Pieces. The memory buffers never shrink, so both directions go through them one record at a time.

The first message. A server's OpenSSL is made only when the client's hello is there (`hello`), because the certificate depends on it: a
`Chooser` gives the context, or an alert, which then goes out in a record of our own (nothing is encrypted yet).

Half-close. RFC 8446 §6.1: each side closes its own direction. `ended` turns true when the peer has closed (with its alert,
or by ending TCP without one); we may still send, then `close` sends our alert.

Renegotiation (TLS 1.2) is switched off in the context; key updates (TLS 1.3) happen inside `receive`.

What it does not do: sockets, time-outs, certificates.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

from postil.net import clientkeys, limits
from postil.net.hello import Hello, HelloReader
from postil.net.identities import Chooser
from postil.net.naming import Alert, Asked, spelled


class TlsFailed(Exception):
    """The peer and we do not understand each other; `outgoing` holds the alert."""


class NameRefused(TlsFailed):
    """The name or protocol asked for is not here: the client's business, and no fault of a certificate."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed."""

    version: str
    cipher: str
    server_name: str | None
    alpn: str | None
    client_key: str | None  # `clientkeys.presented`


# RFC 8446 §5.1 and §6: an alert that nothing encrypts: record type 21, version, length, level "fatal", description.
_FATAL: Final = b"\x15\x03\x03\x00\x02\x02"


class Tls:
    """One side of one TLS connection."""

    def __init__(
        self,
        identity: ssl.SSLContext | Chooser,
        *,
        server: bool = True,
        server_name: str | None = None,
        local_ip: str = "",
    ) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._identity = identity
        self._local_ip = local_ip
        self._hello = Hello()
        self._reader: HelloReader | None = HelloReader() if server else None
        self._ssl: ssl.SSLObject | None = None  # a server's: once the hello is there
        if not server:
            assert isinstance(identity, ssl.SSLContext)
            self._ssl = identity.wrap_bio(self._in, self._out, server_hostname=server_name)
        self._refusal = b""
        self.asked: Asked | None = None  # what the name was to the chooser
        self.established = False
        self.ended = False  # the peer will send no more
        self._closed = False

    @property
    def facts(self) -> TlsFacts:
        """What was agreed; only once established."""
        agreed = self.ssl_object
        cipher = agreed.cipher()
        return TlsFacts(
            version=agreed.version() or "",
            cipher=cipher[0] if cipher else "",
            server_name=spelled(self._hello.name) if self._hello.name is not None else None,
            alpn=agreed.selected_alpn_protocol(),
            client_key=clientkeys.presented(agreed),
        )

    @property
    def ssl_object(self) -> ssl.SSLObject:
        """OpenSSL's own, for channel binding; a server's is there once the client has spoken."""
        assert self._ssl is not None
        return self._ssl

    def start(self) -> None:
        """A client speaks first; for a server nothing happens."""
        if self._ssl is not None:
            self._handshake(self._ssl)

    def receive(self, data: bytes) -> list[bytes]:
        """What the octets of the wire say; TlsFailed, `outgoing` in either case."""
        plain: list[bytes] = []
        if self._reader is not None:
            data = self._greeted(self._reader, data)
        if len(data) <= limits.PIECE:
            self._in.write(data)
            self._advance(plain)
            return plain
        view = memoryview(data)
        for start in range(0, len(view), limits.PIECE):
            self._in.write(view[start : start + limits.PIECE])
            self._advance(plain)
        return plain

    def _greeted(self, reader: HelloReader, data: bytes) -> bytes:
        """The octets for OpenSSL, when the hello is whole and a context chosen; b"" before that."""
        hello = reader.feed(data)
        if hello is None:
            return b""
        self._hello = hello
        context: ssl.SSLContext | None
        if isinstance(self._identity, ssl.SSLContext):
            context = self._identity
        else:
            choice = self._identity(hello, self._local_ip)
            self.asked, context = choice.decision.asked, choice.context
            if choice.decision.alert is not None:
                self.ended = self._closed = True
                self._reader = None
                raise self._refuse(choice.decision.alert, choice.decision.asked)
        assert context is not None
        self._ssl = context.wrap_bio(self._in, self._out, server_side=True)
        self._reader = None
        return bytes(reader.octets)

    def _refuse(self, alert: Alert, asked: Asked) -> NameRefused:
        self._refusal = _FATAL + bytes([alert])
        name = spelled(self._hello.name) if self._hello.name is not None else "none"
        return NameRefused(f"{alert.name.lower()}: {asked.value} name {name!r}")

    def receive_end(self) -> list[bytes]:
        """TCP has ended: a truncation if the alert did not come first (RFC 8446 §6.1)."""
        plain: list[bytes] = []
        if self._ssl is None:
            self.ended = True
            return plain
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
        tls = self._ssl
        if tls is None or (not self.established and not self._handshake(tls)):
            return
        try:
            while piece := tls.read(limits.PIECE):
                plain.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
        except ssl.SSLError as error:
            raise TlsFailed(_reason(error)) from error

    def _handshake(self, tls: ssl.SSLObject) -> bool:
        try:
            tls.do_handshake()
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
        tls = self.ssl_object
        for start in range(0, len(view), limits.PIECE):
            try:
                tls.write(view[start : start + limits.PIECE])
            except ssl.SSLError as error:
                raise TlsFailed(_reason(error)) from error
            records.append(self._out.read())
        return records

    def outgoing(self) -> bytes:
        """What must go to the wire now."""
        if self._refusal:
            refusal, self._refusal = self._refusal, b""
            return refusal
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
            self.ssl_object.unwrap()
        except ssl.SSLError:
            # It wants the peer's alert too (we do not wait for it), or an error alert has already gone.
            return


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's word for it, such as `sslv3 alert certificate unknown`, without its source line."""
    return (error.reason or str(error)).lower().replace("_", " ")
