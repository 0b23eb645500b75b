"""The index of the search: what a unit is, which words it has, and that every word leads back to it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sitegen.pages.example import repository

from postil_site.pages import build
from postil_site.search import index, units
from postil_site.search.units import Unit
from postil_site.search.words import counted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RFC 9051 §6.3.12, A.2", {"rfc", "9051", "6.3.12", "a.2"}),
        ("parse_fetch_items(x)", {"parse_fetch_items", "parse", "fetch", "items", "x"}),
        ("FetchItem IMAPClient", {"fetchitem", "fetch", "item", "imapclient", "imap", "client"}),
        ("__init__ _x", {"__init__".strip("_"), "init", "x"}),
        ("Größe, naïve. e.g.", {"größe", "naïve", "e", "g"}),
        ("MUST NOT", {"must", "not"}),
        ("x" * 41, set()),
    ],
)
def test_words(text: str, words: set[str]) -> None:
    """Section numbers are whole; identifiers whole and in parts; long data is no word."""
    assert set(counted(text)) == words


def test_definitions() -> None:
    """A unit for each function, class and method, decorators included, at its line."""
    code = '"""Doc."""\nimport x\n\n@a(\n    1,\n)\n@b\nasync def f():\n    pass\n\nclass C:\n    y = 1\n\n    @p\n    def m(self):\n        pass\n'
    found = units.of_code("a/b.py", code)
    assert [(one.title, one.where, one.address) for one in found] == [
        ("b.py", "a/b.py:1", "code/a/b.py.html"),
        ("f b.py", "a/b.py:4", "code/a/b.py.html#L4"),
        ("C b.py", "a/b.py:11", "code/a/b.py.html#L11"),
        ("C.m b.py", "a/b.py:14", "code/a/b.py.html#L14"),
    ]
    assert "\n".join(one.text for one in found).replace("\n", "") == code.replace("\n", "")


def test_decorators_without_end() -> None:
    """Each begins a look ahead; without a bound 40,000 of them would take minutes."""
    begun = time.perf_counter()
    units.of_code("x.py", "@a\n" * 40_000)
    assert time.perf_counter() - begun < 10


def test_blocks() -> None:
    """Other languages are cut at blank lines; nothing is lost, and no block is endless."""
    text = "\n".join(f"line {n}" if n % 30 else "" for n in range(1, 500))
    found = units.of_code("x.go", text)
    assert 5 < len(found) < 14
    assert sum(one.text.count("line ") for one in found) == text.count("line ")
    assert all(one.text.count("\n") < 130 for one in units.of_code("x.c", "y\n" * 1000))
    assert units.of_code("x.c", "")[0].text == ""


def read(files: dict[str, str]) -> dict[str, dict[int, int]]:
    """The index as search.js reads it: word -> unit -> weight."""

    def value(name: str) -> dict[str, list[object]]:
        text = files[name]
        assert text.startswith("postilSearch(") and text.endswith(");\n")
        found: dict[str, list[object]] = json.loads(text[13:-3])
        return found

    out: dict[str, dict[int, int]] = {}
    manifest = value("m.js")
    for n, first in enumerate(manifest["first"]):
        table = value(f"w{n}.js")
        names = str(table["words"]).split(" ")
        assert names[0] == first and names == sorted(names)
        for word, steps in zip(names, table["units"], strict=True):
            at, row = 0, {}
            assert isinstance(steps, list)
            for step in steps:
                at += step >> 2
                row[at] = step & 3
            out[word] = row
    return out


WORD = st.sampled_from(["store", "Fetch_item", "6.3.12", "größe", "the", "x<b>", "toString", "constructor", "__proto__"])  # fmt: skip
UNIT = st.builds(
    lambda title, text, group: Unit("code", " ".join(title), "p", "a", " ".join(text), group),
    st.lists(WORD, min_size=1, max_size=3), st.lists(WORD, max_size=12), st.sampled_from(["code-a", "rfc1", "todo"]),
)  # fmt: skip


@given(st.lists(UNIT, min_size=1, max_size=12))
def test_every_word_leads_back(found: list[Unit]) -> None:
    """Each word of a unit finds it, those of its title with the highest weight; the same units give the same octets."""
    files = index.shards(found)
    assert files == index.shards(list(found))
    table = read(files)
    ordered = sorted(found, key=lambda one: one.group)
    for number, unit in enumerate(ordered):
        for word in counted(unit.title):
            assert table[word][number] == 3
        for word in counted(unit.text):
            assert number in table[word]
    assert all("<" not in text for text in files.values())


def test_nothing_to_find() -> None:
    """An empty site has an index, and nothing in it."""
    assert read(index.shards([])) == {}


def test_common_words_are_left_out() -> None:
    """A word that nearly all units have finds nothing, so it costs nothing."""
    found = [Unit("code", f"u{n}", "w", "a", "the same" if n else "same", "g") for n in range(900)]
    files = index.shards(found)
    assert json.loads(files["m.js"][13:-3])["common"] == ["same", "the", "w"]
    assert "the" not in read(files)


def test_in_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of code changed leaves the RFCs' index as it is, octet by octet; a second build writes nothing; a text changed renews it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RFC_MIRROR", raising=False)
    root, out = repository(tmp_path), tmp_path / "out"
    build.build(root, out)

    def inodes(part: str) -> dict[str, int]:
        return {file.name: file.stat().st_ino for file in (out / "data/search" / part).iterdir()}

    rfc, code = inodes("rfc"), inodes("code")
    assert "m.js" in rfc and "t-rfc99999-0.js" in rfc and "t-todo-0.js" in code
    (root / "lamp.py").write_text((root / "lamp.py").read_text() + "\n\ndef unheard_of() -> None:\n    pass\n")  # fmt: skip
    build.build(root, out)
    assert inodes("rfc") == rfc and inodes("code")["m.js"] != code["m.js"]
    assert any("unheard_of" in file.read_text() for file in (out / "data/search/code").glob("w*.js"))  # fmt: skip
    text = root / "rfc/txt/rfc99999.txt"
    text.write_text(text.read_text().replace("second", "zeptosecond"))
    build.build(root, out)
    assert any("zeptosecond" in file.read_text() for file in (out / "data/search/rfc").glob("w*.js"))  # fmt: skip
