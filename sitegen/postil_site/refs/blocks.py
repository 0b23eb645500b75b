"""Comments and docstrings of a file as joined text, each character knowing its line and column.

Whole-line comments on adjacent lines are one block; a comment behind code is a block of its own that whole-line comments at the same column
may continue. Leaders (`#`, `//`, ` * `) are taken off, so that a reference wrapped over lines is one piece of text.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, String, Token
from pygments.util import ClassNotFound

from postil_site.refs.sources import Source

_LEADER = re.compile(
    r"^[ \t]*(?:#+!?|//[/!]?|--|;+|%+|\*(?!/)|/\*+!?|<!--|\(\*|\{-|\"\"\"|'''|r\"\"\"|'(?=\s)|REM\b|rem\b|dnl\b|\.\\\")?[ \t]?"
)
_TRAILER = re.compile(r"\s*(?:\*+/|-->|\*\)|-\}|\"\"\"|''')\s*$")
# A token type contains its subtypes; the stubs see only a tuple of str.
_COMMENT: Any = Comment
_DOC: Any = String.Doc
_BLANK: Any = Token.Text.Whitespace
_PLAIN = re.compile(r"^(?P<code>.*?)(?P<leader>#|//|--|;)(?P<text>.*)$")
PROSE_SUFFIXES = (".md", ".rst", ".txt", ".adoc", ".markdown", ".org")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block: where its text begins, after the leader (1-based)."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A comment, a docstring or a paragraph; `text` joins the lines with line breaks."""

    text: str
    lines: tuple[Line, ...]
    kind: str  # comment | docstring | prose
    trailing: bool  # code stands before it on its first line
    owner: tuple[int, int] | None = None  # of a docstring: the lines of its item
    offsets: tuple[int, ...] = ()

    def place(self, offset: int) -> tuple[int, int]:
        """(line, column), both 1-based, of a character of `text`."""
        at = max(bisect_right(self.offsets, offset) - 1, 0)
        return self.lines[at].line, self.lines[at].column + offset - self.offsets[at]


def make(
    lines: Iterable[Line], kind: str, trailing: bool, owner: tuple[int, int] | None = None
) -> Block:
    """A block of lines."""
    kept = tuple(lines)
    offsets = []
    length = 0
    for line in kept:
        offsets.append(length)
        length += len(line.text) + 1
    text = "\n".join(line.text for line in kept)
    return Block(text, kept, kind, trailing, owner, tuple(offsets))


def lexer_for(source: Source) -> Lexer | None:
    """The lexer of a file by its name; None when there is none, or the file is too big for one."""
    if source.plain:
        return None
    try:
        return get_lexer_for_filename(source.path.rsplit("/", 1)[-1], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def find(source: Source) -> list[Block]:
    """All blocks of a file in order."""
    if source.path.endswith(PROSE_SUFFIXES):
        return list(_paragraphs(source.text))
    if source.path.endswith(".py") and not source.plain:
        tree = parsed(source)
        docstrings = list(_docstrings(source, tree)) if tree is not None else []
    else:
        docstrings = []
    lexer = lexer_for(source)
    if lexer is None:
        comments = list(_plain_comments(source.text))
    else:
        comments = list(_lexed(source.text, lexer, bool(docstrings) or source.path.endswith(".py")))
    blocks = [*_joined(comments), *docstrings]
    return sorted(blocks, key=lambda block: (block.lines[0].line, block.lines[0].column))


def parsed(source: Source) -> ast.Module | None:
    """The tree of a Python file, or None when it does not parse."""
    try:
        return ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass(frozen=True, slots=True)
class _Comment:
    """The raw lines of one comment token."""

    lines: tuple[Line, ...]
    alone: bool  # nothing but blanks stand before it on its line
    multi: bool


def _lexed(text: str, lexer: Lexer, python: bool) -> Iterator[_Comment]:
    line, column = 1, 1
    before = ""  # what stands on the line so far
    for kind, value in lexer.get_tokens(text):
        wanted = (
            kind in _COMMENT
            and kind not in (Comment.Preproc, Comment.Hashbang, Comment.PreprocFile)
        ) or (kind in _DOC and not python)
        if wanted and value.strip():
            yield from _token(value, line, column, not before.strip())
        breaks = value.count("\n")
        if breaks:
            line += breaks
            column = len(value) - value.rfind("\n")
            before = value[value.rfind("\n") + 1 :] if kind not in _COMMENT else ""
        else:
            column += len(value)
            before += value if kind not in _BLANK else " " * len(value)


def _token(value: str, line: int, column: int, alone: bool) -> Iterator[_Comment]:
    lines = []
    for index, raw in enumerate(value.rstrip("\n").split("\n")):
        start = column if index == 0 else 1
        leader = _LEADER.match(raw)
        cut = leader.end() if leader else 0
        lines.append(Line(line + index, start + cut, _TRAILER.sub("", raw[cut:]).rstrip()))
    yield _Comment(tuple(lines), alone, len(lines) > 1)


def _plain_comments(text: str) -> Iterator[_Comment]:
    """Without a lexer: line comments `#`, `//`, `--`, `;`."""
    for number, raw in enumerate(text.split("\n"), 1):
        match = _PLAIN.match(raw[:4000])
        if match is None:
            continue
        code = match["code"]
        if code and not code[-1].isspace():
            continue  # `http://…`, `a;b`
        body = match["text"]
        skip = len(body) - len(body.lstrip("#/-; "))
        yield _Comment(
            (Line(number, match.end("leader") + 1 + skip, body[skip:].rstrip()),),
            not code.strip(),
            False,
        )


def _joined(comments: list[_Comment]) -> Iterator[Block]:
    group: list[Line] = []
    trailing = False
    for comment in comments:
        first = comment.lines[0]
        follows = bool(group) and comment.alone and first.line == group[-1].line + 1
        if follows and trailing:
            follows = first.column == group[0].column
        if follows and not comment.multi:
            group.extend(comment.lines)
            continue
        if group:
            yield make(group, "comment", trailing)
        group, trailing = list(comment.lines), not comment.alone
        if comment.multi:
            yield make(group, "comment", trailing)
            group = []
    if group:
        yield make(group, "comment", trailing)


def _docstrings(source: Source, tree: ast.Module) -> Iterator[Block]:
    rows = source.text.split("\n")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.body or not isinstance(first := node.body[0], ast.Expr):
            continue
        if not isinstance(first.value, ast.Constant) or not isinstance(first.value.value, str):
            continue
        end = first.end_lineno or first.lineno
        lines = []
        for number in range(first.lineno, end + 1):
            raw = rows[number - 1]
            start = 0
            if number == first.lineno:
                prefix = re.match(r"\s*[rRuUbB]{0,2}(\"\"\"|'''|\"|')", raw)
                start = prefix.end() if prefix else 0
            else:
                start = len(raw) - len(raw.lstrip())
            lines.append(Line(number, start + 1, _TRAILER.sub("", raw[start:]).rstrip()))
        if isinstance(node, ast.Module):
            owner = (1, len(rows))
        else:
            owner = (node.lineno, node.end_lineno or node.lineno)
        yield make(lines, "docstring", False, owner)


def _paragraphs(text: str) -> Iterator[Block]:
    group: list[Line] = []
    for number, raw in enumerate(text.split("\n"), 1):
        if raw.strip():
            indent = len(raw) - len(raw.lstrip())
            group.append(Line(number, indent + 1, raw.strip()))
        elif group:
            yield make(group, "prose", False)
            group = []
    if group:
        yield make(group, "prose", False)
