"""Which line of a TOML file holds a field, so that an error can point at it.

The TOML reader of the standard library forgets lines. This walks the lines once and records where each table
header and each key begins; it is asked only when a value was found wrong, so a key inside a multi-line string
costs at most a line number that is off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[\.\.\.\]")


def lines_of(text: str) -> dict[Path, int]:
    """Every table and key of the file with its line, counted from 1."""
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = tuple(_words(header.group(2)))
            if header.group(1) == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_words(key.group(1))), number)
    return found


def _words(dotted: str) -> list[str]:
    return [word.strip().strip("\"'") for word in dotted.split(".")]


def path_of(spelled: str) -> Path:
    """`$.listener[0].port`, as the validator writes it, as steps."""
    steps: list[str | int] = []
    for step in _STEP.finditer(spelled.removeprefix("$")):
        if step.group(1) is not None:
            steps.append(step.group(1))
        elif step.group(2) is not None:
            steps.append(int(step.group(2)))
    return tuple(steps)


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The line of the field, or of the nearest table around it."""
    found = lines_of(text)
    steps = tuple(path)
    while steps not in found:
        steps = steps[:-1]
    return found[steps]


def spelled(path: Sequence[str | int]) -> str:
    """`listener[0].port`: the field as people write it."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out
