"""From the two TOML files to a checked `Config`, or everything that is wrong with file, line and field.

A domain may stand in either file, never in both. A domains file that is not there holds no domains, unless the caller knows
that it was there: then somebody has moved it, and taking that for "no domains" would refuse their mail for good.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from postil.config import check, check_domain, check_routes, locate, secrets
from postil.config.decode import decode
from postil.config.domain import Domain, Domains
from postil.config.model import DOMAINS_FILE, SECOND, Config
from postil.config.problems import ConfigError, Finding, Problem

LARGEST: Final = (
    64 * 1024 * 1024
)  # octets of a file; a hundred thousand domains have a tenth of that

_TOML_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read."""

    file: str  # as errors name it
    text: str
    there: bool = True


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration, and the files it came from."""

    config: Config
    written: Config  # the same as it is written: names of files and domains unchanged
    machine: Source
    domains: Source
    in_machine: int  # so many of `config.domain`, the first ones, stand in the machine's file
    places: Places

    def problem(self, finding: Finding) -> Problem:
        """The finding with its place."""
        return self.places.problem(finding)

    def place(self, path: locate.Path) -> Problem:
        """File, line and field of a path; for showing where something stands."""
        return self.problem(Finding(path, ""))


class Places:
    """Finds the places in both files; walks a text when it is first asked about it."""

    def __init__(self, machine: Source, domains: Source, in_machine: int) -> None:
        self._machine = machine
        self._domains = domains
        self._in_machine = in_machine
        self._found: dict[str, dict[locate.Path, locate.Place]] = {}

    def problem(self, finding: Finding) -> Problem:
        path, source = finding.path, self._machine
        match path:
            case (str(top), *_) if top in SECOND:
                source = self._domains
            case ("domain", int(at), *rest) if at >= self._in_machine:
                path, source = ("domain", at - self._in_machine, *rest), self._domains
        return located(source, Finding(path, finding.what), self._found)


def located(
    source: Source, finding: Finding, cache: dict[str, dict[locate.Path, locate.Place]]
) -> Problem:
    """A finding about one file with its line."""
    if source.file not in cache:
        try:
            cache[source.file] = locate.places(source.text)
        except RecursionError:
            cache[source.file] = {(): locate.Place(1, 0, 0, locate.Kind.FILE, 0)}
    line = locate.nearest(cache[source.file], finding.path).line
    return Problem(source.file, line, locate.spelled(finding.path), finding.what)


def load(path: Path) -> Config:
    """Read and check a configuration; paths in the result are absolute."""
    return read(path).config


def read(path: Path, *, domains: Source | None = None, empty: bool = False) -> Loaded:
    """The same with the sources.

    `domains`: the second file as it would be, in place of what is on the disk. `empty`: having no domain is no fault.
    """
    return assemble(source(path), path.resolve().parent, domains, empty=empty)


def parse(text: str, file: str, folder: Path) -> Config:
    """Check the text of a machine's file alone; `file` names it in errors, `folder` anchors relative paths."""
    nothing = Source(str(folder / DOMAINS_FILE), "", there=False)
    return assemble(Source(file, text), folder, nothing).config


def source(path: Path) -> Source:
    """A file; ConfigError names the line that is not UTF-8."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]
        ) from error
    if len(raw) > LARGEST:
        raise ConfigError([Problem(str(path), 0, "", f"holds more than {LARGEST} octets")])
    if raw.startswith(codecs.BOM_UTF8):
        # TOML has none, and what commands leave alone must be a file that others read as well.
        what = "begins with a byte order mark: save it as UTF-8 without BOM"
        raise ConfigError([Problem(str(path), 1, "", what)])
    try:
        return Source(str(path), raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(str(path), line, "", "is not UTF-8")]) from error


def optional_source(path: Path) -> Source:
    """A file that need not be there."""
    return source(path) if path.exists() else Source(str(path), "", there=False)


def assemble(
    machine: Source, folder: Path, domains: Source | None, *, empty: bool = False
) -> Loaded:
    """Both files decoded and checked together."""
    problems: list[Problem] = []
    top = _table(machine, problems)
    if domains is None:
        domains = _second(top, machine, folder, problems)
    second = _table(domains, problems)
    mine: list[Finding] = []
    theirs: list[Finding] = []
    config = decode(Config, top, mine) if top is not None else None
    more = decode(Domains, second, theirs) if second is not None else None
    cache: dict[str, dict[locate.Path, locate.Place]] = {}
    problems += [located(machine, one, cache) for one in mine]
    problems += [located(domains, one, cache) for one in theirs]
    if config is None or more is None:
        raise ConfigError(_sorted(problems, machine))
    for name in SECOND:
        if getattr(config, name):
            what = f"[[{name}]] belongs into {domains.file}, which commands change: move it there"
            problems.append(located(machine, Finding((name, 0), what), cache))
    in_machine = len(config.domain)
    found: list[Finding] = []
    checked = check.machine(config, folder, found)
    every: tuple[Domain, ...] = check_domain.domains((*config.domain, *more.domain), found)
    beside = Path(domains.file).resolve().parent
    transports = check_routes.transports(secrets.anchored(more.transport, beside), beside, found)
    routes = check_routes.routes(more.route, transports, found)
    if not every and not empty and not problems:
        found.append(Finding(("domain",), "at least one domain is needed: postil domain add NAME"))
    places = Places(machine, domains, in_machine)
    problems += [places.problem(one) for one in found]
    if problems:
        raise ConfigError(_sorted(problems, machine))
    result = msgspec.structs.replace(checked, domain=every, transport=transports, route=routes)
    written = msgspec.structs.replace(
        config,
        domain=(*config.domain, *more.domain),
        transport=more.transport,
        route=more.route,
    )
    return Loaded(result, written, machine, domains, in_machine, places)


def _second(
    top: Mapping[str, Any] | None, machine: Source, folder: Path, problems: list[Problem]
) -> Source:
    """The file of the domains that the machine's file names, even where that has other faults."""
    named = (top or {}).get("domains_file", DOMAINS_FILE)
    path = folder / (named if isinstance(named, str) and named else DOMAINS_FILE)
    if path.resolve() == Path(machine.file).resolve():
        what = "is this file itself: name another one"
        problems.append(located(machine, Finding(("domains_file",), what), {}))
        return Source(str(path), "", there=False)
    try:
        # As people would name it: relative to where they are, as the machine's file is.
        shown = Path(machine.file).parent / path.relative_to(folder) if path.is_relative_to(folder) else path  # fmt: skip
        return optional_source(shown)
    except ConfigError as error:
        problems += error.problems
        return Source(str(path), "")


def _table(source: Source, problems: list[Problem]) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(source.text)
    except RecursionError:
        problems.append(Problem(source.file, 1, "", "is nested too deeply"))
    except ValueError as error:  # also a number of more digits than Python takes
        said = str(error)
        at = _TOML_LINE.search(said)
        line = int(at[1]) if at and at[1] else source.text.count("\n") + 1
        problems.append(Problem(source.file, line, "", _TOML_LINE.sub("", said)))
    return None


def _sorted(problems: list[Problem], machine: Source) -> list[Problem]:
    """The machine's file first, each from top to bottom, nothing twice."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.file != machine.file, one.line))
