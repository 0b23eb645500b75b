"""i;unicode-casemap: text in the form in which it is compared (RFC 5051 §2).

Each character goes to its titlecase, then is decomposed fully; substrings are then compared octet for octet. ASCII, most
of all mail, takes a path through C; only runs of other characters are looked up one by one.
"""

from __future__ import annotations

import re
from unicodedata import normalize

SEPARATOR = "\x01"
"""Stands between texts that are kept in one string; no folded text holds it, so no needle spans two."""

_CONTROL = str.maketrans({"\0": " ", SEPARATOR: " "})
_OTHER = re.compile(r"[^\x00-\x7f]+")


class _Titlecase(dict[int, str]):
    """Characters to their titlecase, found out as they are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        title = character.title()
        # RFC 5051 §2 (2)(a) takes the property of UnicodeData.txt, which is always a single
        # character; where Python gives several, SpecialCasing.txt is at work and there is none.
        self[code] = found = title if len(title) == 1 else character
        return found


_TITLECASE = _Titlecase()


def _casemap(run: re.Match[str]) -> str:
    # RFC 5051 §2 (2)(b): "(effectively Normalization Form KD)" and §4 2) allows a library routine.
    return normalize("NFKD", run[0].translate(_TITLECASE))


def fold(text: str) -> str:
    """The text as it is compared; lone surrogates become `?`, NUL and the separator a blank, on both sides alike."""
    if "\0" in text or SEPARATOR in text:
        text = text.translate(_CONTROL)
    if text.isascii():
        return text.upper()
    # Over octets `upper` changes ASCII and nothing else.
    return _OTHER.sub(_casemap, text.encode("utf-8", "replace").upper().decode("utf-8"))
