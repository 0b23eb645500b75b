"""Source text to highlighted lines, about as long as the source: few tags, equal neighbours merged, every line whole in itself.

`<i>` comment, `<b>` keyword, `<u>` string, `<var>` number, `<dfn>` a name where it is defined; everything else is plain. Python is read by
one regular expression, twenty times as fast as a lexer and alike in what is shown; every other language by its Pygments lexer, cached by the hash
of the text, the lexer and this package.
"""

from __future__ import annotations

import hashlib
import keyword
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pygments.lexer import Lexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from postil_site.pages.markup import text as escaped
from postil_site.refs.blocks import lexer_for
from postil_site.refs.sources import Source

# A token type contains its subtypes; the stubs see only a tuple of str.
_TAGS: tuple[tuple[Any, str], ...] = (
    (Comment, "i"),
    (String, "u"),
    (Number, "var"),
    (Keyword, "b"),
    (Operator.Word, "b"),
    (Name.Function, "dfn"),
    (Name.Class, "dfn"),
    (Name.Tag, "b"),
)

_WORDS = "|".join(sorted({*keyword.kwlist, "match", "case"} - {"match", "case"}, reverse=True))
_PYTHON = re.compile(
    r"(?P<i>#[^\n]*)"
    r'|(?P<u>(?<!\w)(?:[rbfuRBFU]{1,2})?(?:"""(?:[^"\\]|\\[\s\S]|"(?!""))*"""'
    r"|'''(?:[^'\\]|\\[\s\S]|'(?!''))*'''"
    r"|\"(?:[^\"\\\n]|\\[\s\S])*\"|'(?:[^'\\\n]|\\[\s\S])*'))"
    r"|(?<=\bdef )(?P<d>\w+)|(?<=\bclass )(?P<e>\w+)"
    rf"|(?P<b>\b(?:{_WORDS})\b)"
    r"|(?P<v>(?<![\w.])\d[\w.]*)"
)
_NAMES = {"i": "i", "u": "u", "d": "dfn", "e": "dfn", "b": "b", "v": "var"}


def lines(source: Source, cache: Path | None = None) -> list[str]:
    """One piece of HTML a line."""
    return document(source, cache).split("\n")


def document(source: Source, cache: Path | None = None) -> str:
    """All lines joined by line breaks."""
    if source.path.endswith((".py", ".pyi")) and not source.plain:
        return _python(source.text)
    lexer = lexer_for(source)
    if lexer is None:
        return escaped(source.text)
    if cache is None:
        return _lexed(source.text, lexer)
    digest = hashlib.sha256(source.octets)
    digest.update(f"\0{lexer.name}\0{_version()}".encode())
    kept = cache / digest.hexdigest()[:40]
    try:
        return kept.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        done = _lexed(source.text, lexer)
        keep(kept, done)
        return done


def keep(file: Path, content: str) -> None:
    """Write a cache entry whole or not at all; a cache that cannot be written is no error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{id(content):x}.part")
        part.write_text(content, "utf-8")
        part.replace(file)
    except (OSError, UnicodeEncodeError):
        return


def _version() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]


def _python(text: str) -> str:
    return _PYTHON.sub(_piece, text.replace("&", "\ue000").replace("<", "\ue001")).translate(
        {0xE000: "&amp;", 0xE001: "&lt;"}
    )


def _piece(match: re.Match[str]) -> str:
    tag = _NAMES[match.lastgroup or "i"]
    return _wrapped(match.group(), tag)


def _wrapped(value: str, tag: str) -> str:
    """A piece in its tag; on every line anew, blanks at a line's begin left outside."""
    if "\n" not in value:
        return f"<{tag}>{value}</{tag}>"
    return "\n".join(
        f"{line[: len(line) - len(line.lstrip())]}<{tag}>{line.lstrip()}</{tag}>"
        if line.strip()
        else line
        for line in value.split("\n")
    )


def _lexed(text: str, lexer: Lexer) -> str:
    out = []
    for tag, value in _merged(lexer.get_tokens(text)):
        piece = escaped(value)
        out.append(_wrapped(piece, tag) if tag and piece.strip() else piece)
    return "".join(out)


def _merged(tokens: Iterable[tuple[Any, str]]) -> Iterator[tuple[str, str]]:
    tags: dict[Any, str] = {}
    current, pieces = "", [""]
    for kind, value in tokens:
        if kind not in tags:
            tags[kind] = next((tag for parent, tag in _TAGS if kind in parent), "")
        tag = tags[kind]
        if tag == current or value.isspace():
            pieces.append(value)
            continue
        yield current, "".join(pieces)
        current, pieces = tag, [value]
    yield current, "".join(pieces)


_TAG = re.compile(r"<(/?)(\w+)>|&(amp|lt|gt);|[^<&]+")


def plain_and_ranges(html: str) -> tuple[str, list[tuple[int, int, str]]]:
    """A highlighted line taken apart again: its text, and (start, end, tag) of each marked piece."""
    out: list[str] = []
    length = 0
    ranges: list[tuple[int, int, str]] = []
    begun = 0
    for match in _TAG.finditer(html):
        if match[2]:
            if match[1]:
                ranges.append((begun, length, match[2]))
            else:
                begun = length
            continue
        piece = {"amp": "&", "lt": "<", "gt": ">"}[match[3]] if match[3] else match.group()
        out.append(piece)
        length += len(piece)
    return "".join(out), ranges


def plain(text: str) -> list[str]:
    """Lines without any colour."""
    return escaped(text).split("\n")
