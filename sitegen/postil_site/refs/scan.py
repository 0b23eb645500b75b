"""One file to references: comments, docstrings, markers and quote blocks, with role, TODO text and the code they stand at."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from postil_site.model import Reference, Role, Status, Target, TargetKind
from postil_site.refs import blocks, duvet, grammar, markers, words
from postil_site.refs.blocks import Block
from postil_site.refs.code import CodeMap
from postil_site.refs.grammar import Found, Known
from postil_site.refs.sources import Source, matches

TESTS = ("test*/**", "tests/**", "**/*_test.*", "**/test_*", "**/*.spec.*", "**/*.test.*")
HEADER_LINES = 60  # the head of a file ends before these; a licence further down is text
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
        tree = blocks.parsed(source)
        annotations = [] if prose else duvet.find(source.text, self.leaders)
        found = blocks.find(source, tree)
        if annotations:
            annotations = self._in_comments(source, annotations, found)
        quoted = frozenset(
            line for one in annotations for line in range(one.line, one.end_line + 1)
        )
        if quoted:
            found = blocks.find(source, tree, quoted)
        code = CodeMap(source, tree, found, quoted)
        out = [_annotated(source.path, one, role, code) for one in annotations]
        out += self._of_blocks(source.path, found, role, code)
        if tree is not None and ".rfc(" in source.text:
            out += [_marked(source.path, marker) for marker in markers.find(tree, source.text)]
        return sorted(out, key=lambda ref: (ref.line, ref.column))

    def _in_comments(
        self, source: Source, annotations: list[duvet.Annotation], found: list[Block]
    ) -> list[duvet.Annotation]:
        """Without what stands in strings; a leader of the project's own need not be one of the language."""
        lines = {line.line for block in found if block.kind == "comment" for line in block.lines}
        own = tuple(meta for meta, _ in self.leaders if (meta, _) not in duvet.DEFAULT_LEADERS)
        rows = source.text.split("\n")
        return [
            one
            for one in annotations
            if one.line in lines or (own and rows[one.line - 1].lstrip().startswith(own))
        ]

    def _role(self, path: str, prose: bool) -> Role:
        if prose:
            return Role.MENTION
        if any(matches(path, pattern) for pattern in self.tests):
            return Role.TESTS
        return Role.IMPLEMENTS

    def _of_blocks(
        self, path: str, found: list[Block], role: Role, code: CodeMap
    ) -> list[Reference]:
        strong = [(block, grammar.scan(block.text, self.known)) for block in found]
        header = _header(strong)
        out: list[Reference] = []
        for block, some in strong:
            if block.lines[0].line <= HEADER_LINES and words.LICENCE.search(block.text):
                continue
            named = {one.rfc for one in some} or header
            if len(named) == 1:
                some = some + grammar.weak(block.text, next(iter(named)), self.known, some)
            if some:
                where = code.of(block)
                todos = _todos(block)
                test = code.function(block.lines[-1].line) if role is Role.TESTS else None
                out += [_reference(path, block, one, role, where, todos, test) for one in some]
        return out


def _header(strong: list[tuple[Block, list[Found]]]) -> set[int]:
    """The RFCs that the head of the file names: its first comment that is no licence, and its docstring."""
    heads = [
        (block, some)
        for block, some in strong
        if block.lines[0].line <= HEADER_LINES and not words.LICENCE.search(block.text)
    ]
    named: set[int] = set()
    for index, (block, some) in enumerate(heads):
        whole = block.owner is not None and block.owner[0] == 1 and block.kind == "docstring"
        if (index == 0 and not block.trailing and block.kind != "prose") or whole:
            named.update(one.rfc for one in some)
    return named


@dataclass(frozen=True, slots=True)
class _Todo:
    """A TODO in a block: characters from `start` up to `end`, and its words."""

    start: int
    end: int
    text: str


def _todos(block: Block) -> list[_Todo]:
    """Rule 10: from the todo word to an empty comment line, the next todo or the block's end."""
    out: list[_Todo] = []
    index = 0
    while index < len(block.lines):
        if not words.TODO.match(block.lines[index].text):
            index += 1
            continue
        first = index
        kept = [block.lines[index].text.strip()]
        index += 1
        while index < len(block.lines):
            text = block.lines[index].text
            if not text.strip() or words.TODO.match(text):
                break
            kept.append(text.strip())
            index += 1
        end = block.offsets[index] if index < len(block.lines) else len(block.text) + 1
        out.append(_Todo(block.offsets[first], end, " ".join(kept)))
    return out


def _reference(
    path: str,
    block: Block,
    one: Found,
    role: Role,
    where: tuple[int, int] | None,
    todos: list[_Todo],
    test: str | None,
) -> Reference:
    line, column = block.place(one.start)
    end_line, _ = block.place(max(one.end - 1, one.start))
    at = bisect_right(todos, one.start, key=lambda some: some.start) - 1
    todo = todos[at].text if at >= 0 and one.start < todos[at].end else None
    status = STATUSES.get(one.status_word or "")
    if todo is not None:
        role = Role.TODO
    elif status is not None:
        role = Role.EXCEPTION
    elif one.weak:
        role = Role.MENTION
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
        text=block.text[one.start : one.end],
        todo=todo,
        status=status,
        code_line=where[0] if where else None,
        code_end_line=where[1] if where else None,
        test=test,
    )


def _annotated(path: str, one: duvet.Annotation, role: Role, code: CodeMap) -> Reference:
    if one.quote:
        target = Target(TargetKind.QUOTE, one.quote, one.section)
    elif one.section:
        target = Target(TargetKind.SECTION, grammar.normal_section(one.section), one.section)
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
        test=code.function(one.end_line) if kind is Role.TESTS else None,
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
