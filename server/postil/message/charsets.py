"""Octets of a declared charset to text, whatever the declaration is worth.

RFC 2046 §4.1.2 (charset parameter), RFC 2047 §2 (charsets of encoded words).

Declared charsets are wrong, misspelled or missing often enough that decoding never fails: the
declared one, then UTF-8, then windows-1252, which browsers assume for unlabelled western text.
"""

from __future__ import annotations

import codecs
from functools import lru_cache

# WHATWG Encoding: labels that in practice mean a superset; the narrower one only loses characters.
_SUPERSETS = {
    "ascii": "utf-8",
    "us-ascii": "utf-8",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
_ALIASES = {
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "default": "utf-8",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-gbk": "gb18030",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "ks_c_5601-1987": "cp949",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "macintosh": "mac_roman",
}


@lru_cache(maxsize=256)
def codec_name(charset: bytes) -> str | None:
    """The name of the codec for a declared charset; None when there is none for text."""
    name = charset.strip(b" \t\"'").decode("ascii", "replace").lower()
    name = _ALIASES.get(name, name)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        return None
    # rot13, base64, idna and their like are registered as codecs, but are no charsets: some of
    # them are quadratic or answer octets.
    if not getattr(info, "_is_text_encoding", True) or info.name in _NOT_CHARSETS:
        return None
    return _SUPERSETS.get(info.name, info.name)


_NOT_CHARSETS = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
)


def to_text(octets: bytes, charset: bytes | None) -> str:
    """The text of these octets; what cannot be decoded becomes U+FFFD."""
    name = "utf-8" if charset is None else codec_name(charset)
    if name is not None:
        try:
            return octets.decode(name)
        except (UnicodeDecodeError, ValueError):
            pass
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode(name if name not in (None, "utf-8") else "cp1252", "replace")
