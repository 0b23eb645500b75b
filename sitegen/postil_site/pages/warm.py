"""What a cold start lacks, prepared by several processes: texts parsed, quotes found, code lexed; all into the caches that the rest reads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from postil_site.model import Document, Problems, Span
from postil_site.pages import highlight, shortest
from postil_site.pages.shortest import Shortest
from postil_site.refs import sources
from postil_site.texts import errata as errata_places
from postil_site.texts.library import Library, cache_folder, tool_version

ENOUGH = 24  # pieces of work for which a pool costs less than it saves
_T = TypeVar("_T")
Say = Callable[[str], None]


def code_cache() -> Path:
    """Where highlighted code is kept."""
    return cache_folder() / "code"


def up(
    root: Path, texts: str, rfcs: Sequence[int], files: Sequence[str], jobs: int | None, say: Say
) -> None:
    """Prepare what is not prepared yet."""
    library = Library.standard(root, texts, Problems())
    lacking = [rfc for rfc in rfcs if not _ready(library, rfc)]
    work = max(jobs or os.cpu_count() or 1, 1)
    if work < 2 or len(lacking) + len(files) // 4 < ENOUGH:
        return
    # The biggest first: nobody waits in the end for one long text.
    by_size = sorted(lacking, key=lambda rfc: -len(library.octets(rfc) or b""))
    say(f"preparing {len(lacking)} RFCs and {len(files)} files in {work} processes")
    try:
        with ProcessPoolExecutor(work) as pool:
            done = [
                *(pool.submit(_texts, root, texts, part) for part in _parts(by_size, 4)),
                *(pool.submit(_lex, root, part) for part in _parts(files, 40)),
            ]
            for one in done:
                one.result()
    except (OSError, RuntimeError) as error:  # no processes here: the rest does it all itself
        say(f"one process only: {error}")


def _parts(items: Sequence[_T], size: int) -> list[list[_T]]:
    return [list(items[at : at + size]) for at in range(0, len(items), size)]


@cache
def _library(root: Path, texts: str) -> Library:
    return Library.standard(root, texts, Problems())


def _texts(root: Path, texts: str, rfcs: list[int]) -> None:
    library = _library(root, texts)
    for rfc in rfcs:
        document = library.document(rfc)
        if document is not None:
            prepared(library, document)


def _lex(root: Path, paths: list[str]) -> None:
    problems = Problems()
    for path in paths:
        source = sources.read(root, path, problems)
        if source is not None:
            safe_lines(source, problems)


def safe_lines(source: sources.Source, problems: Problems) -> list[str]:
    """The highlighted lines of a file; plain ones, and a problem counted, when its lexer fails."""
    try:
        return highlight.lines(source, code_cache())
    except Exception as error:  # noqa: BLE001 — a lexer's fault in one file must not stop the build
        problems.add(source.path, f"cannot be highlighted: {type(error).__name__}: {error}")
        return highlight.plain(source.text)


def _ready(library: Library, rfc: int) -> bool:
    octets = library.octets(rfc) or b""
    return library.parsed_path(rfc, octets).is_file() and _file(library, rfc).is_file()


def _file(library: Library, rfc: int) -> Path:
    digest = hashlib.sha256(library.octets(rfc) or b"")
    errata = library.errata_path(rfc)
    with contextlib.suppress(OSError):
        digest.update(errata.read_bytes() if errata else b"")
    return cache_folder() / "prepared" / f"{rfc}-{digest.hexdigest()[:32]}-{_version()}.pickle"


@cache
def _version() -> str:
    return tool_version() + hashlib.sha256(Path(shortest.__file__).read_bytes()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an RFC's page needs besides its text, and what takes long to find."""

    quotes: dict[str, str]  # the shortest quote of each clause; "" for one that has none
    errata: dict[int, Span | None]  # where the words of each erratum stand


def prepared(library: Library, document: Document) -> Prepared:
    """That, kept by the hash of text and errata; side files may have added clauses since."""
    file = _file(library, document.rfc)
    try:
        kept = pickle.loads(file.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError):
        kept = None
    if isinstance(kept, Prepared) and all(one.id in kept.quotes for one in document.requirements):
        return kept
    finder = Shortest(document)
    places = errata_places.Places(document)
    found = Prepared(
        {one.id: finder.quote(one) or "" for one in document.requirements},
        {one.number: places.place(one) for one in document.errata},
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        part.write_bytes(pickle.dumps(found, protocol=5))
        part.replace(file)
    except OSError:
        pass  # a cache that cannot be written is no error
    return found
