"""Where things stand in a TOML file: for every way to write them, checked against what the reader makes of the very place."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from tests.support.toml import documents

from postil.config import locate

EVERY_SHAPE = '''\
# [not]
a = 1  # x = 2
"q.x" . b = """ [no]
x = 1 """"
[t.u]
k = [ 1, # one ]
  "a]",
  { z = 'x#', y.w = [2, [3]] },
]
e = """\\
  \\"""" # end
\t l = \'\'\'
\'\'\'\'
[[d]]
n = "x"
when = 1979-05-27 07:32:00
[d.s]
v = true
[[d.s.e]]
[[d.s.e]]
f = 1.5
[[d]]
[d.s]
p = {}
[t]
last = "é"
'''


def paths(value: Any, path: locate.Path = ()) -> Iterator[tuple[locate.Path, Any]]:
    """Every path of the reader's result with what is there."""
    yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    for step, one in pairs:
        yield from paths(one, (*path, step))


def check(text: str) -> None:
    """Each path has a place; the text there, read alone, is what the whole has at that path."""
    found = locate.places(text)
    everything = dict(paths(tomllib.loads(text)))
    assert found.keys() == everything.keys()
    for path, value in everything.items():
        place = found[path]
        piece = text[place.start : place.end]
        assert place.line == text.count("\n", 0, place.start) + 1
        if not path or (piece.startswith("[") and isinstance(value, dict)):
            continue  # a header; what it holds is checked below it
        if isinstance(path[-1], int):
            if not piece.startswith("[["):
                assert tomllib.loads(f"x = {piece}")["x"] == value
        elif not (isinstance(value, list) and piece.startswith("[[")):
            # The key as written may be dotted, and begin further out or end further in than the path.
            read = tomllib.loads(piece)
            wanted = [inside(read, path[cut:]) for cut in range(len(path))]
            assert value in wanted or (isinstance(value, dict) and any(isinstance(one, dict) for one in wanted))  # fmt: skip


def inside(value: Any, path: locate.Path) -> Any:
    """What is at the path, or something that is nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, TypeError, IndexError):
            return ...
    return value


def test_every_shape() -> None:
    """Comments, strings over lines, dotted and quoted keys, arrays over lines, inline tables, arrays of tables in each other."""
    check(EVERY_SHAPE)
    check(EVERY_SHAPE.replace("\n", "\r\n"))
    lines = {path: place.line for path, place in locate.places(EVERY_SHAPE).items()}
    assert lines["t", "u", "k", 2, "y", "w", 1, 0] == 8 and lines["d", 1, "s"] == 23
    assert lines["t",] == 25 and lines["d", 0, "s", "e", 1, "f"] == 21


@given(documents())
def test_any_document(document: tuple[str, object]) -> None:
    """The same for documents of every shape by chance."""
    text, value = document
    assert tomllib.loads(text) == value
    check(text)


def test_nearest_and_spelled() -> None:
    """What is not there is looked for around it; keys that need quotes have them."""
    found = locate.places("a = 1\n[t]\nb = 2\n")
    assert locate.nearest(found, ("t", "c", 0)).line == 2
    assert locate.nearest(found, ("x",)).line == 1
    assert locate.spelled(("a", 0, "b c", "d")) == 'a[0]."b c".d'
