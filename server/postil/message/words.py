"""Encoded words: text that is not ASCII in header fields, decoded and encoded.

RFC 2047 (encoded words), RFC 2231 §5 (language in them), RFC 6532 (raw UTF-8 beside them).

Decoding never fails. Octets of adjacent words with one charset are put together before they are
decoded, since many senders cut characters in two (RFC 2047 §5 forbids it).
"""

from __future__ import annotations

import base64
import re

from postil.message.charsets import to_text
from postil.message.transfer import decode as decode_transfer

_WORD = re.compile(rb"=\?([!#$%&'*+\-0-9A-Z^_`a-z{|}~.:]++)\?([BbQq])\?([^?\s]*+|[^?\r\n]*+)\?=")
_Q_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")


def decode(value: bytes) -> str:
    """An unfolded value as text, encoded words decoded wherever they stand."""
    if b"=?" not in value:
        return to_text(value, None)
    pieces: list[str] = []
    pending: list[bytes] = []  # octets of adjacent words
    charset = b""
    position = 0
    for match in _WORD.finditer(value):
        between = value[position : match.start()]
        # RFC 2047 §5 forbids words in the middle of text; too many senders do it to refuse.
        # RFC 2047 §6.2: "any 'linear-white-space' that separates a pair of adjacent
        # 'encoded-word's is ignored."
        adjacent = position > 0 and not between.strip()
        # RFC 2231 §5: a language may follow the charset, behind an asterisk.
        declared = match[1].partition(b"*")[0].lower()
        if pending and (not adjacent or declared != charset):
            pieces.append(to_text(b"".join(pending), charset))
            pending = []
        if not adjacent and between:
            pieces.append(to_text(between, None))
        charset = declared
        pending.append(_octets(match[2], match[3]))
        position = match.end()
    if pending:
        pieces.append(to_text(b"".join(pending), charset))
    pieces.append(to_text(value[position:], None))
    return "".join(pieces)


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"Qq":
        # RFC 2047 §4.2: an underscore always means hexadecimal 20, whatever the charset.
        return _Q_HEX.sub(lambda match: bytes((int(match[1], 16),)), text.replace(b"_", b" "))
    return decode_transfer(text, "base64")


_SAFE = re.compile(r"[\t -~]*")
_WORD_OCTETS = 45  # 60 characters of base64; with "=?utf-8?B?" and "?=" 72 of the 75 allowed


def encode(text: str) -> str:
    """A value for unstructured fields: unchanged when ASCII, else encoded words in UTF-8.

    RFC 2047 §2: "An 'encoded-word' may not be more than 75 characters long".
    """
    if _SAFE.fullmatch(text) and "=?" not in text:
        return text
    lines: list[str] = []
    chunk = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        # RFC 2047 §5: each word must hold whole characters.
        if len(chunk) + len(octets) > _WORD_OCTETS:
            lines.append(_word(chunk))
            chunk = b""
        chunk += octets
    lines.append(_word(chunk))
    return " ".join(lines)


def _word(octets: bytes) -> str:
    return f"=?utf-8?B?{base64.b64encode(octets).decode('ascii')}?="
