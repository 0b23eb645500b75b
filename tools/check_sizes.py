"""Checks the sizes of modules and functions: code that is to be read must fit into a reader's head.

A module of more than 400 lines is a warning, of more than 700 an error; a function of more than 60
lines, docstring not counted, an error. What is too large today stands in `tools/size_exemptions.txt` with its
size: it may not grow, and once it has shrunk its line must follow, so that the list only ever gets shorter.

Prints the warnings, then one line of summary; exit code 1 after an error.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARN_LINES = 400
MAX_LINES = 700
MAX_FUNCTION_LINES = 60

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(root: Path) -> list[str]:
    """The Python files of the repository: what git knows or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"]
    listing = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    names = {name for name in listing.decode().split("\0") if name}
    return sorted(name for name in names if (root / name).is_file())


def function_sizes(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, int]]:
    """The qualified name and the lines of each function; those inside others count for both."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = prefix + node.name
            if not isinstance(node, ast.ClassDef):
                yield name, _lines(node)
            yield from function_sizes(node, name + ".")
        else:
            yield from function_sizes(node, prefix)


def _lines(node: Function) -> int:
    """From `def` to the end, without the docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def exemptions(path: Path) -> dict[str, int]:
    """`path` or `path:function`, a tab, the size; # begins a comment."""
    if not path.exists():
        return {}
    rows = (line.partition("#")[0].split() for line in path.read_text("utf-8").splitlines())
    return {row[0]: int(row[1]) for row in rows if row}


def check(root: Path) -> tuple[list[str], list[str], str]:
    """Errors, warnings and the summary."""
    exempt = exemptions(root / "tools/size_exemptions.txt")
    errors, warnings, sizes = [], [], []
    found: dict[str, int] = {}  # what is over a limit
    for name in tracked(root):
        text = (root / name).read_text("utf-8")
        lines = len(text.splitlines())
        sizes.append(lines)
        if lines > MAX_LINES:
            found[name] = lines
        elif lines > WARN_LINES:
            warnings.append(f"{name}: {lines} lines, over {WARN_LINES}: split it by noun soon")
        for function, size in function_sizes(ast.parse(text, name)):
            if size > MAX_FUNCTION_LINES:
                found[f"{name}:{function}"] = size
    for what, size in found.items():
        limit = MAX_FUNCTION_LINES if ":" in what else MAX_LINES
        if what not in exempt:
            errors.append(f"{what}: {size} lines, over {limit}: split it")
        elif size > exempt[what]:
            errors.append(f"{what}: grew from {exempt[what]} to {size} lines; it is over {limit}")
        elif size < exempt[what]:
            errors.append(f"{what}: shrank to {size} lines: say so in tools/size_exemptions.txt")
    for what in sorted(exempt.keys() - found.keys()):
        errors.append(f"{what}: no longer too large: remove it from tools/size_exemptions.txt")
    summary = "no Python files"
    if sizes:
        median = round(statistics.median(sizes))
        summary = f"{len(sizes)} modules, median {median} lines, largest {max(sizes)}"
    return errors, warnings, summary


def main() -> int:
    """Prints what it found."""
    errors, warnings, summary = check(ROOT)
    for line in warnings:
        print(f"warning: {line}")
    for line in errors:
        print(f"error: {line}", file=sys.stderr)
    print(f"sizes: {summary}; {len(warnings)} warnings, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
