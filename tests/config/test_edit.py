"""Changing a file: what was asked for changes, and not one other octet; in files written in any way."""

from __future__ import annotations

import copy
import datetime
import itertools
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.toml import documents

from postil.config import locate
from postil.config.edit import CannotEdit, Document

FILE = """\
# head

# about a
[[domain]]
name = "a.example"   # the first
  # indented
[domain.dkim]
publish_wait = 1 # w
[[domain.dkim.selector]]
name = "s1" # one
# trailing of a

# about b
[[domain]]
name = "b.example"
tlsrpt.rua = [
  "mailto:x", # who
]

# about c
[[domain]]
name = "c.example"
# end
"""


def added(old: str, new: str) -> str:
    """The lines, or what else, that one insertion has added; the rest of the text must be as it was."""
    start = same(old, new)
    end = min(same(old[::-1], new[::-1]), len(old) - start)
    assert start + end == len(old), f"more than one insertion:\n{old}\n-----\n{new}"
    return new[start : len(new) - end].replace("\r\n", "\n").strip("\n")


def same(one: str, other: str) -> int:
    """How many characters two texts share at the front."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


@pytest.mark.parametrize(
    ("path", "value", "piece"),
    [
        (("domain", 0, "postmaster"), "x@y", '\npostmaster = "x@y"'),
        (("domain", 0, "dkim", "retire_wait"), 5, "\nretire_wait = 5"),
        (("domain", 0, "dkim", "selector", 0, "key"), "k", '\nkey = "k"'),
        (("domain", 0, "dmarc", "t"), True, "\n\n[domain.dmarc]\nt = true"),
        (("domain", 1, "tlsrpt", "x"), (), "\ntlsrpt.x = []"),
        (("domain", 1, "dmarc", "fo"), ("0", "d"), '\n\n[domain.dmarc]\nfo = ["0", "d"]'),
        (("domain", 2, "dkim", "retire_wait"), 5, "\n\n[domain.dkim]\nretire_wait = 5"),
    ],
)
def test_a_new_field(path: locate.Path, value: object, piece: str) -> None:
    """It stands behind the last one of its table, and comments stay with what they are about."""
    for text in (FILE, FILE.replace("\n", "\r\n")):
        document = Document(text)
        document.put(path, value)
        assert added(text, document.text) == piece.strip("\n")
        assert document.text.count("\n") - text.count("\n") == piece.count("\n")
        assert document.text.count("\r\n") in (0, document.text.count("\n"))
        assert locate.nearest(locate.places(document.text), path).kind is locate.Kind.PAIR


def test_another_value() -> None:
    """The value changes where it stands; the comment behind it stays."""
    document = Document(FILE)
    document.put(("domain", 0, "name"), 'a"\\\n\x7f\x00é.example')
    document.put(("domain", 1, "tlsrpt", "rua"), ["mailto:y"])
    expected = FILE.replace('"a.example"', r'"a\"\\\n\u007F\u0000é.example"')
    expected = expected.replace('[\n  "mailto:x", # who\n]', '["mailto:y"]')
    assert document.text == expected


def test_rows() -> None:
    """A row is added behind the last one, and removed with what is within it; comments before and behind stay."""
    document = Document(FILE)
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    document.add(("domain", 0, "dkim", "selector"), {"name": "s2", "since": moment})
    piece = '\n\n[[domain.dkim.selector]]\nname = "s2"\nsince = 2026-01-02T03:04:05Z'
    assert added(FILE, document.text) == piece.strip("\n")
    document.drop(("domain", 0, "dkim", "selector", 1))
    assert document.text.replace("\n\n# trailing", "\n# trailing") == FILE
    document = Document(FILE)
    document.add(("domain",), {"name": "d.example", "dmarc": {"p": "none"}})
    new = '\n[[domain]]\nname = "d.example"\n\n[domain.dmarc]\np = "none"\n'
    assert document.text == FILE + new
    document.drop(("domain", 3))
    assert document.text.rstrip("\n") == FILE.rstrip("\n")
    document = Document(FILE)
    document.drop(("domain", 0))
    assert document.text == "# head\n\n# about a\n" + FILE[FILE.index("# trailing") :]
    document.drop(("domain", 1))
    assert document.text.endswith("]\n\n# about c\n# end\n")
    document.drop(("domain", 0))
    assert "domain" not in document.data and document.text.count("#") == 6


def test_from_nothing() -> None:
    """An empty file, and one of comments, get their first row."""
    for text in ("", "# only this", "# only this\n\n"):
        document = Document(text)
        document.add(("domain",), {"name": "a.example"})
        assert document.text.startswith(text)
        assert document.text.endswith('[[domain]]\nname = "a.example"\n')


def test_inline() -> None:
    """A file of inline tables stays one."""
    text = 'domain = [\n  { name = "a" }, # one\n  { name = "b", dmarc.p = "none" }  # two\n]\n'
    document = Document(text)
    document.add(("domain",), {"name": "c"})
    assert '  { name = "b", dmarc.p = "none" },\n  { name = "c" }  # two\n' in document.text
    document.put(("domain", 1, "dmarc", "sp"), "reject")
    document.put(("domain", 0, "tlsrpt", "rua"), ["x"])
    document.add(("domain", 0, "dkim", "selector"), {"name": "s"})
    document.add(("domain", 0, "dkim", "selector"), {"name": "t"})
    assert '{ name = "b", dmarc.p = "none", dmarc.sp = "reject" }' in document.text
    row = '  { name = "a", tlsrpt = { rua = ["x"] }, dkim.selector = [{ name = "s" }, { name = "t" }] }, # one\n'
    assert row in document.text
    document.drop(("domain", 0, "dkim", "selector", 1))
    document.drop(("domain", 0, "dkim", "selector", 0))
    document.drop(("domain", 0, "tlsrpt"))
    document.drop(("domain", 1))
    assert "# one" in document.text and "# two" in document.text
    assert [row["name"] for row in document.data["domain"]] == ["a", "c"]
    document.drop(("domain", 1))
    document.drop(("domain", 0))
    assert document.data["domain"] == []


def tables(value: Any, path: locate.Path = ()) -> Iterator[tuple[locate.Path, Any]]:
    """Everything below the top, as path and value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    for step, one in pairs:
        yield (*path, step), one
        yield from tables(one, (*path, step))


@given(documents(), st.data())
def test_any_document(document: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """Any change of any file does what was asked and leaves the rest, or is refused and changes nothing."""
    text, value = document
    known = list(tables(value))
    assume(known)
    path, there = data.draw(st.sampled_from(known))
    edited = Document(text)
    wanted = copy.deepcopy(value)
    inner = wanted
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[index]
    way = data.draw(st.sampled_from(["set", "new", "row", "drop"]))
    try:
        if way == "drop":
            edited.drop(path)
            del inner[path[-1]]  # type: ignore[arg-type]
        elif way == "set" and not isinstance(there, dict | list) and isinstance(path[-1], str):
            edited.put(path, "new")
            inner[path[-1]] = "new"
        elif way == "new" and isinstance(there, dict):
            edited.put((*path, "fresh"), 1)
            there_too = inner[path[-1]]  # type: ignore[index]
            there_too["fresh"] = 1
        elif way == "row" and isinstance(there, list) and all(isinstance(x, dict) for x in there):
            if not isinstance(path[-1], str):
                return
            edited.add(path, {"fresh": 1})
            inner[path[-1]].append({"fresh": 1})  # type: ignore[index]
        else:
            return
    except CannotEdit:
        assert edited.text == text
        return
    assert pruned(tomllib.loads(edited.text)) == pruned(wanted)
    if way in ("new", "row"):
        added(text, edited.text)
    elif way == "set":
        place = locate.places(text)[path]
        assert edited.text == text[: place.value] + '"new"' + text[place.end :]
    else:  # nothing is new
        rest = iter(text)
        assert all(character in rest for character in edited.text)


def pruned(value: Any) -> Any:
    """Without what is empty: a table without its only field may be there or not."""
    if isinstance(value, dict):
        kept = {name: pruned(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in ({}, [])}
    return [pruned(one) for one in value] if isinstance(value, list) else value


MOVED = """\
# head

# about a
# and more
[[route]]
name = "a" # first

[[domain]]
name = "x.example"

[[route]]
name = "b"
# within b
transport = "t"

# about c

[[route]]
name = "c"
# end"""


@pytest.mark.parametrize("line", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("at", "to", "order"),
    [
        (0, 2, "bac"),
        (0, 3, "bca"),
        (1, 0, "bac"),
        (1, 3, "acb"),
        (2, 0, "cab"),
        (2, 1, "acb"),
    ],
)
def test_a_row_moves(line: str, at: int, to: int, order: str) -> None:
    """With the comments right above and within it; every other line stays where it was, and no blank line is doubled."""
    document = Document(MOVED.replace("\n", line))
    document.move(("route", at), to)
    text = document.text
    assert "".join(one["name"] for one in document.data["route"]) == order
    assert text.count("\r\n") == (text.count("\n") if line == "\r\n" else 0)
    lines = text.splitlines()
    assert sorted(filter(None, lines)) == sorted(filter(None, MOVED.splitlines()))
    assert not any(one == other == "" for one, other in itertools.pairwise(lines))
    plain = text.replace("\r\n", "\n")
    assert '# about a\n# and more\n[[route]]\nname = "a" # first' in plain
    assert 'name = "b"\n# within b\ntransport = "t"' in plain
    moved = {"a", "# about a", "# and more"} if at == 0 else {"bc"[at - 1], "# within b"}
    rest = [one for one in MOVED.splitlines() if one.startswith("#") and one not in moved]
    assert [one for one in lines if one in rest] == rest


def test_rows_in_one_list_are_not_moved() -> None:
    """Written as `route = [{…}, …]`: nothing changes, and the sentence says what to do."""
    document = Document('route = [{ name = "a" }, { name = "b" }]\n')
    with pytest.raises(CannotEdit, match="by hand"):
        document.move(("route", 0), 2)
    assert document.text == 'route = [{ name = "a" }, { name = "b" }]\n'
