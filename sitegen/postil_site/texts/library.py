"""Where RFC texts lie, and reading them with a cache (rule 14).

Reading commands look in the project's folder, then in RFC_MIRROR if that is a folder, then in the user's cache. A text is parsed once: the
result is kept by the hash of the octets and of this package's own source, so that a changed parser never sees an old result.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from postil_site.model import Document, Erratum, Problems
from postil_site.texts import document as reading
from postil_site.texts import errata as errata_file
from postil_site.texts import rfcindex
from postil_site.texts.rfcindex import RfcIndex

_SELF = Path(__file__).parent


def cache_folder() -> Path:
    """The user's cache; environment XDG_CACHE_HOME moves it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "postil-rfclinks"


@cache
def tool_version() -> str:
    """A hash of the sources that decide what a parse gives."""
    digest = hashlib.sha256()
    for file in sorted([*_SELF.glob("*.py"), _SELF.parent / "model.py"]):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


class Library:
    """All texts that can be found; each is read at most once."""

    def __init__(
        self, folders: Iterable[Path], problems: Problems, parsed: Path | None = None
    ) -> None:
        self.folders = tuple(folders)
        self.problems = problems
        self._parsed = parsed or cache_folder() / "parsed"
        self._documents: dict[int, Document | None] = {}
        self._index: RfcIndex | None = None

    @classmethod
    def standard(cls, root: Path, texts: str, problems: Problems) -> Library:
        """The places of rule 14 for a project; `texts` is its folder, relative to the root."""
        folders = [root / texts]
        mirror = os.environ.get("RFC_MIRROR", "")
        if mirror and Path(mirror).is_dir():
            folders.append(Path(mirror).resolve())
        folders.append(cache_folder() / "txt")
        return cls(folders, problems)

    @property
    def index(self) -> RfcIndex:
        """The RFC Editor's index; empty when there is none."""
        if self._index is None:
            file = self.index_path()
            self._index = (
                rfcindex.parse(file.read_text("utf-8-sig", "replace")) if file else RfcIndex()
            )
        return self._index

    def _find(self, name: str, beside: tuple[str, ...]) -> Path | None:
        for folder in self.folders:
            for place in beside:
                file = folder / place / name
                if file.is_file():
                    return file
        return None

    def path(self, rfc: int) -> Path | None:
        """The file of a text, or None when it is missing."""
        return self._find(f"rfc{rfc}.txt", ("",))

    def errata_path(self, rfc: int) -> Path | None:
        """The file of an RFC's errata, or None."""
        return self._find(f"rfc{rfc}.json", ("../errata", "errata", ""))

    def index_path(self) -> Path | None:
        """The file of the RFC Editor's index, or None."""
        return self._find("rfc-index.txt", ("", ".."))

    def available(self) -> list[int]:
        """Numbers of all texts that can be read."""
        found = set()
        for folder in self.folders:
            if folder.is_dir():
                for file in folder.iterdir():
                    number = file.name.removeprefix("rfc").removesuffix(".txt")
                    if file.name.startswith("rfc") and file.suffix == ".txt" and number.isdigit():
                        found.add(int(number))
        return sorted(found)

    def document(self, rfc: int) -> Document | None:
        """The document, or None when its text is missing or is none (then it is counted as a problem)."""
        if rfc not in self._documents:
            self._documents[rfc] = self._read(rfc)
        return self._documents[rfc]

    def octets(self, rfc: int) -> bytes | None:
        """The text's octets; None when it is missing or cannot be read."""
        file = self.path(rfc)
        if file is None:
            return None
        try:
            return file.read_bytes()
        except OSError as error:
            self.problems.add(str(file), f"cannot be read: {error.strerror}")
            return None

    def parsed_path(self, rfc: int, octets: bytes) -> Path:
        """Where the parsed text is kept, whether it is there or not."""
        key = hashlib.sha256(octets).hexdigest()[:32]
        return self._parsed / tool_version() / f"{rfc}-{key}.pickle"

    def _read(self, rfc: int) -> Document | None:
        octets = self.octets(rfc)
        if octets is None:
            return None
        kept = self.parsed_path(rfc, octets)
        try:
            parsed = pickle.loads(kept.read_bytes())
            assert isinstance(parsed, Document)
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError, AssertionError):
            try:
                parsed = reading.read(octets, rfc)
            except reading.NotAnRfc as error:
                self.problems.add(f"rfc{rfc}.txt", str(error))
                return None
            _keep(kept, parsed)
        return reading.complete(parsed, self.index, self._errata(rfc))

    def _errata(self, rfc: int) -> tuple[Erratum, ...]:
        file = self.errata_path(rfc)
        if file is None:
            return ()
        try:
            return errata_file.parse(file.read_bytes())
        except (OSError, errata_file.BadErrata) as error:
            self.problems.add(str(file), str(error))
            return ()


def _keep(file: Path, parsed: Document) -> None:
    """Write the cache entry whole or not at all; a cache that cannot be written is no error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(pickle.dumps(parsed, protocol=5))
        os.replace(name, file)
    except OSError:
        return
