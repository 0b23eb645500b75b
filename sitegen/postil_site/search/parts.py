"""The parts of a site: the RFCs' index is made anew only when a text or the list changes, the code's with every line."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from postil_site.pages import pool
from postil_site.pages.output import Output
from postil_site.search import index
from postil_site.search.index import Weights
from postil_site.search.units import Unit
from postil_site.texts.library import cache_folder

FOLDER = "data/search"


def write(
    target: Output,
    name: str,
    key: str,
    make: Callable[[], Iterable[Unit]],
    jobs: int | None = None,
) -> None:
    """One part, unless the last build wrote it from the same (`key`)."""
    folder = f"{FOLDER}/{name}/"
    if target.current(f"{folder}m.js", key):
        kept = [one for one in target.old if one.startswith(folder)]
        if all(target.current(one, target.old[one]) for one in kept):
            return
    units = list(make())
    files = index.shards(units, counted(units, jobs))
    for file, content in files.items():
        target.write(f"{folder}{file}", content, key if file == "m.js" else "")


def counted(units: Sequence[Unit], jobs: int | None = None) -> list[Weights]:
    """The words of units, those of a group that has not changed from the cache; many new ones are counted by several processes."""
    groups: dict[str, list[int]] = {}
    for number, unit in enumerate(units):
        groups.setdefault(unit.group, []).append(number)
    files = {name: cache_folder() / "words" / _digest([units[n] for n in numbers]) for name, numbers in groups.items()}  # fmt: skip

    def count(name: str) -> list[Weights]:
        rows = [index.weighed(units[number]) for number in groups[name]]
        _keep(files[name], rows)
        return rows

    out: list[Weights] = [{} for _ in units]
    found = {name: _kept(file) for name, file in files.items()}
    new = [name for name, rows in found.items() if rows is None or len(rows) != len(groups[name])]
    found.update(zip(new, pool.each(count, new, jobs), strict=True))
    for name, numbers in groups.items():
        for number, row in zip(numbers, found[name] or (), strict=True):
            out[number] = row
    return out


def _digest(units: Sequence[Unit]) -> str:
    digest = hashlib.sha256(_VERSION)
    for unit in units:
        digest.update(f"{unit.title}\0{unit.where}\0{unit.text}\1".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:40]


_HERE = Path(__file__).parent
_VERSION = hashlib.sha256(
    b"".join((_HERE / name).read_bytes() for name in ("words.py", "index.py"))
).digest()


def _kept(file: Path) -> list[Weights] | None:
    try:
        rows: list[Weights] = json.loads(zlib.decompress(file.read_bytes()))
    except (OSError, ValueError, zlib.error):
        return None
    return rows


def _keep(file: Path, rows: Sequence[Weights]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(file.name + ".part")
        part.write_bytes(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 1))
        part.replace(file)
    except OSError:
        pass  # without a cache it takes longer
