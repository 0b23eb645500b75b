"""Open buffers and what they refer to; and who refers to a line of an RFC.

A buffer is scanned by itself, as `rfclinks refs` would scan the file if it were saved now, and kept until its text changes. The rest of the repository is as it was
when it was last looked at: `refresh` looks again, for instance when something was saved.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from postil_site.model import Document, Problems, Reference, Section, TargetKind
from postil_site.pages.shortest import Shortest
from postil_site.project import OWN, Project
from postil_site.refs import sources
from postil_site.refs.resolve import Resolved, Resolver
from postil_site.refs.scan import Scanner

KEPT = 64  # buffers whose references are remembered
_TEXT = re.compile(r"rfc(\d{1,6})\.txt\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """A range in a file: 1-based lines, 0-based characters; `path` is absolute."""

    path: Path
    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0


class Desk:
    """One repository in an editor."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._kept: OrderedDict[tuple[str, str], tuple[Resolved, ...]] = OrderedDict()
        self._shortest: dict[int, Shortest] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at the repository again when it is next asked about. ConfigError."""
        self.project = Project.open(self.root, Problems())
        self._kept.clear()
        self._shortest.clear()
        self._decided: set[int] = set()  # RFCs whose decisions the resolver knows
        for name in ("scanner", "resolver"):
            self.__dict__.pop(name, None)

    @cached_property
    def scanner(self) -> Scanner:
        """Knows this project's texts and settings."""
        return self.project.scanner()

    @cached_property
    def resolver(self) -> Resolver:
        """As in `rfclinks check`."""
        silent = frozenset(row.rfc for row in self.project.index.rows if row.status in OWN)
        return Resolver(self.project.library, silent)

    def _resolve(self, ref: Reference) -> Resolved:
        if ref.rfc not in self._decided:
            self._decided.add(ref.rfc)
            decided = self.project.decided(ref.rfc)
            if decided is not None:
                self.resolver.replace_requirements(ref.rfc, decided.requirements)
        return self.resolver.resolve(ref)

    # --- buffers

    def relative(self, path: Path) -> str | None:
        """The path as references have it; None outside the repository."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except ValueError:
            return None

    def references(self, path: Path, text: str) -> tuple[Resolved, ...]:
        """What the buffer refers to, in order."""
        name = self.relative(path) or path.name
        key = (name, text)
        found = self._kept.get(key)
        if found is None:
            source = sources.source(name, text.encode("utf-8", "surrogatepass"))
            try:
                scanned = tuple(self.scanner.scan(source)) if source.hinted else ()
            except Exception:  # noqa: BLE001 — half-typed code may break a lexer; the next key mends it
                scanned = ()
            found = tuple(self._resolve(one) for one in scanned)
            self._kept[key] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def at(self, path: Path, text: str, line: int, column: int) -> Resolved | None:
        """The reference at a place (line from 1, column from 0): the innermost, and of several on a line the one pointed at."""
        found = []
        for one in self.references(path, text):
            ref = one.reference
            if not ref.line <= line <= ref.end_line:
                continue
            start = ref.column - 1
            if line == ref.line and column < start:
                continue
            if ref.line == ref.end_line and column > start + len(ref.text):
                continue
            found.append(one)
        return max(found, key=lambda one: (one.reference.line, one.reference.column), default=None)

    # --- texts

    def document(self, rfc: int) -> Document | None:
        """The text of an RFC, if it is here."""
        return self.project.library.document(rfc)

    def rfc_of(self, path: Path) -> int | None:
        """Is the file the text of an RFC, and of which?"""
        match = _TEXT.search(path.name)
        return int(match[1]) if match else None

    def shortest(self, rfc: int) -> Shortest | None:
        """Finds quotes in an RFC."""
        document = self.document(rfc)
        if document is None:
            return None
        if rfc not in self._shortest:
            self._shortest[rfc] = Shortest(document)
        return self._shortest[rfc]

    def target(self, one: Resolved) -> Place | None:
        """Where a reference leads: the words in the RFC's own file."""
        file = self.project.library.path(one.reference.rfc)
        if file is None or one.line is None:
            return None
        if one.span is not None:
            span = one.span
            return Place(file, span.line, span.column, span.end_line, span.end_column)
        return Place(file, one.line, 0, one.line, 0)

    # --- who refers to it

    def cited(self, rfc: int, line: int) -> list[Place]:
        """References of the whole repository that lead to a line of an RFC: its words, the clause there, or the heading."""
        document = self.document(rfc)
        if document is None:
            return []
        section = innermost(document, line)
        clauses = {
            one.id for one in document.requirements if one.span.line <= line <= one.span.end_line
        }
        at_heading = section is not None and section.line == line
        found = []
        for one in self.project.resolved:
            ref = one.reference
            if ref.rfc != rfc or one.line is None:
                continue
            span = one.span
            if span is not None:
                hit = span.line <= line <= span.end_line
            else:
                hit = one.line == line and (at_heading or ref.target.kind is TargetKind.LINE)
            if hit or clauses & {each.id for each in one.requirements}:
                found.append(self.place(one))
        return found

    def same(self, one: Resolved) -> list[Place]:
        """References to what this one refers to, itself included."""
        ref = one.reference
        pinned = {each.id for each in one.requirements}
        found = []
        for other in self.project.resolved:
            if other.reference.rfc != ref.rfc:
                continue
            theirs = {each.id for each in other.requirements}
            if pinned & theirs if pinned else other.section == one.section:
                found.append(self.place(other))
        return found

    def place(self, one: Resolved) -> Place:
        """Where a reference stands."""
        ref = one.reference
        start = ref.column - 1
        end = start + len(ref.text) if ref.line == ref.end_line else 0
        return Place(self.root / ref.path, ref.line, start, ref.end_line, end)


def innermost(document: Document, line: int) -> Section | None:
    """The section a line belongs to."""
    found = [one for one in document.sections if one.line <= line <= one.end_line]
    return max(found, key=lambda one: (one.depth, one.line), default=None)


def paragraph(document: Document, line: int) -> Sequence[int]:
    """The numbers of the lines around `line` up to the next blank ones; page furniture is stepped over."""

    def blank(number: int) -> bool:
        return not document.lines[number - 1].replace("\f", "").strip()

    first = last = line
    while (before := _next(document, first, -1)) is not None and not blank(before):
        first = before
    while (after := _next(document, last, 1)) is not None and not blank(after):
        last = after
    return [one for one in range(first, last + 1) if one not in document.furniture]


def _next(document: Document, line: int, step: int) -> int | None:
    """The line before or behind; over a page break too, when the sentence goes on there."""
    number = line + step
    jumped = False
    while 1 <= number <= len(document.lines):
        text = document.lines[number - 1].replace("\f", "").strip()
        if number in document.furniture:
            jumped = True
        elif text or not (jumped or _beside_furniture(document, number, step)):
            return number
        number += step
    return None


def _beside_furniture(document: Document, number: int, step: int) -> bool:
    """Is this blank line one of those around a page break?"""
    while 1 <= number <= len(document.lines):
        if number in document.furniture:
            return True
        if document.lines[number - 1].replace("\f", "").strip():
            return False
        number += step
    return False
