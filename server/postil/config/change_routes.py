"""Changes of transports and routes, as commands and pages make them: like those of domains, and in the same file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from postil.config.change import Changed, Domains, Refused, same, there
from postil.config.edit import Document
from postil.config.load import Loaded

Kind = Literal["transport", "route"]
Values = Mapping[
    str, object
]  # field to value, of a secret {"file": …} or {"env": …}; None: not given


class Rows:
    """The transports or the routes of one configuration."""

    def __init__(self, config: Path, kind: Kind) -> None:
        """`config`: the machine's file."""
        self._files = Domains(config)
        self._kind: Kind = kind

    def read(self) -> Loaded:
        """As it is on the disk."""
        return self._files.read()

    def find(self, loaded: Loaded, name: str) -> int:
        """Which one it is; Refused when there is none."""
        for at, one in enumerate(self.all(loaded)):
            if one.name.lower() == name.lower():
                return at
        raise Refused(f"there is no {self._kind} {name}")

    def all(self, loaded: Loaded) -> tuple[Any, ...]:
        """Them, in their order."""
        rows: tuple[Any, ...] = getattr(loaded.config, self._kind)
        return rows

    def add(self, name: str, values: Values, before: str | None = None) -> Changed:
        """A new one, behind the others or before one; the same with the same values again changes nothing."""

        def work(document: Document, loaded: Loaded) -> None:
            for at, one in enumerate(self.all(loaded)):
                if one.name.lower() == name.lower():
                    self._refuse_other(loaded, at, values)
                    return
            plain = {
                field: list(one) if isinstance(one, tuple) else one for field, one in values.items()
            }
            secrets = {
                field: plain.pop(field) for field in values if isinstance(values[field], Mapping)
            }
            document.add((self._kind,), {"name": name, **plain})
            for field, one in secrets.items():  # on one line, as people write them
                document.put((self._kind, len(self.all(loaded)), field), one)
            if before is not None:
                self._move(document, len(self.all(loaded)), self.find(loaded, before))

        return self._files.change(work)

    def set(self, name: str, values: Values) -> Changed:
        """Other values; None takes a field away, so that its default counts."""

        def work(document: Document, loaded: Loaded) -> None:
            at = self.find(loaded, name)
            written = getattr(loaded.written, self._kind)[at]
            for field, value in values.items():
                path = (self._kind, at, field)
                if value is None:
                    if there(document.data, path):
                        document.drop(path)
                elif not (there(document.data, path) and same(written, (field,), value)):
                    if isinstance(document.data[self._kind][at].get(field), Mapping):
                        document.drop(path)  # it may be a table with a header of its own
                    document.put(path, value)

        return self._files.change(work)

    def remove(self, name: str) -> Changed:
        """It is not there any more; a transport that a route names is not removed."""

        def work(document: Document, loaded: Loaded) -> None:
            at = self.find(loaded, name)
            found = self.all(loaded)[at].name
            using = [one.name for one in loaded.config.route if one.transport == found]
            if self._kind == "transport" and using:
                more = f"route{'s' if len(using) > 1 else ''} {', '.join(using)}"
                raise Refused(f"the {more} would have no transport: change or remove first")
            document.drop((self._kind, at))

        return self._files.change(work)

    def move(self, name: str, before: str | None) -> Changed:
        """In front of another one, or behind all; what is there already changes nothing."""

        def work(document: Document, loaded: Loaded) -> None:
            at = self.find(loaded, name)
            self._move(document, at, len(self.all(loaded)) if before is None else self.find(loaded, before))  # fmt: skip

        return self._files.change(work)

    def _move(self, document: Document, at: int, to: int) -> None:
        if to not in (at, at + 1):
            document.move((self._kind, at), to)

    def _refuse_other(self, loaded: Loaded, at: int, values: Values) -> None:
        """What is there under the name has other settings."""
        one = getattr(loaded.written, self._kind)[at]
        other = [field for field, value in values.items() if not same(one, (field,), value)]
        if other:
            place = loaded.place((self._kind, at))
            raise Refused(
                f"{one.name} is there already ({place.file}:{place.line}), with another {', '.join(other)}:"
                f" postil {self._kind} set changes that"
            )


def unused(loaded: Loaded) -> Iterator[str]:
    """Transports that no route names."""
    used = {one.transport for one in loaded.config.route}
    return (one.name for one in loaded.config.transport if one.name not in used)
