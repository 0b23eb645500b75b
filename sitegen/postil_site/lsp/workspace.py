"""One repository as an editor sees it: unsaved buffers over the files that were last read.

A buffer is scanned by itself, against texts that were parsed before, so that a keystroke costs milliseconds however large the
repository is. What a place resolves to is kept by what is written there: only a reference that is being typed is looked up again.

Everything here runs in one thread, except `Whole.read`, which shares nothing with the rest.
"""

from __future__ import annotations

import contextlib
import re
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from postil_site import checking, patches
from postil_site.config import Config, ConfigError, load
from postil_site.model import Document, Finding, FindingClass, Problems, Reference, Span
from postil_site.pages.shortest import Shortest
from postil_site.project import OWN, Project
from postil_site.refs import sources
from postil_site.refs.resolve import Resolved, Resolver
from postil_site.status import decisions
from postil_site.texts.errata import Places
from postil_site.texts.quotes import Quotes

KEPT = 4000  # resolved references in memory; a file has some dozens
TEXT = re.compile(r"(?:^|/)rfc(\d+)\.txt$")
# What a buffer alone shows is found while typing; these need the whole repository.
OF_WHOLE = (
    FindingClass.CONTRADICTION,
    FindingClass.DECISION,
    FindingClass.RESULT,
    FindingClass.YES_WITHOUT_EVIDENCE,
)


@dataclass(frozen=True, slots=True)
class Cited:
    """A reference of a file, where it leads, and where its words stand in that file."""

    resolved: Resolved
    span: Span

    @property
    def reference(self) -> Reference:
        """As scanned."""
        return self.resolved.reference


@dataclass(frozen=True, slots=True)
class Whole:
    """The repository as its files are on disk."""

    by_path: dict[str, tuple[Resolved, ...]] = field(default_factory=dict)
    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)  # of OF_WHOLE, by path

    @classmethod
    def read(cls, root: Path) -> Whole:
        """Read it all; ConfigError as from Project.open."""
        project = Project.open(root, Problems())
        by_path: dict[str, list[Resolved]] = defaultdict(list)
        for one in project.resolved:
            by_path[one.reference.path].append(one)
        found: dict[str, list[Finding]] = defaultdict(list)
        for finding in checking.check(project, baseline(project.config)).findings:
            # uncovered MUSTs belong to no file of the repository
            if finding.kind in OF_WHOLE:
                found[finding.path].append(finding)
        return cls(
            {path: tuple(some) for path, some in by_path.items()},
            {path: tuple(some) for path, some in found.items()},
        )


def baseline(config: Config) -> set[str]:
    """Findings that are known; a broken baseline is the command's to report."""
    with contextlib.suppress(checking.BadBaseline):
        return checking.read_baseline(config.root / config.baseline)
    return set()


class Workspace:
    """A repository and the buffers that are open in it, by path relative to the root."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.whole = Whole()
        self.error: str | None = None  # what is wrong with the configuration
        try:
            config = load(self.root)
        except ConfigError as error:
            self.error = str(error)
            config = Config(self.root)
        self.project = Project(config, Problems(), ())
        self.library = self.project.library
        self._scanner = self.project.scanner()
        silent = frozenset(row.rfc for row in self.project.index.rows if row.status in OWN)
        self._resolver = Resolver(self.library, silent)
        self._prepared: set[int] = set()
        self._kept: OrderedDict[tuple[object, ...], Resolved] = OrderedDict()
        self._buffers: dict[str, tuple[str, tuple[Cited, ...]]] = {}
        self._places: dict[int, dict[int, Span | None]] = {}
        self._shortest: dict[int, Shortest] = {}

    @cached_property
    def known(self) -> set[str]:
        """The baseline."""
        return baseline(self.project.config)

    def relative(self, file: Path) -> str | None:
        """The path of a file as references have it; None for one outside."""
        with contextlib.suppress(ValueError):
            return file.resolve().relative_to(self.root).as_posix()
        return None

    def settles(self, path: str) -> bool:
        """Does a file decide how others are read: a setting, a decision, a text?"""
        config = self.project.config
        folders = (f"{config.texts}/", f"{config.decisions}/", "rfc/errata/")
        return path in (
            "rfclinks.toml",
            "pyproject.toml",
            "rfc/rfc-index.txt",
            config.index,
            config.baseline,
        ) or path.startswith(folders)

    def quotes(self, rfc: int) -> Quotes | None:
        """A text, with what side files add to it or split."""
        quotes = self._resolver.quotes(rfc)
        if quotes is None or rfc in self._prepared:
            return quotes
        self._prepared.add(rfc)
        name = f"{self.project.config.decisions}/{rfc}.toml"
        decided = decisions.read(self.root / name, name, quotes)
        if decided.requirements != quotes.document.requirements:
            self._resolver.replace_requirements(rfc, decided.requirements)
        return self._resolver.quotes(rfc)

    def document(self, rfc: int) -> Document | None:
        """A text, or None when it is missing."""
        quotes = self.quotes(rfc)
        return quotes.document if quotes else None

    def shortest(self, rfc: int) -> Shortest | None:
        """Finds quotes in that text."""
        document = self.document(rfc)
        if document is not None and rfc not in self._shortest:
            self._shortest[rfc] = Shortest(document)
        return self._shortest.get(rfc)

    def errata(self, rfc: int) -> dict[int, Span | None]:
        """Where each erratum of a text stands."""
        document = self.document(rfc)
        if rfc not in self._places:
            places = Places(document) if document else None
            self._places[rfc] = (
                {one.number: places.place(one) for one in document.errata}
                if document and places
                else {}
            )
        return self._places[rfc]

    # --- buffers ------------------------------------------------------------------------------------------------

    def cited(self, path: str, text: str) -> tuple[Cited, ...]:
        """What a buffer cites; the same text is scanned once."""
        kept = self._buffers.get(path)
        if kept is not None and kept[0] == text:
            return kept[1]
        source = sources.source(path, text.encode("utf-8", "surrogatepass"))
        rows = source.text.split("\n")
        found: list[Cited] = []
        if not self.project.is_text(path):
            try:
                references = self._scanner.scan(source)
            except Exception:  # noqa: BLE001 — a lexer's fault in a half-typed buffer must not end the server
                references = []
            found = [Cited(self._resolve(ref), _span(rows, ref)) for ref in references]
        self._buffers[path] = (text, tuple(found))
        return tuple(found)

    def close(self, path: str) -> None:
        """The file on disk counts again."""
        self._buffers.pop(path, None)

    def _resolve(self, ref: Reference) -> Resolved:
        key = (ref.rfc, ref.target, ref.role, ref.style, ref.weak, ref.text)
        found = self._kept.get(key)
        if found is None:
            self.quotes(ref.rfc)
            found = self._kept[key] = self._resolver.resolve(ref)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return replace(found, reference=ref)

    def everywhere(self, rfc: int) -> Iterator[Resolved]:
        """Every strong reference to an RFC: of the buffers as they are, of the other files as last read."""
        for path, (_, some) in sorted(self._buffers.items()):
            yield from (one.resolved for one in some if _strong(one.resolved, rfc) and path)
        for path, rest in self.whole.by_path.items():
            if path not in self._buffers:
                yield from (one for one in rest if _strong(one, rfc))


def _strong(one: Resolved, rfc: int) -> bool:
    return one.reference.rfc == rfc and not one.reference.weak


def _span(rows: list[str], ref: Reference) -> Span:
    runs = patches.places(rows, ref)
    if runs:
        return Span(runs[0][0] + 1, runs[0][1], runs[-1][0] + 1, runs[-1][2])
    end = min(ref.end_line, len(rows))
    return Span(ref.line, ref.column - 1, end, len(rows[end - 1]))
