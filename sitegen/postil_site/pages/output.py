"""The folder a build writes to: its marker with what was written, files written only when they differ, and what is no longer made removed.

A folder that has files but no marker is not ours: it is refused, never emptied.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MARKER = ".sitegen.json"


class NotOurs(ValueError):
    """The folder holds something else; the text says what to do."""


@dataclass(slots=True)
class Output:
    """One output folder."""

    folder: Path
    marker: str = MARKER
    old: dict[str, str] = field(default_factory=dict)  # file -> key of what it shows
    new: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    written: int = 0
    octets: dict[str, int] = field(default_factory=dict)  # by kind of page

    @classmethod
    def open(cls, folder: Path, marker: str = MARKER, beside: tuple[str, ...] = ()) -> Output:
        """The folder, made if it is not there; NotOurs when it holds something else and none of the files `beside`."""
        kept = folder / marker
        if not kept.is_file():
            ours = any((folder / name).is_file() for name in beside)
            if folder.is_dir() and not ours and any(folder.iterdir()):
                raise NotOurs(
                    f"{folder} is not empty and no earlier build made it: name another folder, or empty it"
                )
            return cls(folder, marker)
        try:
            table = json.loads(kept.read_text("utf-8"))
            return cls(folder, marker, dict(table["files"]), facts=dict(table.get("facts", {})))
        except (OSError, ValueError, TypeError, KeyError):
            return cls(folder, marker)  # a broken marker: everything is written again

    def intact(self) -> bool:
        """Is every file of the last build there?"""
        return bool(self.old) and all((self.folder / name).is_file() for name in self.old)

    def current(self, name: str, key: str) -> bool:
        """Does the file show exactly this already? Then it is kept."""
        if self.old.get(name) == key and (self.folder / name).is_file():
            self.new[name] = key
            return True
        return False

    def write(self, name: str, content: str | bytes, key: str = "") -> None:
        """Write a file, if it differs."""
        octets = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        self.new[name] = key or hashlib.sha256(octets).hexdigest()[:24]
        file = self.folder / name
        if not key and self.old.get(name) == self.new[name] and file.is_file():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(file.name[:200] + ".part")
        part.write_bytes(octets)
        part.replace(file)
        self.written += 1

    def copy(self, name: str, source: Path) -> None:
        """Copy a file as it is, if it differs; a large one is never read whole."""
        with source.open("rb") as stream:
            self.new[name] = hashlib.file_digest(stream, "sha256").hexdigest()[:24]
        file = self.folder / name
        if self.old.get(name) == self.new[name] and file.is_file():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(file.name[:200] + ".part")
        shutil.copyfile(source, part)
        part.replace(file)
        self.written += 1

    def made(self, name: str, key: str) -> None:
        """Another process has written the file."""
        self.new[name] = key
        self.written += 1

    def begin(self) -> None:
        """Say that this folder is ours before the first page: a build that is stopped can be taken up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / self.marker).is_file():
            self._mark({}, {})

    def finish(self, facts: dict[str, Any]) -> int:
        """Remove what is no longer made and write the marker; the number of files removed."""
        gone = sorted(set(self.old) - set(self.new))
        for name in gone:
            (self.folder / name).unlink(missing_ok=True)
            parent = (self.folder / name).parent
            while parent != self.folder and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
                parent = parent.parent
        self._mark(self.new, facts)
        return len(gone)

    def forget(self, names: Iterable[str]) -> None:
        """These files no longer show what the last build wrote: the next one writes them whatever it finds."""
        files = {name: key for name, key in self.old.items() if name not in set(names)}
        self._mark(files, {**self.facts, "fingerprint": ""})

    def _mark(self, files: dict[str, str], facts: dict[str, Any]) -> None:
        part = self.folder / (self.marker + ".part")
        part.write_text(json.dumps({"files": files, "facts": facts}, sort_keys=True), "utf-8")
        os.replace(part, self.folder / self.marker)
