"""Comments and docstrings of a file as joined text, each character knowing its line and column.

Whole-line comments on adjacent lines are one block; a comment behind code is a block of its own that whole-line comments at the same column
may continue. Leaders (`#`, `//`, ` * `) are taken off, so that a reference wrapped over lines is one piece of text. Python that parses is read by `ast` and
one regular expression, everything else by its Pygments lexer.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, String
from pygments.util import ClassNotFound

from postil_site.refs.sources import Source

_LEADER = re.compile(
    r"^[ \t]*(?:#+!?|//[/!]?|--|;+|%+|\*(?!/)|/\*+!?|<!--|\(\*|\{-|\"\"\"|'''|r\"\"\"|'(?=\s)|REM\b|rem\b|dnl\b|\.\\\")?[ \t]?"
)
_TRAILER = re.compile(r"\s*(?:\*+/|-->|\*\)|-\}|\"\"\"|''')\s*$")
# A token type contains its subtypes; the stubs see only a tuple of str.
_COMMENT: Any = Comment
_DOC: Any = String.Doc
# not within `http://…` or `a;b`
_PLAIN = re.compile(r"(?<!\S)(?P<leader>#|//|--|;)(?P<text>.*)$")
PYTHON_SUFFIXES = (".py", ".pyi", ".pyw")
DATA_SUFFIXES = (".json", ".csv", ".tsv", ".svg", ".lock", ".map", ".ipynb")  # no comments in them
PROSE_SUFFIXES = (".md", ".rst", ".txt", ".adoc", ".markdown", ".org")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block: where its text begins, after the leader (1-based)."""

    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A comment, a docstring or a paragraph; `text` joins its words with single blanks, and an empty line is a line break."""

    text: str
    lines: tuple[Line, ...]
    kind: str  # comment | docstring | prose
    trailing: bool  # code stands before it on its first line
    owner: tuple[int, int] | None = None  # of a docstring: the lines of its item
    offsets: tuple[int, ...] = ()  # in `text`, of each line's first word
    pieces: tuple[tuple[int, int, int], ...] = ()  # (offset in `text`, line, column) of words

    def place(self, offset: int) -> tuple[int, int]:
        """(line, column), both 1-based, of a character of `text`."""
        at = max(bisect_right(self.pieces, (offset, 1 << 60, 0)) - 1, 0)
        start, line, column = self.pieces[at]
        return line, column + offset - start


_WORD = re.compile(r"\S+")


def make(
    lines: Iterable[Line], kind: str, trailing: bool, owner: tuple[int, int] | None = None
) -> Block:
    """A block of lines."""
    kept = tuple(lines)
    offsets: list[int] = []
    pieces: list[tuple[int, int, int]] = []
    out: list[str] = []
    length = 0
    glue = ""
    for line in kept:
        first = True
        for word in _WORD.finditer(line.text):
            out.append(glue)
            length += len(glue)
            if first:
                offsets.append(length)
                first = False
            pieces.append((length, line.line, line.column + word.start()))
            out.append(word.group())
            length += word.end() - word.start()
            glue = " "
        if first:
            offsets.append(length)
            glue = "\n" if out else ""
        elif out[-1].endswith("-") and out[-1][-2:-1].isalpha():
            glue = ""  # a word cut at its hyphen
    if not pieces:
        pieces.append((0, kept[0].line, kept[0].column))
    return Block("".join(out), kept, kind, trailing, owner, tuple(offsets), tuple(pieces))


def lexer_for(source: Source) -> Lexer | None:
    """The lexer of a file by its name; None when there is none, or the file is too big for one."""
    if source.plain:
        return None
    try:
        return get_lexer_for_filename(source.path.rsplit("/", 1)[-1], stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


def find(
    source: Source, tree: ast.Module | None, skip: frozenset[int] = frozenset()
) -> list[Block]:
    """All blocks of a file in order, without the lines in `skip`; `tree` is a Python file's."""
    if source.path.endswith(PROSE_SUFFIXES):
        return list(_paragraphs(source.text))
    if source.path.endswith(DATA_SUFFIXES):
        return []
    docstrings: list[Block] = []
    if tree is not None:
        comments = list(_python(source.text))
        docstrings = list(_docstrings(source, tree))
    else:
        lexer = lexer_for(source)
        comments = list(
            _plain_comments(source.text) if lexer is None else _lexed(source.text, lexer)
        )
    if skip:
        comments = [one for one in (_without(comment, skip) for comment in comments) if one]
    blocks = [*_joined(comments), *docstrings]
    return sorted(blocks, key=lambda block: (block.lines[0].line, block.lines[0].column))


def _without(comment: _Comment, skip: frozenset[int]) -> _Comment | None:
    lines = tuple(line for line in comment.lines if line.line not in skip)
    return _Comment(lines, comment.alone, comment.multi) if lines else None


def parsed(source: Source) -> ast.Module | None:
    """The tree of a Python file, or None when it is none or does not parse."""
    if source.plain or not source.path.endswith(PYTHON_SUFFIXES):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\\d" in somebody's strings
            return ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """All statements of a module, outer before inner; expressions, which are most of a tree, are not entered."""
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            children = getattr(node, name, None)
            if isinstance(children, list):
                queue.extend(children)
        if isinstance(node, ast.stmt):
            yield node


# Comments of Python that parses, 30 times faster than by its lexer: strings are stepped over whole.
_PYTHON = re.compile(
    r"""(?P<comment>\#[^\n]*+)|\"\"\"(?:[^"\\]++|\\.|"(?!""))*+\"\"\"|\'\'\'(?:[^'\\]++|\\.|'(?!\'\'))*+\'\'\'"""
    r"""|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'""",
    re.DOTALL,
)


def _python(text: str) -> Iterator[_Comment]:
    line, at, line_start = 1, 0, 0
    for match in _PYTHON.finditer(text):
        if match.lastgroup != "comment":
            continue
        start = match.start()
        line += text.count("\n", at, start)
        at = start
        line_start = text.rfind("\n", 0, start) + 1
        value = match.group()
        if line == 1 and value.startswith("#!"):
            continue
        yield from _token(value, line, start - line_start + 1, not text[line_start:start].strip())


@dataclass(frozen=True, slots=True)
class _Comment:
    """The raw lines of one comment token."""

    lines: tuple[Line, ...]
    alone: bool  # nothing but blanks stand before it on its line
    multi: bool


def _lexed(text: str, lexer: Lexer) -> Iterator[_Comment]:
    line, column = 1, 1
    blank = True  # nothing but blanks on the line so far
    for kind, value in lexer.get_tokens(text):
        comment = kind in _COMMENT
        wanted = (
            comment and kind not in (Comment.Preproc, Comment.Hashbang, Comment.PreprocFile)
        ) or kind in _DOC
        if wanted and value.strip():
            yield from _token(value, line, column, blank)
        breaks = value.count("\n")
        if breaks:
            line += breaks
            last = value.rfind("\n") + 1
            column = len(value) - last + 1
            blank = comment or not value[last:].strip()
        else:
            column += len(value)
            blank = blank and not value.strip()


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
        match = _PLAIN.search(raw[:4000])
        if match is None:
            continue
        body = match["text"]
        skip = len(body) - len(body.lstrip("#/-; "))
        yield _Comment(
            (Line(number, match.end("leader") + 1 + skip, body[skip:].rstrip()),),
            not raw[: match.start()].strip(),
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
    for node in [tree, *statements(tree)]:
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
