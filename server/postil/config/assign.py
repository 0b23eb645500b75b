"""`dmarc.p=reject`: fields of a table and their values, as a person types them.

A secret is never typed, since others see command lines: `password.file=NAME` and `password.env=NAME` say where it is kept.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from postil.config.decode import guess, hints, is_table, optional, row_of
from postil.config.domain import Domain
from postil.config.secrets import Secret


class BadSetting(ValueError):
    """Not a setting; the text says how to write one."""


def fields(
    table: type[msgspec.Struct] = Domain, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What can be set of a table, such as a domain: path and type. Its name and its keys cannot."""
    for name, kind in hints(table).items():
        bare = optional(kind)
        if bare is Secret:
            yield from (((*path, name, kept), Secret) for kept in ("file", "env"))
        elif is_table(bare):
            yield from fields(bare, (*path, name))
        elif row_of(bare) is None and (path or name != "name"):
            yield (*path, name), kind


def known(
    table: type[msgspec.Struct] = Domain, table_too: bool = False
) -> dict[str, tuple[tuple[str, ...], Any]]:
    """The same by name; with the tables themselves, for what can be taken away."""
    out = {".".join(path): (path, kind) for path, kind in fields(table)}
    if table_too:
        tables = {path[:-1] for path, _ in fields(table) if len(path) > 1}
        out |= {".".join(path): (path, None) for path in tables if path != ("dkim",)}
    return out


def settings(
    texts: Sequence[str], table: type[msgspec.Struct] = Domain
) -> dict[tuple[str, ...], object]:
    """`FIELD=VALUE` each; BadSetting names the one that is none."""
    out: dict[tuple[str, ...], object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadSetting(f"{text!r} is no setting: write FIELD=VALUE")
        path, kind = _named(name.strip(), known(table), table)
        if kind is Secret:
            out[path[:-1]] = {path[-1]: value}
        else:
            out[path] = _value(name, optional(kind), value)
    return out


def names(texts: Sequence[str], table: type[msgspec.Struct] = Domain) -> list[tuple[str, ...]]:
    """Fields, or whole tables, by name."""
    return [_named(text, known(table, table_too=True), table)[0] for text in texts]


def _named(
    name: str, there: dict[str, tuple[tuple[str, ...], Any]], table: type[msgspec.Struct]
) -> tuple[tuple[str, ...], Any]:
    if f"{name}.file" in there and name not in there:
        raise BadSetting(
            f"others can see what is typed here: write {name}.file=NAME or {name}.env=NAME"
        )
    if name not in there:
        what = table.__name__.lower()
        raise BadSetting(
            f"a {what} has no field {name!r}{guess(name, there)}: postil config describe {what}"
        )
    return there[name]


def _value(name: str, kind: Any, text: str) -> object:
    if kind is bool:
        if text not in ("true", "false"):
            raise BadSetting(f"{name} is true or false, not {text!r}")
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise BadSetting(f"{name} is a number, not {text!r}") from None
    if typing.get_origin(kind) is tuple:
        return tuple(one.strip() for one in text.split(",") if one.strip())
    if typing.get_origin(kind) is Literal and text not in typing.get_args(kind):
        choices = typing.get_args(kind)
        raise BadSetting(
            f"{name} is one of {', '.join(choices)}, not {text!r}{guess(text, choices)}"
        )
    return text
