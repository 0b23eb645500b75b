"""`@pytest.mark.rfc("9051", "6.3.12", "words")` read from the syntax tree: decorators, `pytestmark`, `pytest.param(marks=…)` (rule 10)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker; `scope` is what it stands on: function, class or module."""

    line: int
    column: int  # 1-based
    end_line: int
    rfc: int
    section: str
    quote: str | None
    scope: str
    test: str  # qualified name: `TestLogin::test_wrong`
    code_line: int
    code_end_line: int
    text: str


def find(tree: ast.Module, text: str) -> list[Marker]:
    """All markers of a module, in order."""
    rows = text.split("\n")
    found = list(_in(tree.body, "", rows))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in statement.targets
        ):
            for call in _calls(statement.value):
                marker = _marker(call, "module", "", (1, len(rows)), rows)
                if marker is not None:
                    found.append(marker)
    return sorted(found, key=lambda marker: (marker.line, marker.column))


def _in(body: list[ast.stmt], prefix: str, rows: list[str]) -> Iterator[Marker]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        name = f"{prefix}{node.name}"
        scope = "class" if isinstance(node, ast.ClassDef) else "function"
        for decorator in node.decorator_list:
            for call in _calls(decorator):
                marker = _marker(
                    call, scope, name, (node.lineno, node.end_lineno or node.lineno), rows
                )
                if marker is not None:
                    yield marker
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign) and any(
                    isinstance(t, ast.Name) and t.id == "pytestmark" for t in statement.targets
                ):
                    for call in _calls(statement.value):
                        marker = _marker(
                            call, "class", name, (node.lineno, node.end_lineno or node.lineno), rows
                        )
                        if marker is not None:
                            yield marker
            yield from _in(node.body, f"{name}::", rows)


def _calls(node: ast.expr) -> Iterator[ast.Call]:
    """Every `….rfc(…)` call below: also inside parametrize and lists of marks."""
    for child in ast.walk(node):
        if (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Attribute)
            and child.func.attr == "rfc"
            and isinstance(child.func.value, ast.Attribute | ast.Name)
            and (
                (isinstance(child.func.value, ast.Attribute) and child.func.value.attr == "mark")
                or (isinstance(child.func.value, ast.Name) and child.func.value.id == "mark")
            )
        ):
            yield child


def _written(rows: list[str], call: ast.Call) -> str:
    """The marker as it stands in the file, on one line; not ast's own way, which splits the whole file each time."""
    end = call.end_lineno or call.lineno
    lines = rows[call.lineno - 1 : end]
    if not lines or call.end_col_offset is None:
        return ""
    octets = [line.encode("utf-8") for line in lines]  # ast counts octets
    octets[-1] = octets[-1][: call.end_col_offset]
    octets[0] = octets[0][call.col_offset :]
    return " ".join(b"\n".join(octets).decode("utf-8", "replace").split())


def _marker(
    call: ast.Call, scope: str, test: str, code: tuple[int, int], rows: list[str]
) -> Marker | None:
    values: list[str | None] = []
    for argument in call.args:
        try:
            value = ast.literal_eval(argument)
        except ValueError:
            return None
        values.append(None if value is None else str(value))
    for keyword in call.keywords:
        if keyword.arg == "quote" and isinstance(keyword.value, ast.Constant):
            values.append(str(keyword.value.value))
    if len(values) < 2 or values[0] is None or not values[0].isdigit() or values[1] is None:
        return None
    quote = values[2] if len(values) > 2 else None
    return Marker(
        line=call.lineno,
        column=call.col_offset + 1,
        end_line=call.end_lineno or call.lineno,
        rfc=int(values[0]),
        section=values[1].lstrip("§ "),
        quote=" ".join(quote.split()) if quote else None,
        scope=scope,
        test=test,
        code_line=code[0],
        code_end_line=code[1],
        text=_written(rows, call),
    )
