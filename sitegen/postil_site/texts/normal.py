"""The normal form in which words are compared (rule 7), with a map from its characters back to the text's.

NFKC; straight quotes; every hyphen deleted with the line break and indent behind it; white space to one blank; case folded except
the keywords of RFC 2119, whose capitals carry meaning.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

KEYWORD = re.compile(
    r"\b(MUST NOT|SHALL NOT|SHOULD NOT|NOT RECOMMENDED|MUST|SHALL|REQUIRED|SHOULD|RECOMMENDED|MAY|OPTIONAL)\b"
)
_QUOTES = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'"}
)
_HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212\u00ad")
_TOKEN = re.compile(r"\s+|" + KEYWORD.pattern + r"|.", re.DOTALL)


def normal(text: str) -> str:
    """The normal form."""
    return mapped(text)[0]


@lru_cache(maxsize=4096)
def mapped(text: str) -> tuple[str, tuple[int, ...]]:
    """The normal form, and for each of its characters where it comes from in `text`."""
    if text.isascii():
        return _ascii(text)
    others = {ord(c): _single(c) for c in set(text) if not c.isascii()}
    if None in others.values():
        return _any(text)
    return _ascii(text.translate(others))


@lru_cache(maxsize=4096)
def _single(character: str) -> str | None:
    """What stands for a character in the normal form when that is one character too, None otherwise."""
    if character in _HYPHENS:
        return "-"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKC", character).translate(_QUOTES).casefold()
    return plain if len(plain) == 1 and plain != "-" and not plain.isspace() else None


_GAP = re.compile(r"-(?:[ \t]*\n\s*)?|\s+")


def _ascii(text: str) -> tuple[str, tuple[int, ...]]:
    """The same as `_any`, ten times as fast, for what most RFCs consist of: only blanks and hyphens change the length."""
    folded = text.lower().replace('"', "'")
    pieces: list[str] = []
    at = 0
    for match in KEYWORD.finditer(text):
        pieces += (folded[at : match.start()], match.group())
        at = match.end()
    folded = "".join(pieces) + folded[at:]
    out: list[str] = []
    origin: list[int] = []
    at = 0
    blank = True  # none is wanted at the begin, nor behind another
    for match in _GAP.finditer(folded):
        start, end = match.span()
        if start > at:
            out.append(folded[at:start])
            origin.extend(range(at, start))
            blank = False
        at = end
        if match.group()[0] == "-":
            blank = end - start > 1
        elif not blank:
            out.append(" ")
            origin.append(start)
            blank = True
    if at < len(folded):
        out.append(folded[at:])
        origin.extend(range(at, len(folded)))
    joined = "".join(out)
    if joined.endswith(" "):
        joined, origin = joined[:-1], origin[:-1]
    return joined, tuple(origin)


def _any(text: str) -> tuple[str, tuple[int, ...]]:
    out: list[str] = []
    origin: list[int] = []
    skip_blank = True
    for token in _TOKEN.finditer(text):
        word, start = token.group(), token.start()
        if word in _HYPHENS:
            skip_blank = _breaks(text, token.end())
            continue
        if word.isspace():
            if not skip_blank:
                out.append(" ")
                origin.append(start)
            skip_blank = True
            continue
        skip_blank = False
        if len(word) > 1:
            out.append(word)
            origin.extend(range(start, start + len(word)))
            continue
        plain = unicodedata.normalize("NFKC", word).translate(_QUOTES).casefold()
        plain = plain.replace('"', "'")  # rule 1: inner double quotes may be written as single ones
        out.append(plain)
        origin.extend([start] * len(plain))
    joined = "".join(out)
    if joined.endswith(" "):
        joined, origin = joined[:-1], origin[:-1]
    return joined, tuple(origin)


def _breaks(text: str, at: int) -> bool:
    """Is the white space behind the hyphen a line break? Then it goes with it."""
    blank = re.match(r"[ \t]*\n\s*", text[at:])
    return blank is not None
