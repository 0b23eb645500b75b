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


@lru_cache(maxsize=16384)
def normal(text: str) -> str:
    """The normal form; without the map it takes a fifth of the time."""
    plain = _simple(text)
    if plain is None or "\x01" in plain:
        return mapped(text)[0]
    # A hyphen with a line break behind it joins, a lone one goes without joining the blanks around it.
    words = _BREAK.sub("\x01", _folded(plain))
    words = _BLANKS.sub(" ", words).lstrip(" ").replace("-", "").replace("\x01", "")
    return words[:-1] if words.endswith(" ") else words


@lru_cache(maxsize=4096)
def mapped(text: str) -> tuple[str, tuple[int, ...]]:
    """The normal form, and for each of its characters where it comes from in `text`."""
    plain = _simple(text)
    return _any(text) if plain is None else _ascii(plain)


def _simple(text: str) -> str | None:
    """As many ASCII characters (or folded ones) as the text has; None when that cannot be."""
    if text.isascii():
        return text
    others = {ord(c): _single(c) for c in set(text) if not c.isascii()}
    return None if None in others.values() else text.translate(others)


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
_BREAK = re.compile(r"-[ \t]*\n\s*")
_BLANKS = re.compile(r"\s+")


def _folded(text: str) -> str:
    """Small letters but for the keywords, single quotes."""
    folded = text.lower().replace('"', "'")
    pieces: list[str] = []
    at = 0
    for match in KEYWORD.finditer(text):
        pieces += (folded[at : match.start()], match.group())
        at = match.end()
    return "".join(pieces) + folded[at:]


def _ascii(text: str) -> tuple[str, tuple[int, ...]]:
    """The same as `_any`, ten times as fast, for what most RFCs consist of: only blanks and hyphens change the length."""
    folded = _folded(text)
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
