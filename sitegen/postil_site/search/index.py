"""Units to scripts: a small one that says what is where, words in ranges with the units that hold them, and texts by group.

`m.js`     postilSearch({units, groups: [[name, first unit, number]…], first: [first word of each range], common: [words left out]})
`w12.js`   postilSearch({words: [word…], units: [[…]…]}): for each word numbers that add up: (distance to the unit before) * 4 + weight
`t-X.js`   postilSearch({texts: [[kind, title, where, address, text]…]}) of a group

Weights: 3 the title, 2 often, 1 else. Words that nearly every unit has are left out: they find nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from postil_site.search.units import Unit
from postil_site.search.words import counted

RANGE = 48_000  # characters of a script of words, about
TEXTS = 60_000  # characters of a script of texts, about: a group is cut when it is longer
OFTEN = 3
COMMON = 0.5  # of all units
FEW = 200  # units; with less no word is common

Weights = dict[str, int]


def weighed(unit: Unit) -> Weights:
    """Each word of a unit with its weight."""
    out = {word: 2 if count >= OFTEN else 1 for word, count in counted(unit.text).items()}
    for word in counted(unit.where):
        out.setdefault(word, 1)
    for word in counted(unit.title):
        out[word] = 3
    return out


def shards(units: Sequence[Unit], known: Sequence[Weights] | None = None) -> dict[str, str]:
    """File name to content; `known` are the words of the units when they have been counted already."""
    ordered = sorted(range(len(units)), key=lambda n: (units[n].group, n))
    found = [known[n] if known is not None else weighed(units[n]) for n in ordered]
    postings: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    for number, weights in enumerate(found):
        for word, weight in weights.items():
            if word in postings:
                postings[word].append((number - last[word]) * 4 + weight)
            else:
                postings[word] = [number * 4 + weight]
            last[word] = number
    limit = max(FEW, len(units) * COMMON)
    common = sorted(word for word, row in postings.items() if len(row) > limit)
    for word in common:
        del postings[word]
    out, first = _ranges(postings)
    groups = _texts([units[n] for n in ordered], out)
    manifest = {"units": len(units), "groups": groups, "first": first, "common": common}
    out["m.js"] = _script(manifest)
    return out


def _ranges(postings: dict[str, list[int]]) -> tuple[dict[str, str], list[str]]:
    out: dict[str, str] = {}
    first: list[str] = []
    names: list[str] = []
    rows: list[str] = []
    size = 0
    for word in sorted(postings):
        row = json.dumps(postings[word], separators=(",", ":"))
        if rows and size + len(row) > RANGE:
            out[f"w{len(first) - 1}.js"] = _words(names, rows)
            names, rows, size = [], [], 0
        if not rows:
            first.append(word)
        names.append(word)
        rows.append(row)
        size += len(row) + len(word) + 4
    if rows:
        out[f"w{len(first) - 1}.js"] = _words(names, rows)
    return out, first


def _words(names: Sequence[str], rows: Sequence[str]) -> str:
    # The words of a script stand between blanks in one text: shorter, and read faster than a list.
    return f'postilSearch({{"words":{json.dumps(" ".join(names), ensure_ascii=False)},"units":[{",".join(rows)}]}});\n'


def _texts(units: Sequence[Unit], out: dict[str, str]) -> list[list[object]]:
    """Scripts of texts; the rows (name, first unit, number) of the manifest."""
    groups: list[list[object]] = []
    rows: list[list[str]] = []
    size, begun, part = 0, 0, 0
    for number, unit in enumerate(units):
        rows.append([unit.kind, unit.title, unit.where, unit.address, unit.text])
        size += len(unit.text)
        ends = number + 1 == len(units) or units[number + 1].group != unit.group
        if ends or size >= TEXTS:
            name = f"t-{_safe(unit.group)}-{part}"
            out[f"{name}.js"] = _script({"texts": rows})
            groups.append([name, begun, len(rows)])
            part = 0 if ends else part + 1
            rows, size, begun = [], 0, number + 1
    return groups


def _safe(group: str) -> str:
    """A file name; different groups have different ones."""
    return re.sub(r"[^A-Za-z0-9-]", lambda found: f"_{ord(found[0]):x}", group)


def _script(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"postilSearch({safe});\n"
