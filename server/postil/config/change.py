"""Changes of domains, as commands and pages make them: in `domains.toml`, checked with everything else before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from postil.config import names
from postil.config.domain import Domain
from postil.config.edit import CannotEdit, Document
from postil.config.load import Loaded, Source, read
from postil.config.locate import Path as Steps
from postil.config.rewrite import CannotWrite, rewrite
from postil.config.secrets import Secret, decoded

Values = Mapping[
    tuple[str, ...], object
]  # path of a field within a domain to its value; None: not given


class Refused(Exception):
    """Nothing was changed; the text says why."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change came to."""

    written: bool  # False: everything was so already
    before: Loaded
    loaded: Loaded


class Domains:
    """The domains of one configuration."""

    def __init__(self, config: Path) -> None:
        """`config`: the machine's file."""
        self._config = config

    def read(self) -> Loaded:
        """As it is on the disk."""
        return read(self._config, empty=True)

    def there(self, loaded: Loaded, name: str) -> bool:
        """Is there such a domain? Refused when it is no name of one."""
        wanted = a_labels(name)
        return any(one.name == wanted for one in loaded.config.domain)

    def find(self, loaded: Loaded, name: str) -> tuple[int, Domain]:
        """A domain and which one it is; Refused when there is none."""
        wanted = a_labels(name)
        for at, one in enumerate(loaded.config.domain):
            if one.name == wanted:
                return at, one
        raise Refused(f"there is no domain {name}")

    def add(self, name: str, values: Values) -> Changed:
        """A new domain; the same one with the same values again changes nothing."""
        wanted = a_labels(name)

        def work(document: Document, loaded: Loaded) -> None:
            for at, one in enumerate(loaded.config.domain):
                if one.name == wanted:
                    other = [
                        ".".join(path)
                        for path, value in values.items()
                        if not same(one, path, value)
                    ]
                    if other:
                        place = loaded.place(("domain", at))
                        raise Refused(
                            f"{name} is there already ({place.file}:{place.line}), with another {', '.join(other)}:"
                            " postil domain set changes that"
                        )
                    return
            document.add(("domain",), _nested({("name",): name, **values}))

        return self.change(work)

    def set(self, name: str, values: Values) -> Changed:
        """Other values; None takes a field, or a table, away, so that its default counts."""

        def work(document: Document, loaded: Loaded) -> None:
            row, one = self.row(loaded, name)
            for path, value in values.items():
                steps = (*row, *path)
                if value is None:
                    if there(document.data, steps):
                        document.drop(steps)
                elif not (there(document.data, steps) and same(one, path, value)):
                    document.put(steps, value)

        return self.change(work)

    def remove(self, name: str) -> Changed:
        """The domain's mail does not end here any more."""

        def work(document: Document, loaded: Loaded) -> None:
            row, one = self.row(loaded, name)
            if len(loaded.config.domain) == 1:
                raise Refused(f"{one.name} is the only domain: add another one first")
            document.drop(row)

        return self.change(work)

    def row(self, loaded: Loaded, name: str) -> tuple[Steps, Domain]:
        """Where a domain stands in the second file; Refused when it stands in the machine's file."""
        at, one = self.find(loaded, name)
        if at < loaded.in_machine:
            place = loaded.place(("domain", at))
            raise Refused(
                f"{name} stands in {place.file}:{place.line}, which commands do not change:"
                f" edit it there, or move its tables to {loaded.domains.file}"
            )
        return ("domain", at - loaded.in_machine), one

    def change(self, work: Callable[[Document, Loaded], None]) -> Changed:
        """Let `work` change the second file, check everything, write it; ConfigError or Refused changes nothing."""
        now = self.read()
        before = after = now

        def edited(text: str) -> str:
            nonlocal before, after
            before = read(self._config, domains=Source(now.domains.file, text), empty=True)
            document = Document(text)
            work(document, before)
            after = read(self._config, domains=Source(now.domains.file, document.text), empty=True)
            return document.text

        try:
            written = rewrite(Path(now.config.domains_file), edited, like=self._config)
        except CannotEdit as error:
            raise Refused(f"{now.domains.file} {error}") from error
        except CannotWrite as error:
            raise Refused(str(error)) from error
        return Changed(written, before, after)


def a_labels(name: str) -> str:
    """The name as it is compared; Refused when it is none."""
    try:
        return names.a_labels(name)
    except ValueError as error:
        raise Refused(str(error)) from error


def same(table: msgspec.Struct, path: tuple[str, ...], value: object) -> bool:
    """Does the field have the value?"""
    found: Any = table
    for step in path:
        found = getattr(found, step, None)
    if isinstance(found, Secret) or (value is not None and isinstance(value, Mapping)):
        return bool(found == decoded(Secret, value))
    return bool(msgspec.to_builtins(found) == msgspec.to_builtins(value))


def there(data: Any, path: Steps) -> bool:
    """Is a path in what the TOML reader gave?"""
    for step in path:
        if isinstance(step, str) and step not in data:
            return False
        data = data[step]
    return True


def _nested(values: Mapping[tuple[str, ...], object]) -> dict[str, Any]:
    """Paths as tables within tables."""
    out: dict[str, Any] = {}
    for path, value in values.items():
        inner = out
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = list(value) if isinstance(value, tuple) else value
    return out
