"""In which fields two configurations differ, and in which one differs from the defaults. Secrets are compared, never shown.

Rows of arrays are told apart by what names them (`listener[imap].port`, `domain[example.org].dmarc.p`), so that a row that moved is the
same row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from postil.config.model import LIVE, Config
from postil.config.secrets import encoded

_NAMES: Final = ("label", "name")  # what names a row of an array


@dataclass(frozen=True, slots=True)
class Change:
    """One field; None: not there."""

    field: str
    before: object
    after: object

    @property
    def live(self) -> bool:
        """A running server takes it over."""
        return self.field.partition(".")[0].partition("[")[0] in LIVE

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "live": self.live,
        }


def between(before: Config, after: Config) -> list[Change]:
    """What is another value, in the order of the fields."""
    return list(_struct(before, after, ""))


def from_defaults(table: msgspec.Struct) -> list[Change]:
    """What is not the default; a field without one is always there."""
    return list(_written(table, ""))


def _struct(before: Any, after: Any, path: str) -> Iterator[Change]:
    for name in after.__struct_fields__:
        yield from _value(getattr(before, name), getattr(after, name), _join(path, name))


def _value(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, msgspec.Struct) and isinstance(after, msgspec.Struct):
        yield from _struct(before, after, path)
    elif _rows(before) and _rows(after) and (before or after):
        old, new = _named(before), _named(after)
        for name in dict.fromkeys((*old, *new)):
            yield from _value(old.get(name), new.get(name), f"{path}[{name}]")
    else:
        yield Change(path, shown(before), shown(after))


def _written(value: Any, path: str) -> Iterator[Change]:
    for field in msgspec.structs.fields(type(value)):
        here = getattr(value, field.name)
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        at = _join(path, field.encode_name)
        if here == default:
            continue
        if isinstance(here, msgspec.Struct) and default is None:  # there, if only with defaults
            for name in here.__struct_fields__:
                yield from _value(None, getattr(here, name), _join(at, name))
        elif isinstance(here, msgspec.Struct):
            yield from _written(here, at)
        elif _rows(here) and here:
            for name, row in _named(here).items():
                yield from _written(row, f"{at}[{name}]")
        else:
            none = default is msgspec.NODEFAULT
            yield Change(at, None if none else shown(default), shown(here))


def _rows(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, msgspec.Struct) for one in value)


def _named(rows: tuple[Any, ...]) -> dict[str, Any]:
    """Row by its name; by its number where it has none, or another one has it."""
    out: dict[str, Any] = {}
    for at, row in enumerate(rows):
        name = next((str(found) for one in _NAMES if (found := getattr(row, one, ""))), str(at))
        out[name if name not in out else f"{name}#{at}"] = row
    return out


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def shown(value: object) -> object:
    """A value as JSON writes it, without what nobody may see; of a table, only what is not the default."""
    if isinstance(value, msgspec.Struct):
        return {change.field: change.after for change in _written(value, "")}
    return whole(value)


def whole(value: object) -> Any:
    """The same with all defaults."""
    return msgspec.to_builtins(value, enc_hook=encoded)
