"""How names, values and tables are written in TOML."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from postil.config.locate import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def key(*path: str | int) -> str:
    """`a.b."c d"`; numbers of rows are no part of it."""
    names = [one for one in path if isinstance(one, str)]
    return ".".join(one if _BARE.fullmatch(one) else _text(one) for one in names)


def header(path: Path, *, row: bool) -> str:
    """`[a.b]`, or `[[a.b]]` for a row."""
    return f"[[{key(*path)}]]" if row else f"[{key(*path)}]"


def inline(value: object) -> str:
    """A value on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _text(value)
        case datetime.datetime():
            assert value.tzinfo is not None, "a moment, not what a clock on some wall shows"
            return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case Mapping():
            pairs = ", ".join(f"{key(name)} = {inline(one)}" for name, one in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case Sequence():
            return f"[{', '.join(inline(one) for one in value)}]"
    raise TypeError(f"{type(value)} has no form in TOML here")


def section(path: Path, table: Mapping[str, Any], *, row: bool = True) -> list[str]:
    """The lines of a table under its header, tables within it behind its own fields."""
    lines = [header(path, row=row)]
    later: list[str] = []
    for name, value in table.items():
        if isinstance(value, Mapping):
            later += ["", *section((*path, name), value, row=False)]
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for one in value:
                later += ["", *section((*path, name), one)]
        else:
            lines.append(f"{key(name)} = {inline(value)}")
    return lines + later


def _text(value: str) -> str:
    # JSON's escapes are TOML's, but for the one control character that JSON leaves alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
