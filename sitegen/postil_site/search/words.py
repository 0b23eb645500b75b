"""Words of a text, in lower case: section numbers stay whole, identifiers are found whole and by their parts."""

from __future__ import annotations

import re
from collections import Counter

# The same expression stands in search.js: what one calls a word the other must look for.
WORD = re.compile(r"(?:[A-Za-z]|\d+)(?:\.\d+)+|\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]")
LONGEST = 40  # characters; more is data, not a word


def counted(text: str) -> dict[str, int]:
    """Every word with how often it stands there; parts of an identifier count with it."""
    out: dict[str, int] = {}
    for word, count in Counter(WORD.findall(text)).items():
        if len(word) > LONGEST:
            continue
        low = word.lower()
        if (low != word and _CAMEL.search(word)) or "_" in word:
            low = low.strip("_")
            for part in _PARTS.findall(word):
                small = part.lower()
                if small != low:
                    out[small] = out.get(small, 0) + count
        if low:
            out[low] = out.get(low, 0) + count
    return out
