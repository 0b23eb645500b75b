"""A repository seen whole: its files, references, where they lead, results and verdicts; what commands and pages are made from.

What was scanned is kept by the hash of the file and of this package's own sources, what was resolved by the hash of everything it depends on, so a
second run with nothing changed reads files and hashes them, and little else. Everything is made when it is first asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from postil_site.config import Config, load
from postil_site.model import Problems, Reference, Requirement, Result, Role
from postil_site.refs import duvet, sources, words
from postil_site.refs.grammar import Known
from postil_site.refs.resolve import Resolved, Resolver
from postil_site.refs.scan import Scanner
from postil_site.status import decisions, executed, junit, results
from postil_site.status.decisions import Decided
from postil_site.status.executed import Executed
from postil_site.status.verdicts import Verdict, judge
from postil_site.texts import projectindex
from postil_site.texts.library import Library, cache_folder
from postil_site.texts.normal import normal
from postil_site.texts.projectindex import ProjectIndex
from postil_site.worktree import TreeState, tree_state

_SELF = Path(__file__).parent
_RFC_TEXT = re.compile(r"(?:^|/)(?:rfc\d+\.txt|rfc/\d+|rfc-index\.txt)$")
OWN = ("Yes", "Partial")  # index statuses of RFCs the project stands by, obsolete or not


@cache
def tool_version() -> str:
    """A hash of the sources that decide what a scan and a resolution give."""
    digest = hashlib.sha256()
    for folder in ("refs", "texts", "status"):
        for file in sorted((_SELF / folder).glob("*.py")):
            digest.update(file.read_bytes())
    for name in ("model.py", "project.py", "config.py"):
        digest.update((_SELF / name).read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What was resolved, and the decisions about each RFC that has any requirement in use."""

    resolved: tuple[Resolved, ...]
    decided: dict[int, Decided]
    problems: tuple[tuple[str, str], ...]


class Project:
    """Use `Project.open`."""

    def __init__(
        self,
        config: Config,
        problems: Problems,
        result_files: Sequence[Path] | None,
        library: Library | None = None,
        tree: TreeState | None = None,
    ) -> None:
        self.config = config
        self.root = config.root
        self.problems = problems
        self.library = library or Library.standard(config.root, config.texts, problems)
        self._result_files = result_files
        self._tree = tree
        self._verdicts: dict[int, list[Verdict]] = {}
        self.hashes: dict[str, str] = {}  # of files that may hold references

    @classmethod
    def open(
        cls,
        root: Path,
        problems: Problems,
        results: Sequence[Path] | None = None,
        config: Config | None = None,
    ) -> Project:
        """The repository at `root`; ConfigError when its configuration is broken."""
        root = root.resolve()
        return cls(config or load(root), problems, results)

    @cached_property
    def index(self) -> ProjectIndex:
        """The project's list of RFCs; empty when it has none. Its errors are counted as problems."""
        try:
            text = (self.root / self.config.index).read_text("utf-8", "replace")
        except OSError:
            return ProjectIndex()
        parsed = projectindex.parse(text)
        for error in parsed.errors:
            self.problems.add(f"{self.config.index}:{error.line}", error.reason)
        return parsed

    @cached_property
    def files(self) -> list[str]:
        """All files that belong to the repository, sorted."""
        return sources.list_files(
            self.root, self.config.include, self.config.exclude, self.problems
        )

    # --- references ---------------------------------------------------------------------------------------------

    @cached_property
    def references(self) -> list[Reference]:
        """Every reference, by path and line."""
        version = f"{tool_version()}-{self._scan_key()}"
        kept_file = _store(self.root, "scan")
        kept: dict[str, tuple[Reference, ...]] = _load(kept_file, version) or {}
        fresh: dict[str, tuple[Reference, ...]] = {}
        scanner: Scanner | None = None
        out: list[Reference] = []
        for path in self.files:
            if self.is_text(path):
                continue
            octets = sources.octets(self.root, path, self.problems)
            if octets is None or not words.hinted(octets):
                continue
            digest = hashlib.sha256(octets).hexdigest()
            self.hashes[path] = digest
            key = f"{digest}:{path}"
            found = kept.get(key)
            if found is None:
                scanner = scanner or self.scanner()
                found = self._scanned(scanner, sources.source(path, octets))
            fresh[key] = found
            out.extend(found)
        if fresh.keys() != kept.keys():
            _keep(kept_file, version, fresh)
        return out

    def is_text(self, path: str) -> bool:
        """RFCs, and lists of them, are not what refers to RFCs."""
        config = self.config
        return (
            path.startswith((config.texts + "/", config.decisions + "/"))
            # our own configuration explains itself with an example, which is no reference of the project's
            or path in (config.index, config.baseline, "rfclinks.toml")
            or _RFC_TEXT.search(path) is not None
        )

    def _scanned(self, scanner: Scanner, source: sources.Source) -> tuple[Reference, ...]:
        try:
            return tuple(scanner.scan(source))
        except Exception as error:  # noqa: BLE001 — a lexer's fault in one file is counted, and the scan goes on
            self.problems.add(source.path, f"cannot be scanned: {type(error).__name__}: {error}")
            return ()

    def scanner(self) -> Scanner:
        """A scanner that knows this project's texts."""
        library = self.library
        index = library.index
        return Scanner(
            Known(
                newest=index.newest,
                has_section=self._has_section,
                series=index.series,
                rfc_of_erratum=self._rfc_of_erratum,
                path=words.path_pattern(self.config.roots),
            ),
            tests=self.config.tests,
            leaders=(*duvet.DEFAULT_LEADERS, *self.config.leaders),
        )

    @cached_property
    def _sections(self) -> dict[int, frozenset[str]]:
        return {}

    def _has_section(self, rfc: int, section: str) -> bool:
        if rfc not in self._sections:
            document = self.library.document(rfc)
            self._sections[rfc] = (
                frozenset(one.number for one in document.sections) if document else frozenset()
            )
        return section in self._sections[rfc]

    @cached_property
    def _errata(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for folder in self.library.folders:
            for place in (folder / ".." / "errata", folder / "errata"):
                for file in place.glob("rfc*.json") if place.is_dir() else ():
                    number = file.stem.removeprefix("rfc")
                    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
                        for row in json.loads(file.read_bytes()):
                            found.setdefault(int(row.get("errata_id") or 0), int(number))
        return found

    def _rfc_of_erratum(self, eid: int) -> int | None:
        return self._errata.get(eid)

    def _scan_key(self) -> str:
        """What a scan depends on besides the file: settings, and which texts there are."""
        digest = hashlib.sha256(
            repr((self.config.tests, self.config.leaders, self.config.roots)).encode()
        )
        for folder in self.library.folders:
            with contextlib.suppress(OSError):
                digest.update(repr(sorted(os.listdir(folder))).encode())
        return digest.hexdigest()[:16]

    # --- where they lead ----------------------------------------------------------------------------------------

    @cached_property
    def rfcs(self) -> list[int]:
        """The RFCs that matter here: cited strongly, or in the index as Yes or Partial."""
        cited = {ref.rfc for ref in self.references if not ref.weak}
        listed = {row.rfc for row in self.index.rows if row.status in OWN}
        folder = self.root / self.config.decisions
        decided = {int(file.stem) for file in folder.glob("*.toml") if file.stem.isdecimal()}
        return sorted(cited | listed | decided)

    @cached_property
    def _snapshot(self) -> _Snapshot:
        version = f"{tool_version()}-{self._text_key()}"
        file = _store(self.root, "resolved")
        kept = _load(file, version)
        if isinstance(kept, _Snapshot):
            self.problems.rows.extend(kept.problems)
            return kept
        before = len(self.problems.rows)
        silent = frozenset(row.rfc for row in self.index.rows if row.status in OWN)
        resolver = Resolver(self.library, silent)
        decided: dict[int, Decided] = {}
        for rfc in self.rfcs:
            quotes = resolver.quotes(rfc)
            if quotes is None:
                continue
            name = f"{self.config.decisions}/{rfc}.toml"
            decided[rfc] = decisions.read(self.root / name, name, quotes)
            if decided[rfc].requirements != quotes.document.requirements:
                resolver.replace_requirements(rfc, decided[rfc].requirements)
        resolved = tuple(resolver.resolve(ref) for ref in self.references)
        snapshot = _Snapshot(resolved, decided, tuple(self.problems.rows[before:]))
        _keep(file, version, snapshot)
        return snapshot

    def _text_key(self) -> str:
        digest = hashlib.sha256(repr(self._scan_key()).encode())
        for path, value in sorted(self.hashes.items() if self.references is not None else ()):
            digest.update(f"{path}:{value}\n".encode())
        digest.update(repr(self.index.rows).encode())
        for rfc in self.rfcs:
            digest.update(hashlib.sha256(self.library.octets(rfc) or b"").digest())
            for file in (
                self.library.errata_path(rfc),
                self.root / self.config.decisions / f"{rfc}.toml",
            ):
                with contextlib.suppress(OSError):
                    digest.update(file.read_bytes() if file else b"")
        index = self.library.index_path()
        digest.update(index.read_bytes() if index else b"")
        return digest.hexdigest()[:32]

    @property
    def resolved(self) -> tuple[Resolved, ...]:
        """Every reference with the place it leads to, in the order of `references`."""
        return self._snapshot.resolved

    @cached_property
    def missing_texts(self) -> list[int]:
        """RFCs that are cited and whose text is not there."""
        return sorted({one.reference.rfc for one in self.resolved if one.missing_text})

    def decided(self, rfc: int) -> Decided | None:
        """Requirements of an RFC with the decisions about them; None without its text."""
        found = self._snapshot.decided.get(rfc)
        if found is None and rfc not in self.rfcs:
            document = self.library.document(rfc)
            return Decided(document.requirements) if document else None
        return found

    # --- results ------------------------------------------------------------------------------------------------

    @cached_property
    def tree(self) -> TreeState:
        """The state of the working tree, by which results are fresh."""
        return self._tree or tree_state(self.root)

    @cached_property
    def _evidence(self) -> tuple[results.Results, junit.Report]:
        """All results files there are; those that end in .xml are JUnit's, fresh because somebody named them."""
        given = self._result_files
        names = [*self.config.results, *self.config.junit]
        files = [self.root / name for name in names] if given is None else list(given)
        for file in files if given is not None else ():
            if not file.exists():
                self.problems.add(str(file), "no such results file")
        xml = [file for file in files if file.suffix == ".xml"]
        rest = [file for file in files if file.suffix != ".xml"]
        return results.read(rest, self.tree, self.problems), junit.read(xml, True, self.problems)

    @cached_property
    def results(self) -> list[Result]:
        """All rows of all results files."""
        own, foreign = self._evidence
        return [*own.rows, *foreign.rows]

    @cached_property
    def has_fresh_results(self) -> bool:
        """Is there anything that may turn a requirement green?"""
        return any(row.fresh for row in self.results)

    def section_results(self, rfc: int) -> dict[str, list[Result]]:
        """Results that pin no sentence, by section: what stands at a heading as `tests of this section` (rule 3)."""
        pinned = {id(row) for _, row in self._pinned_results.get(rfc, [])}
        out: dict[str, list[Result]] = defaultdict(list)
        for row in self.results:
            if row.rfc == rfc and id(row) not in pinned:
                out[row.section.lstrip("§ ")].append(row)
        return out

    @cached_property
    def _pinned_results(self) -> dict[int, list[tuple[Requirement, Result]]]:
        """Results by RFC with the requirement they pin, found through the marker that carried them."""
        markers: dict[tuple[int, str, str], tuple[Requirement, ...]] = {}
        narrow: set[tuple[str, int, str, str]] = set()  # markers on functions, by file
        wide: set[tuple[str, int, str]] = set()
        for one in self.resolved:
            ref = one.reference
            if ref.style != "marker":
                continue
            section = ref.target.section or ref.target.value
            if ref.target.kind.value == "quote":
                key = (ref.rfc, section, normal(ref.target.value))
                markers[key] = one.requirements
                narrow.add((ref.path, *key))
            else:
                wide.add((ref.path, ref.rfc, section))
        out: dict[int, list[tuple[Requirement, Result]]] = defaultdict(list)
        resolver: Resolver | None = None
        for row in self.results:
            if not row.quote:
                continue
            section, quote = row.section.lstrip("§ "), normal(row.quote)
            path = row.test.partition("::")[0]
            if (path, row.rfc, section) in wide and (path, row.rfc, section, quote) not in narrow:
                continue  # a class's or a module's marker is section level (rule 10)
            found = markers.get((row.rfc, section, quote))
            if found is None:
                resolver = resolver or Resolver(self.library)
                quotes = resolver.quotes(row.rfc)
                hit = (
                    quotes.find(section, row.quote) if quotes and quotes.section(section) else None
                )
                found = hit.requirements if hit and len(hit.requirements) == 1 else ()
                markers[row.rfc, section, quote] = found
            out[row.rfc] += [(requirement, row) for requirement in found]
        for rfc, requirement, row in self._by_name():
            out[rfc].append((requirement, row))
        return out

    def _by_name(self) -> Iterable[tuple[int, Requirement, Result]]:
        """A `tests` reference inside a function takes the outcome of the one JUnit case of its name (rule 5)."""
        for one, case in self._cases:
            if isinstance(case, junit.Case):
                ref = one.reference
                row = Result(
                    case.test, ref.rfc, one.section or "", None, case.outcome, case.duration, True
                )
                for requirement in one.requirements:
                    yield ref.rfc, requirement, row

    @cached_property
    def _cases(self) -> list[tuple[Resolved, junit.Case | list[junit.Case]]]:
        report = self._evidence[1]
        out = []
        for one in self.resolved if report.cases else ():
            ref = one.reference
            if ref.role is Role.TESTS and ref.style != "marker" and ref.test and one.requirements:
                case = report.case_of(ref.test.rpartition("::")[2])
                if case is not None:
                    out.append((one, case))
        return out

    @cached_property
    def ambiguous_cases(self) -> list[tuple[Reference, list[str]]]:
        """References in test functions whose name several JUnit cases have: not counted, and reported."""
        return [
            (one.reference, [each.test for each in case])
            for one, case in self._cases
            if isinstance(case, list)
        ]

    def verdicts(self, rfc: int) -> list[Verdict]:
        """The status of each requirement of an RFC, in order of its text; [] without the text."""
        if rfc not in self._verdicts:
            decided = self.decided(rfc)
            ours = self._by_rfc.get(rfc, [])
            pinned = self._pinned_results.get(rfc, [])
            found = judge(decided, ours, pinned) if decided else []
            if self._executed.lines:
                found = [replace(one, ran=self._executed.ran(one)) for one in found]
            self._verdicts[rfc] = found
        return self._verdicts[rfc]

    @cached_property
    def _executed(self) -> Executed:
        """What tests ran, where a file says so; a file that is named and not there is no fault, as with results."""
        files = [self.root / name for name in self.config.coverage]
        return executed.read([file for file in files if file.is_file()], self.root, self.problems)

    @cached_property
    def _by_rfc(self) -> dict[int, list[Resolved]]:
        out: dict[int, list[Resolved]] = defaultdict(list)
        for one in self.resolved:
            out[one.reference.rfc].append(one)
        return out


def _store(root: Path, name: str) -> Path:
    place = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return cache_folder() / name / f"{place}.pickle"


def _load(file: Path, version: str) -> Any:
    """What was kept under that version; None when there is nothing, or it cannot be read."""
    try:
        head, value = pickle.loads(file.read_bytes())
    except Exception:  # noqa: BLE001 — whatever is wrong with a cache, it is made again
        return None
    return value if head == version else None


def _keep(file: Path, version: str, value: object) -> None:
    """Whole or not at all; a cache that cannot be written is no error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(handle, "wb") as out:
            out.write(pickle.dumps((version, value), protocol=5))
        os.replace(name, file)
    except OSError:
        return
