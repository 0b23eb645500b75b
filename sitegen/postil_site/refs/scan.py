"""One file to references: comments, docstrings, markers and quote blocks, with role, TODO text and the code they stand at."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from postil_site.model import Reference, Role, Status, Target, TargetKind
from postil_site.refs import blocks, duvet, grammar, markers, words
from postil_site.refs.blocks import Block
from postil_site.refs.grammar import Found, Known
from postil_site.refs.sources import PLAIN_BYTES, Source, matches

TESTS = ("test*/**", "tests/**", "**/*_test.*", "**/test_*", "**/*.spec.*", "**/*.test.*")
STATUSES = {
    "not planned": Status.NOT_PLANNED,
    "not applicable": Status.NOT_APPLICABLE,
    "exception": Status.EXCEPTION,
}


@dataclass(frozen=True, slots=True)
class Scanner:
    """What a scan needs besides the file."""

    known: Known
    tests: Sequence[str] = TESTS
    leaders: Sequence[tuple[str, str]] = field(default=duvet.DEFAULT_LEADERS)

    def scan(self, source: Source) -> list[Reference]:
        """All references of a file, in order."""
        if not source.hinted:
            return []
        prose = source.path.endswith(blocks.PROSE_SUFFIXES)
        role = self._role(source.path, prose)
        tree = None
        if source.path.endswith(".py") and len(source.octets) < PLAIN_BYTES:
            tree = blocks.parsed(source)
        code = _Code(source, tree)
        annotations = [] if prose else duvet.find(source.text, self.leaders)
        quoted = {line for one in annotations for line in range(one.line, one.end_line + 1)}
        found_blocks = [block for block in blocks.find(source) if block.lines[0].line not in quoted]
        out = [_annotated(source.path, one, role, code) for one in annotations]
        out += self._of_blocks(source.path, found_blocks, role, code)
        if tree is not None and ".rfc(" in source.text:
            out += [_marked(source.path, marker) for marker in markers.find(tree, source.text)]
        return sorted(out, key=lambda ref: (ref.line, ref.column))

    def _role(self, path: str, prose: bool) -> Role:
        if prose:
            return Role.MENTION
        if any(matches(path, pattern) for pattern in self.tests):
            return Role.TESTS
        return Role.IMPLEMENTS

    def _of_blocks(self, path: str, found: list[Block], role: Role, code: _Code) -> list[Reference]:
        strong = [(block, grammar.scan(block.text, self.known)) for block in found]
        header = {
            one.rfc for block, some in strong[:1] for one in some if block.lines[0].line <= 10
        }
        out: list[Reference] = []
        for block, some in strong:
            if some and words.LICENCE.search(block.text) and block.lines[0].line <= 60:
                continue
            named = {one.rfc for one in some} or header
            if len(named) == 1:
                some = some + grammar.weak(block.text, next(iter(named)), self.known, some)
            for one in some:
                out.append(_reference(path, block, one, role, code))
        return out


def _reference(path: str, block: Block, one: Found, role: Role, code: _Code) -> Reference:
    line, column = block.place(one.start)
    end_line, _ = block.place(max(one.end - 1, one.start))
    todo = _todo(block, one)
    status = STATUSES.get(one.status_word or "")
    if todo is not None:
        role = Role.TODO
    elif status is not None:
        role = Role.EXCEPTION
    elif one.weak and role is Role.IMPLEMENTS:
        role = Role.MENTION
    where = code.of(block)
    return Reference(
        path=path,
        line=line,
        column=column,
        end_line=end_line,
        rfc=one.rfc,
        target=one.target,
        role=role,
        style="todo" if todo is not None else one.style,
        weak=one.weak,
        text=" ".join(block.text[one.start : one.end].split()),
        todo=todo,
        status=status,
        code_line=where[0] if where else None,
        code_end_line=where[1] if where else None,
    )


def _todo(block: Block, one: Found) -> str | None:
    """Rule 10: from the todo word to an empty comment line, the next todo or the block's end."""
    begins = None
    for index, line in enumerate(block.lines):
        start = block.offsets[index]
        if start > one.start and begins is not None:
            break
        if words.TODO.match(line.text) and start <= one.end:
            begins = index
        elif not line.text.strip() and start <= one.start:
            begins = None
    if begins is None:
        return None
    kept: list[str] = []
    for line in block.lines[begins:]:
        if kept and (not line.text.strip() or words.TODO.match(line.text)):
            break
        kept.append(line.text.strip())
    return " ".join(kept)


def _annotated(path: str, one: duvet.Annotation, role: Role, code: _Code) -> Reference:
    if one.quote:
        target = Target(TargetKind.QUOTE, one.quote, one.section)
    elif one.section:
        target = Target(TargetKind.SECTION, one.section, one.section)
    else:
        target = Target(TargetKind.DOCUMENT, "")
    kind = one.role or role
    where = code.after(one.end_line)
    return Reference(
        path=path,
        line=one.line,
        column=one.column,
        end_line=one.end_line,
        rfc=one.rfc,
        target=target,
        role=kind,
        style="duvet",
        weak=False,
        text=one.quote or f"RFC {one.rfc}" + (f" §{one.section}" if one.section else ""),
        todo=(one.reason or one.quote) if kind is Role.TODO else None,
        status=Status.EXCEPTION if kind is Role.EXCEPTION else None,
        code_line=where[0] if where else None,
        code_end_line=where[1] if where else None,
    )


def _marked(path: str, marker: markers.Marker) -> Reference:
    quote = marker.quote if marker.scope == "function" else None
    if quote is not None:
        target = Target(TargetKind.QUOTE, quote, marker.section)
    else:
        target = Target(TargetKind.SECTION, marker.section, marker.section)
    return Reference(
        path=path,
        line=marker.line,
        column=marker.column,
        end_line=marker.end_line,
        rfc=marker.rfc,
        target=target,
        role=Role.TESTS,
        style="marker",
        weak=False,
        text=marker.text,
        code_line=marker.code_line,
        code_end_line=marker.code_end_line,
        test=marker.test,
    )


_IDLE = re.compile(r"^\s*(?:$|#|//|/\*|\*|--|;|<!--|\"\"\")")


class _Code:
    """Which statement a comment stands at."""

    def __init__(self, source: Source, tree: ast.Module | None) -> None:
        self._rows = source.text.split("\n")
        self._starts: list[int] = []
        self._ends: dict[int, int] = {}
        for node in ast.walk(tree) if tree is not None else ():
            if isinstance(node, ast.stmt):
                first = node.lineno
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    first = min([first, *(one.lineno for one in node.decorator_list)])
                end = node.end_lineno or node.lineno
                self._ends[first] = max(self._ends.get(first, 0), end)
        self._starts = sorted(self._ends)
        self._tree = tree

    def of(self, block: Block) -> tuple[int, int] | None:
        """The lines of the statement on or after the block, or of the item it documents."""
        if block.kind == "prose":
            return None
        if block.owner is not None:
            return block.owner
        first = block.lines[0].line
        if block.trailing:
            return self._on(first)
        return self.after(block.lines[-1].line)

    def _on(self, line: int) -> tuple[int, int]:
        at = bisect_left(self._starts, line + 1) - 1
        while at >= 0:
            start = self._starts[at]
            if self._ends[start] >= line:
                return (start, self._ends[start]) if start == line else (start, max(line, start))
            at -= 1
        return (line, line)

    def after(self, line: int) -> tuple[int, int] | None:
        """The first statement that begins below a line."""
        if self._tree is not None:
            inside = self._inside(line)
            at = bisect_left(self._starts, line + 1)
            if inside is not None:
                return inside
            if at < len(self._starts):
                return self._starts[at], self._ends[self._starts[at]]
            return None
        for number in range(line + 1, min(line + 40, len(self._rows)) + 1):
            if not _IDLE.match(self._rows[number - 1]):
                return number, number
        return None

    def _inside(self, line: int) -> tuple[int, int] | None:
        """A comment within the brackets of one statement belongs to the line below it."""
        below = line + 1
        while below <= len(self._rows) and _IDLE.match(self._rows[below - 1]):
            below += 1
        if below > len(self._rows) or below in self._ends:
            return None
        at = bisect_left(self._starts, below) - 1
        if at >= 0 and self._ends[self._starts[at]] >= below:
            return below, below
        return None
