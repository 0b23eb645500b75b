"""`sitegen build`: everything from the files of a repository to the folder of pages.

Nothing is done twice: a fingerprint of every input (contents, never times) says whether anything changed at all; a page whose own inputs are
those of the last build is kept; texts are parsed, and code is lexed, once for each content. What is missing on a cold start is
prepared by several processes when there is enough of it. One bad file never stops a build: it is counted, with the reason.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from postil_site.config import Config, load
from postil_site.model import Problems
from postil_site.pages import output, warm
from postil_site.pages.output import Output
from postil_site.refs import sources
from postil_site.refs.sources import Source
from postil_site.texts import projectindex
from postil_site.texts.library import Library
from postil_site.worktree import tree_state

_SELF = Path(__file__).parent.parent
_NAMED = re.compile(rb"RFC[ -]?0*([1-9]\d{1,4})\b", re.IGNORECASE)
Say = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What a build did."""

    pages: int = 0
    written: int = 0
    removed: int = 0
    unchanged: bool = False
    seconds: float = 0.0
    lines: int = 0
    rfcs: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> str:
        """One line for people."""
        if self.unchanged:
            return f"nothing changed: {self.pages} files ({self.seconds:.1f} s)"
        return (
            f"{self.pages} files, {self.written} written, {self.removed} removed: {self.lines} lines of code, "
            f"{self.rfcs} RFCs{f', {len(self.problems)} problems' if self.problems else ''} ({self.seconds:.1f} s)"
        )


@cache
def version() -> str:
    """A hash of everything in this package that decides what a page looks like."""
    digest = hashlib.sha256()
    for file in sorted(_SELF.rglob("*")):
        if file.suffix in (".py", ".html", ".css", ".js", ".svg"):
            digest.update(file.name.encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(slots=True)
class Inputs:
    """The files of a repository, by content."""

    root: Path
    config: Config
    hashes: dict[str, str] = field(default_factory=dict)
    named: set[int] = field(default_factory=set)  # RFCs that may be cited
    lines: int = 0
    lexed: list[str] = field(default_factory=list)  # files that a lexer is needed for

    def read(self, out: Path, problems: Problems) -> None:
        """Look at every file once."""
        inside = out.resolve()
        own = (
            inside.relative_to(self.root).as_posix() + "/"
            if inside.is_relative_to(self.root) and inside != self.root
            else ""
        )
        for path in sources.list_files(self.root, self.config.include, self.config.exclude):
            if own and path.startswith(own):
                continue
            source = sources.read(self.root, path, problems)
            if source is None:
                continue
            self.hashes[path] = hashlib.sha256(source.octets).hexdigest()
            self.lines += source.text.count("\n")
            if source.hinted:
                self.named.update(int(number) for number in set(_NAMED.findall(source.octets)))
            if not path.endswith((".py", ".pyi")) and not source.plain:
                self.lexed.append(path)


def build(
    root: Path,
    out: Path,
    *,
    results: Sequence[Path] | None = None,
    say: Say = lambda line: None,
    jobs: int | None = None,
    again: bool = False,
) -> Report:
    """Build the pages of `root` in `out`; ConfigError and output.NotOurs stop it, nothing else does."""
    begun = time.monotonic()
    root, out = root.resolve(), out.resolve()
    config = load(root)
    target = Output.open(out)
    problems = Problems()
    inputs = Inputs(root, config)
    inputs.read(out, problems)
    library = Library.standard(root, config.texts, problems)
    wanted = _wanted(inputs, library)
    state = tree_state(root)
    fingerprint = _fingerprint(inputs, library, wanted, results, f"{state.commit}{state.dirty}")
    if not again and target.facts.get("fingerprint") == fingerprint and target.intact():
        kept = [(str(path), str(reason)) for path, reason in target.facts.get("problems", [])]
        return Report(
            pages=len(target.old), unchanged=True, seconds=time.monotonic() - begun,
            lines=inputs.lines, rfcs=int(target.facts.get("rfcs", 0)), problems=kept,
        )  # fmt: skip
    target.begin()
    say(f"{len(inputs.hashes)} files, {inputs.lines} lines; {len(wanted)} RFCs named")
    warm.up(root, config.texts, wanted, inputs.lexed, jobs, say)
    # What follows is not needed to see that nothing changed, so it is not loaded for it either.
    from postil_site.pages import write

    report = write.pages(
        root,
        inputs,
        target,
        problems,
        results,
        f"{state.commit or ''}",
        bool(state.dirty),
        jobs,
        say,
    )
    report.removed = target.finish(
        {"fingerprint": fingerprint, "problems": report.problems, "rfcs": report.rfcs}
    )
    report.pages, report.written = len(target.new), target.written
    report.seconds = time.monotonic() - begun
    report.lines = inputs.lines
    return report


def _wanted(inputs: Inputs, library: Library) -> list[int]:
    """RFCs that may get a page: those of the list, and whatever number stands behind `RFC` in a file."""
    try:
        rows = projectindex.parse(
            (inputs.root / inputs.config.index).read_text("utf-8", "replace")
        ).rows
    except OSError:
        rows = ()
    named = inputs.named | {row.rfc for row in rows}
    return sorted(named & set(library.available()))


def _fingerprint(
    inputs: Inputs, library: Library, wanted: list[int], results: Sequence[Path] | None, state: str
) -> str:
    """A hash of everything the pages are made of."""
    digest = hashlib.sha256(f"{version()}\n{state}\n".encode())
    digest.update(json.dumps(sorted(inputs.hashes.items())).encode())
    files: list[Path | None] = [library.index_path()]
    for rfc in wanted:
        files += [library.path(rfc), library.errata_path(rfc)]
    config = inputs.config
    files += [
        inputs.root / config.index,
        inputs.root / "rfclinks.toml",
        inputs.root / "pyproject.toml",
    ]
    files += sorted((inputs.root / config.decisions).glob("*.toml"))
    files += results if results is not None else [inputs.root / name for name in config.results]
    files += [inputs.root / name for name in config.coverage]
    for pattern in config.junit:
        files += sorted(inputs.root.glob(pattern))
    for file in files:
        try:
            content = file.read_bytes() if file is not None else b""
        except OSError:
            content = b""
        digest.update(f"{file}\n".encode())
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def source_of(root: Path, path: str, problems: Problems) -> Source | None:
    """A file again, when its page is written."""
    return sources.read(root, path, problems)


__all__ = ["Inputs", "Report", "build", "output", "version"]
