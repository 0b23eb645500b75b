"""Words of a text, in lower case: section numbers stay whole, identifiers are found whole and by their parts."""

from __future__ import annotations

import re

# The same expression stands in search.js: what one calls a word the other must look for.
WORD = re.compile(r"(?:[A-Za-z]|\d+)(?:\.\d+)+|\w+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_CAMEL = re.compile(r"[a-z][A-Z]|[A-Z][A-Z][a-z]")
LONGEST = 40  # characters; more is data, not a word


def words(text: str) -> list[str]:
    """Every word with repetitions; parts of an identifier stand behind it."""
    out: list[str] = []
    for word in WORD.findall(text):
        if len(word) > LONGEST:
            continue
        low = word.lower()
        if "_" not in word and (low == word or not _CAMEL.search(word)):
            out.append(low)
            continue
        low = low.strip("_")
        parts = [part.lower() for part in _PARTS.findall(word)]
        if low:
            out.append(low)
        out.extend(part for part in parts if part != low)
    return out
