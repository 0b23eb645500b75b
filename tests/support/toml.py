"""TOML texts by chance, in every way of writing, beside the value they mean; an own writer, so that no library vouches for itself."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Draw = Any

_words = st.text(alphabet="abcx_-01", min_size=1, max_size=3)
_keys = st.one_of(_words, st.sampled_from(["", "q x", "d.o", "]", "#", 'q"']))
_texts = st.text(alphabet=" ab\"'\\\n#[]{}=,.é", max_size=8)
_leaves = st.one_of(st.integers(-9, 9), st.booleans(), _texts)
_comments = st.sampled_from(["", "", " # c", '  # [x] = { "'])
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=8,
)


def _key(draw: Draw, key: str) -> str:
    bare = key != "" and all(c.isascii() and (c.isalnum() or c in "_-") for c in key)
    if bare and draw(st.booleans()):
        return key
    return f"'{key}'" if draw(st.booleans()) and "'" not in key else json.dumps(key)


def _text(draw: Draw, value: str) -> str:
    way = draw(st.integers(0, 3))
    if way == 0 and "'" not in value and "\n" not in value:
        return f"'{value}'"
    if way == 1 and "''" not in value and not value.startswith("\n") and not value.endswith("'"):
        return f"'''{value}'''"
    if way == 2:
        inner = value.replace("\\", "\\\\").replace('""', '"\\"')
        return (
            f'"""\n{inner}"""'
            if not inner.endswith('"') or inner.endswith('\\"')
            else json.dumps(value)
        )
    return json.dumps(value)


def _value(draw: Draw, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(draw, value)
    if isinstance(value, list):
        gap = draw(st.sampled_from(["", " ", "\n", " # ], \n\n"]))
        last = "," if value and draw(st.booleans()) else ""
        return "[" + gap + f",{gap}".join(_value(draw, one) for one in value) + last + gap + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(_pair(draw, k, v) for k, v in value.items()) + " }"
    return str(value)


def _pair(draw: Draw, key: str, value: Any) -> str:
    spaces = draw(st.sampled_from(["", " ", "\t"]))
    if isinstance(value, dict) and len(value) == 1 and draw(st.booleans()):
        ((inner, one),) = value.items()
        return f"{_key(draw, key)}{spaces}.{spaces}{_pair(draw, inner, one)}"
    return f"{_key(draw, key)}{spaces}={spaces}{_value(draw, value)}"


def _table(draw: Draw, header: list[str], value: dict[str, Any], lines: list[str]) -> None:
    later: list[tuple[str, Any]] = []
    for key, one in value.items():
        tables = isinstance(one, dict) or (
            isinstance(one, list) and bool(one) and all(isinstance(row, dict) for row in one)
        )
        if tables and draw(st.booleans()):
            later.append((key, one))
        else:
            lines.append(draw(st.sampled_from(["", " "])) + _pair(draw, key, one) + draw(_comments))
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["", "# a = 1", "# [t]", "\t"])))
    for key, one in later:
        here = [*header, _key(draw, key)]
        for row in one if isinstance(one, list) else [one]:
            left, right = ("[[", "]]") if isinstance(one, list) else ("[", "]")
            lines.append(f"{left} {' . '.join(here)} {right}{draw(_comments)}")
            _table(draw, here, row, lines)


@st.composite
def documents(draw: Draw) -> tuple[str, dict[str, Any]]:
    """A text and what it means."""
    value = draw(st.dictionaries(_keys, _values, max_size=4))
    lines: list[str] = []
    _table(draw, [], value, lines)
    end = draw(st.sampled_from(["", "\n", "\n# end"]))
    return "\n".join(lines) + end, value
