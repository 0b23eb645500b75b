"""Content transfer encodings: the octets that were meant, whole or in a stream.

RFC 2045 §6 (encodings), §6.7 (quoted-printable), §6.8 (base64); RFC 9051 §6.4.5 (BINARY).

A decoder holds at most a line, or QP_HOLD octets of a line that does not end. It is tolerant as
RFC 2045 asks: foreign characters in base64 are skipped, a lone equals sign stays. Only an encoding
it does not know is an error, `UnknownEncoding`: IMAP answers UNKNOWN-CTE.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Protocol

from postil.message.fields import Buffer
from postil.message.limits import DECODE_STEP, QP_HOLD
from postil.message.part import Part


class UnknownEncoding(ValueError):
    """A Content-Transfer-Encoding that has no decoder here."""


class Decoder(Protocol):
    """Octets in, octets out, as far as they are certain; `finish` gives the rest."""

    def feed(self, octets: bytes) -> bytes:
        """Decode some more."""

    def finish(self) -> bytes:
        """What was held back."""


class _Identity:
    def feed(self, octets: bytes) -> bytes:
        return octets

    def finish(self) -> bytes:
        return b""


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET) - set(b"="))


class _Base64:
    def __init__(self) -> None:
        self._held = b""
        self._ended = False

    def feed(self, octets: bytes) -> bytes:
        if self._ended:
            return b""
        # RFC 2045 §6.8: "Any characters outside of the base64 alphabet are to be ignored in
        # base64-encoded data."
        clean = self._held + octets.translate(None, _FOREIGN)
        # RFC 2045 §6.8: "the occurrence of any '=' characters may be taken as evidence that the
        # end of the data has been reached (without truncation in transit)"
        pad = clean.find(b"=")
        if pad >= 0:
            self._ended = True
            clean = clean[:pad]
        whole = len(clean) & ~3
        self._held = clean[whole:]
        return binascii.a2b_base64(clean[:whole])

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        if len(held) < 2:  # six bits are no octet
            return b""
        return binascii.a2b_base64(held + b"=" * (4 - len(held)))


# The look-behind keeps a long run of blanks from being tried at each of them.
_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?+\n)")
_LONE = re.compile(rb"=(?=\r(?!\n)|=)")


def _decode_qp(octets: bytes) -> bytes:
    if b" \r\n" in octets or b" \n" in octets or b"\t\r\n" in octets or b"\t\n" in octets:
        # RFC 2045 §6.7: "any trailing white space on a line must be deleted, as it will
        # necessarily have been added by intermediate transport agents."
        octets = _TRAILING.sub(b"", octets)
    if b"=\r" in octets or b"==" in octets:
        # binascii would drop text after "=\r" up to the next line, and one sign of "==".
        octets = _LONE.sub(b"=3D", octets)
    return binascii.a2b_qp(octets)


class _QuotedPrintable:
    def __init__(self) -> None:
        self._held = b""

    def feed(self, octets: bytes) -> bytes:
        text = self._held + octets
        cut = text.rfind(b"\n") + 1
        if len(text) - cut > QP_HOLD:
            # A line without end: what can be told of it is told. Blanks, a CR, an equals sign
            # and what follows it wait.
            cut = max(cut, len(text[:-2].rstrip(b" \t\r=")))
            if len(text) - cut > QP_HOLD:
                cut = len(text)  # nothing but blanks: they are content
        self._held = text[cut:]
        return _decode_qp(text[:cut])

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return _decode_qp(held.rstrip(b" \t"))


class _Lines:
    """Behind another decoder: every line ends with CRLF."""

    def __init__(self, inner: Decoder) -> None:
        self._inner = inner
        self._after_cr = False

    def feed(self, octets: bytes) -> bytes:
        return self._convert(self._inner.feed(octets))

    def finish(self) -> bytes:
        return self._convert(self._inner.finish())

    def _convert(self, octets: bytes) -> bytes:
        if not octets:
            return octets
        starts_line = octets[:1] == b"\n" and not self._after_cr
        whole = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if octets[:1] == b"\n" and not starts_line:
            whole = whole[1:]  # its CR went out with the chunk before
        self._after_cr = octets[-1:] == b"\r"
        return whole


def decoder(encoding: str, *, lines: bool = False) -> Decoder:
    """A decoder for a lower-case encoding name; with `lines`, text whose lines end with CRLF."""
    made: Decoder
    match encoding:
        case "7bit" | "8bit" | "binary":
            made = _Identity()
        case "base64":
            made = _Base64()
        case "quoted-printable":
            made = _QuotedPrintable()
        case _:
            raise UnknownEncoding(encoding)
    return _Lines(made) if lines else made


def decode(octets: bytes, encoding: str) -> bytes:
    """All of it at once."""
    made = decoder(encoding)
    return made.feed(octets) + made.finish()


def decoded(data: Buffer, part: Part) -> Iterator[bytes]:
    """The content of a part, decoded in pieces of about DECODE_STEP octets.

    RFC 9051 §7.5.2: "servers MUST ensure that textual line-oriented sections are always
    transmitted using the IMAP CRLF line termination syntax, regardless of the underlying storage
    representation of the data on the server."
    """
    made = decoder(part.encoding, lines=part.type == "text")
    return _pieces(data, part, made)


def _pieces(data: Buffer, part: Part, made: Decoder) -> Iterator[bytes]:
    for at in range(part.body_start, part.body_end, DECODE_STEP):
        yield made.feed(data[at : min(at + DECODE_STEP, part.body_end)])
    yield made.finish()


def decoded_size(data: Buffer, part: Part) -> int:
    """How many octets `decoded` gives: what BINARY.SIZE says.

    RFC 9051 §7.5.2: "The value returned MUST match the size of the <nstring> or <literal8> that
    will be returned by the corresponding FETCH BINARY request."
    """
    if part.type != "text" and part.encoding in ("7bit", "8bit", "binary"):
        return part.size
    return sum(map(len, decoded(data, part)))
