"""Which lines of code a comment speaks of: the statement on or after it, or the item that a docstring belongs to.

Python is read from its syntax tree. Elsewhere the first line below that is neither blank nor comment begins the statement, and it ends where its
brackets are closed again: enough for a function with its body in any language of braces.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left

from postil_site.refs.blocks import Block, statements
from postil_site.refs.sources import Source

MAX_STATEMENT = 400  # lines; where brackets are not closed by then, they were in strings
_HIDDEN = re.compile(r"\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.){0,4}+'|//.*$|/\*.*?\*/")
_OPEN, _CLOSE = re.compile(r"[(\[{]"), re.compile(r"[)\]}]")
# `func TestX(`, `fn x(`, `void x(`, `it("says …"`, `test('…'`: what begins a test in most languages
_FUNCTION = re.compile(
    r"^\s*(?:it|test|describe|specify)\s*\(?\s*[\"'`](?P<said>[^\"'`]{1,200})[\"'`]"
    r"|^(?=.*(?:[{:(,=]|=>|\bdo)\s*$|\s*(?:def|func?|fn|sub)\b)"
    r"\s*(?:[\w<>\[\],&*:]+\s+){0,6}(?:\([^)]{0,80}\)\s*)?(?P<name>\w+)\s*(?:<[^>]{0,80}>)?\("
)
_NO_NAME = frozenset(("if", "for", "while", "switch", "match", "return", "catch", "assert"))


def _name(match: re.Match[str]) -> str | None:
    name = match["said"] or match["name"]
    return None if name in _NO_NAME else name


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip())


def _name_functions(body: list[ast.stmt], prefix: str, out: dict[int, str]) -> None:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            name = prefix + node.name
            out.update(dict.fromkeys(range(first, (node.end_lineno or first) + 1), name))
        elif isinstance(node, ast.ClassDef):
            _name_functions(node.body, f"{prefix}{node.name}::", out)


class CodeMap:
    """The statements of one file."""

    def __init__(
        self, source: Source, tree: ast.Module | None, blocks: list[Block], skip: frozenset[int]
    ) -> None:
        self._rows = source.text.split("\n")
        self._tree = tree
        self._idle = set(skip)
        for block in blocks:
            if block.kind == "comment" and not block.trailing:
                self._idle.update(line.line for line in block.lines)
        self._ends: dict[int, int] = {}
        for node in statements(tree) if tree is not None else ():
            first = node.lineno
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                first = min([first, *(one.lineno for one in node.decorator_list)])
            self._ends[first] = max(self._ends.get(first, 0), node.end_lineno or node.lineno)
        self._starts = sorted(self._ends)
        self._inner: dict[int, int] | None = None
        self._functions: dict[int, str] | None = None

    def of(self, block: Block) -> tuple[int, int] | None:
        """The lines of the statement on or after the block, or of the item it documents."""
        if block.kind == "prose":
            return None
        if block.owner is not None:
            return block.owner
        first = block.lines[0].line
        return self._on(first) if block.trailing else self.after(block.lines[-1].line)

    def after(self, line: int) -> tuple[int, int] | None:
        """The first statement that begins below a line."""
        below = line + 1
        while below <= len(self._rows) and self._blank(below):
            below += 1
        if below > len(self._rows):
            return None
        if self._tree is None:
            return below, self._closed(below)
        if below not in self._ends:
            # within the brackets of one statement: the line below
            inside = self._statement(below)
            if inside is not None and self._ends[inside] >= below:
                return below, below
        at = bisect_left(self._starts, below)
        return (self._starts[at], self._ends[self._starts[at]]) if at < len(self._starts) else None

    def _blank(self, line: int) -> bool:
        return line in self._idle or not self._rows[line - 1].strip()

    def _on(self, line: int) -> tuple[int, int]:
        if line in self._ends:
            return line, self._ends[line]
        start = self._statement(line)
        return (start, line) if start is not None else (line, line)

    def _statement(self, line: int) -> int | None:
        """Where the innermost statement begins that holds a line."""
        if self._inner is None:
            self._inner = {}
            for start in self._starts:  # inner ones begin later and overwrite
                self._inner.update(dict.fromkeys(range(start, self._ends[start] + 1), start))
        return self._inner.get(line)

    def function(self, line: int) -> str | None:
        """The name of the test that a comment stands in, or right above: what a report of tests calls it."""
        if self._tree is not None:
            if self._functions is None:
                self._functions = {}
                _name_functions(self._tree.body, "", self._functions)
            below = self.after(line)
            inside = self._functions.get(line)
            return inside or (self._functions.get(below[0]) if below else None)
        below = self.after(line)
        named = _FUNCTION.match(self._rows[below[0] - 1][:500]) if below else None
        if named is not None:
            return _name(named)
        indent = _indent(self._rows[line - 1])
        for number in range(line - 1, max(line - MAX_STATEMENT, 0), -1):
            row = self._rows[number - 1]
            if row.strip() and _indent(row) < indent:
                named = _FUNCTION.match(row[:500])
                if named is not None:
                    return _name(named)
                indent = _indent(row)
        return None

    def _closed(self, line: int) -> int:
        """The line on which the brackets opened from here on are closed."""
        depth = 0
        opened = False
        for number in range(line, min(line + MAX_STATEMENT, len(self._rows) + 1)):
            row = self._rows[number - 1]
            if len(row) > 2000:
                return line
            if number in self._idle:
                continue
            plain = _HIDDEN.sub("", row)
            more = len(_OPEN.findall(plain))
            depth += more - len(_CLOSE.findall(plain))
            opened = opened or more > 0
            if depth <= 0:
                return number if opened or number == line else line
        return line
