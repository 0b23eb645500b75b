"""What a client asks for before anything is encrypted: the name and the protocols in its first message (RFC 8446 §4.1.2).

Theory of operation. OpenSSL would tell us the name in a callback, but neither the protocols offered nor a name that is not ASCII,
and which certificate we show depends on all three. So the first message is read twice: here, to choose, and then by OpenSSL, from the
same octets. `HelloReader` collects records until the message is whole. Whatever is not a client hello, or not well formed, is
called `ODD` and left to OpenSSL, which answers it with the right alert.

RFC 5246 §7.4.1.2 and RFC 8446 §4.1.2 have the same layout. Extensions read: server_name (RFC 6066 §3) and
application_layer_protocol_negotiation (RFC 7301).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from postil.net import limits

_HANDSHAKE: Final = 22  # a record's type
_CLIENT_HELLO: Final = 1  # a handshake message's type
_SERVER_NAME: Final = 0  # extension types
_ALPN: Final = 16
_RECORD_HEAD: Final = 5  # type, version, length
_MESSAGE_HEAD: Final = 4  # type, length
_EXTENSION_HEAD: Final = 4  # type, length


@dataclass(frozen=True, slots=True)
class Hello:
    """What the client asks for."""

    name: bytes | None = None  # as sent, of any octets; None: it named none
    protocols: tuple[bytes, ...] = ()  # offered by ALPN, in the client's order


ODD: Final = Hello()  # nothing that we can read: OpenSSL says what is wrong


class _Malformed(Exception):
    """The octets do not add up."""


class HelloReader:
    """Collects the octets of the first message; they stay in `octets`, for OpenSSL."""

    def __init__(self) -> None:
        self.octets = bytearray()
        self._message = bytearray()  # what the records carried
        self._next = 0  # where the next record begins

    def feed(self, data: bytes) -> Hello | None:
        """The hello, once it is whole; None: more is needed."""
        self.octets += data
        while len(self.octets) >= self._next + _RECORD_HEAD:
            head = self.octets[self._next : self._next + _RECORD_HEAD]
            length = int.from_bytes(head[3:], "big")
            # RFC 8446 §5.1: "The length MUST NOT exceed 2^14 bytes."
            if head[0] != _HANDSHAKE or not 0 < length <= limits.RECORD:
                return ODD
            end = self._next + _RECORD_HEAD + length
            if len(self.octets) < end:
                return None
            self._message += self.octets[self._next + _RECORD_HEAD : end]
            self._next = end
            if (hello := self._whole()) is not None:
                return hello
        if self._next == 0 and self.octets and self.octets[0] != _HANDSHAKE:
            return ODD  # plaintext on a TLS port: it may never send five octets
        return None

    def _whole(self) -> Hello | None:
        if self._message[0] != _CLIENT_HELLO:
            return ODD
        if len(self._message) < _MESSAGE_HEAD:
            return None
        length = int.from_bytes(self._message[1:_MESSAGE_HEAD], "big")
        if length > limits.HELLO:
            return ODD
        if len(self._message) < _MESSAGE_HEAD + length:
            return None
        try:
            return _read(bytes(self._message[_MESSAGE_HEAD : _MESSAGE_HEAD + length]))
        except _Malformed:
            return ODD


class _Vectors:
    """RFC 8446 §3.4: vectors of variable length, each behind its length."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._octets):
            raise _Malformed
        taken = self._octets[self._at : end]
        self._at = end
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        return self.take(self.number(width))


def _read(body: bytes) -> Hello:
    message = _Vectors(body)
    message.take(2 + 32)  # legacy_version, random
    message.vector(1)  # legacy_session_id
    message.vector(2)  # cipher_suites
    message.vector(1)  # legacy_compression_methods
    name: bytes | None = None
    protocols: tuple[bytes, ...] = ()
    if message:  # a client of TLS 1.2 may send no extensions
        extensions = message.vector(2)
        at, end = 0, len(extensions)
        while at + _EXTENSION_HEAD <= end:  # some twenty, so without a call for each
            kind = extensions[at] << 8 | extensions[at + 1]
            begin = at + _EXTENSION_HEAD
            at = begin + (extensions[at + 2] << 8 | extensions[at + 3])
            if kind == _SERVER_NAME:
                name = _host_name(extensions[begin:at])
            elif kind == _ALPN:
                protocols = _protocols(extensions[begin:at])
        if at != end:
            raise _Malformed
    return Hello(name, protocols)


def _host_name(data: bytes) -> bytes | None:
    names = _Vectors(_Vectors(data).vector(2))
    while names:
        kind = names.number(1)
        name = names.vector(2)
        if kind == 0:  # host_name
            return name
    return None


def _protocols(data: bytes) -> tuple[bytes, ...]:
    names = _Vectors(_Vectors(data).vector(2))
    found = []
    while names:
        found.append(names.vector(1))
    return tuple(found)
