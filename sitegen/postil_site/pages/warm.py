"""What a cold start lacks, prepared by several processes: texts parsed, quotes found, code lexed; all into the caches that the rest reads."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from postil_site.model import Document, Problems
from postil_site.pages import highlight
from postil_site.pages.shortest import Shortest
from postil_site.refs import sources
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
    say(f"preparing {len(lacking)} RFCs and {len(files)} files in {work} processes")
    try:
        with ProcessPoolExecutor(work) as pool:
            done = [
                *(pool.submit(_texts, root, texts, part) for part in _parts(lacking, 8)),
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
            quotes_of(library, document)


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
    return library.parsed_path(rfc, octets).is_file() and _quotes_file(library, rfc).is_file()


def _quotes_file(library: Library, rfc: int) -> Path:
    parsed = library.parsed_path(rfc, library.octets(rfc) or b"")
    return cache_folder() / "quotes" / f"{parsed.stem}-{tool_version()}.pickle"


def quotes_of(library: Library, document: Document) -> dict[str, str]:
    """The shortest quote of each clause that has one."""
    file = _quotes_file(library, document.rfc)
    try:
        kept = pickle.loads(file.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError):
        kept = None
    if isinstance(kept, dict) and all(one.id in kept for one in document.requirements):
        return {identity: words for identity, words in kept.items() if words}
    shortest = Shortest(document)
    found = {one.id: shortest.quote(one) or "" for one in document.requirements}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        part.write_bytes(pickle.dumps(found, protocol=5))
        part.replace(file)
    except OSError:
        pass  # a cache that cannot be written is no error
    return {identity: words for identity, words in found.items() if words}
