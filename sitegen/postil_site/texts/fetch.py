"""Fetching the texts a project names, with their errata and the index (rule 14).

What is there already is kept, so a fetch that was stopped goes on where it was. Each file is written whole or not at all, and only after it agrees
with `rfc/lock.tsv`. Being offline is normal: after three failed connections the fetch stops, and what is missing is counted, no error.
What is there but not what the lock says is fetched anew, and never replaced by something that is refused as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from postil_site.texts import document as reading
from postil_site.texts import lock as locks
from postil_site.texts.mirror import RFC_EDITOR, Mirror, Refused, Unreachable, named

TRIES = 3  # failed connections after which there is no network
AT_ONCE = 4  # connections: enough to hide the way there and back, few enough to be polite
LOCK = "rfc/lock.tsv"

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Report:
    """What a fetch did."""

    mirror: str
    fetched: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)  # (file, reason)
    failures: list[str] = field(default_factory=list)  # connections
    errata: int = 0
    locked: int = 0

    @property
    def offline(self) -> bool:
        """Did it stop because nothing answered?"""
        return len(self.failures) >= TRIES

    def exit_code(self, require: bool) -> int:
        """1 for a refused file, and with `require` for a missing one."""
        return int(bool(self.refused) or (require and bool(self.missing)))

    def lines(self) -> list[str]:
        """The report for people."""
        out = [f"{name}: {reason}" for name, reason in sorted(self.refused)]
        if self.offline:
            out.append(
                f"{self.mirror} does not answer ({self.failures[0]}): what is here is used; "
                "a folder or address with the texts: --mirror or RFC_MIRROR"
            )
        parts = [f"{len(self.fetched)} texts fetched", f"{len(self.kept)} were here"]
        parts += [f"{len(self.refused)} files refused"] if self.refused else []
        parts += [f"{len(self.missing)} missing{_some(self.missing)}"] if self.missing else []
        parts += [f"errata of {self.errata}"] if self.errata else []
        parts += [f"{self.locked} rows added to {LOCK}"] if self.locked else []
        return [*out, ", ".join(parts)]


def _some(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:8])
    return f" ({shown}{', …' if len(numbers) > 8 else ''})"


def fetch(
    root: Path,
    wanted: Iterable[int],
    *,
    texts: str = "rfc/txt",
    mirror: str | None = None,
    lock: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring the texts of `wanted` into `root/texts`; locks.BadLock when the lock file cannot be read."""
    place = named(mirror or os.environ.get("RFC_MIRROR") or RFC_EDITOR)
    work = _Fetch(root, root / texts, place, locks.read(root / LOCK), progress)
    numbers = sorted(set(wanted))
    work.texts(numbers)
    work.index()
    work.errata(numbers)
    if lock:
        work.lock(numbers)
    for kept in (work.report.fetched, work.report.kept, work.report.missing):
        kept.sort()
    return work.report


class _Fetch:
    """One fetch: where to, where from, and what became of it."""

    def __init__(
        self,
        root: Path,
        folder: Path,
        mirror: Mirror,
        rows: dict[int, locks.Row],
        progress: Progress | None,
    ) -> None:
        self.root = root
        self.folder = folder
        self.mirror = mirror
        self.rows = rows
        self.report = Report(mirror.name)
        self._progress = progress
        self._done = 0
        self._guard = threading.Lock()

    def texts(self, numbers: list[int]) -> None:
        """Every text, several at once; the order of the report does not depend on it."""
        self._each(numbers, self._text)

    def _each(self, numbers: list[int], one: Callable[[int], None]) -> None:
        self._done = 0

        def counted(number: int) -> None:
            one(number)
            with self._guard:
                self._done += 1
                if self._progress is not None:
                    self._progress(self._done, len(numbers))

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(counted, numbers))

    def _text(self, rfc: int) -> None:
        file = self.folder / f"rfc{rfc}.txt"
        present = file.read_bytes() if file.is_file() else None
        wanted = self.rows.get(rfc)
        if present is not None and locks.refusal(present, rfc, wanted) is None:
            self.report.kept.append(rfc)
            return
        octets = self._get(f"rfc{rfc}.txt")
        if octets is None:
            self.report.missing.append(rfc)
            if present is not None:
                self._refuse(file.name, locks.refusal(present, rfc, wanted) or "")
            return
        reason = locks.refusal(octets, rfc, wanted)
        if reason is not None:
            self._refuse(file.name, reason)
            self.report.missing.append(rfc)
            return
        _write(file, octets)
        self.report.fetched.append(rfc)

    def _get(self, *paths: str) -> bytes | None:
        """The first of some paths that the mirror has."""
        for path in paths:
            if self.report.offline:
                return None
            try:
                octets = self.mirror.get(path)
            except Unreachable as error:
                with self._guard:
                    self.report.failures.append(str(error))
                continue
            except Refused as error:
                self._refuse(path.rsplit("/", 1)[-1], str(error))
                return None
            if octets is not None:
                return octets
        return None

    def _refuse(self, name: str, reason: str) -> None:
        if name not in (refused for refused, _ in self.report.refused):
            self.report.refused.append((name, reason))

    def index(self) -> None:
        """The RFC Editor's index stands beside the folder of texts."""
        file = self.folder.parent / "rfc-index.txt"
        if file.is_file():
            return
        octets = self._get("rfc-index.txt", "../rfc-index.txt")
        if octets is None:
            return
        if octets.lstrip()[:1] == b"<" or b"RFC" not in octets[:4000]:
            self._refuse(file.name, "is not the index")
            return
        _write(file, octets)

    def errata(self, numbers: list[int]) -> None:
        """Errata of each text, from one file with all or from one each; an empty list says that there are none."""
        folder = self.folder.parent / "errata"
        lacking = [rfc for rfc in numbers if not (folder / f"rfc{rfc}.json").is_file()]
        if not lacking:
            return
        whole = self._get("errata.json", "../errata.json")
        if whole is not None:
            try:
                split = _split(json.loads(whole))
            except ValueError as error:
                self._refuse("errata.json", f"is not a list of errata: {error}")
                return
            for rfc in lacking:
                rows = split.get(rfc, [])
                _write(folder / f"rfc{rfc}.json", json.dumps(rows, indent=1).encode())
                self.report.errata += bool(rows)
            return
        self._each(lacking, lambda rfc: self._errata_of(rfc, folder))

    def _errata_of(self, rfc: int, folder: Path) -> None:
        name = f"rfc{rfc}.json"
        octets = self._get(name, f"../errata/{name}", f"errata/{name}")
        if octets is None:
            return
        try:
            _split(json.loads(octets))
        except ValueError as error:
            self._refuse(name, f"is not a list of errata: {error}")
            return
        _write(folder / name, octets)
        with self._guard:
            self.report.errata += 1

    def lock(self, numbers: list[int]) -> None:
        """Rows for texts that are here and have none."""
        for rfc in numbers:
            file = self.folder / f"rfc{rfc}.txt"
            if rfc in self.rows or not file.is_file():
                continue
            octets = file.read_bytes()
            # What cannot be read is refused above already.
            with contextlib.suppress(reading.NotAnRfc):
                self.rows[rfc] = locks.row(octets, reading.read(octets, rfc))
                self.report.locked += 1
        if self.report.locked:
            locks.write(self.root / LOCK, self.rows)


def _split(rows: object) -> dict[int, list[object]]:
    """Errata by RFC; their `doc-id` is `RFC9051`."""
    if not isinstance(rows, list):
        raise ValueError("no list")
    out: dict[int, list[object]] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise ValueError("a row that is no object")
        number = str(row.get("doc-id", "")).upper().removeprefix("RFC").lstrip("0")
        if number.isdigit():
            out.setdefault(int(number), []).append(row)
    return out


def _write(file: Path, octets: bytes) -> None:
    """Whole or not at all: a stopped fetch leaves no half text behind."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(octets)
    part.replace(file)
