"""From what the TOML reader gives to typed tables, with every mistake found instead of the first.

msgspec converts, and stops at the first mistake. Only then the tables are walked here, so that one wrong port does not hide
one wrong name.
"""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeGuard, TypeVar

import msgspec

from postil.config import secrets
from postil.config.locate import Path
from postil.config.problems import Finding

_Table = TypeVar("_Table", bound=msgspec.Struct)

_WORDS = {
    "str": "text", "int": "a number", "bool": "true or false", "array": "a list", "object": "a table", "null": "nothing",
    "float": "a number with a point", "datetime": "a date with time and zone", "date": "a date",
}  # fmt: skip


@functools.cache
def hints(table: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Field to type, with the descriptions taken off."""
    return typing.get_type_hints(table)


def is_table(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    """Is this type a table of the file?"""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def optional(kind: Any) -> Any:
    """`X` of `X | None`; any other type as it is."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        rest = [one for one in typing.get_args(kind) if one is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind


def row_of(kind: Any) -> type[msgspec.Struct] | None:
    """The table that an array of tables consists of."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and arguments and is_table(arguments[0]):
        return arguments[0]
    return None


def decode(kind: type[_Table], value: object, found: list[Finding]) -> _Table | None:
    """The table, or None and everything that is wrong with it added to `found`."""
    try:
        return msgspec.convert(value, kind, dec_hook=secrets.decoded)
    except msgspec.ValidationError as error:
        before = len(found)
        _walk(kind, value, (), found)
        if len(found) == before:  # something that only msgspec minds
            found.append(Finding((), str(error)))
        return None


def _walk(kind: type[msgspec.Struct], value: object, path: Path, found: list[Finding]) -> None:
    if not isinstance(value, Mapping):
        found.append(Finding(path, f"expected a table, got {_named(value)}"))
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in fields:
            found.append(Finding((*path, name), f"unknown field{guess(name, fields)}"))
    for name, field in fields.items():
        if name in value:
            _value(hints(kind)[field.name], value[name], (*path, name), found)
        elif field.required:
            found.append(Finding(path, f"missing required field `{name}`"))


def guess(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, where one of the known names is near."""
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _value(kind: Any, value: object, path: Path, found: list[Finding]) -> None:
    kind = optional(kind)
    if is_table(kind):
        _walk(kind, value, path, found)
    elif (row := row_of(kind)) is not None:
        if not isinstance(value, list):
            found.append(Finding(path, f"expected an array of tables, got {_named(value)}"))
            return
        for at, one in enumerate(value):
            _walk(row, one, (*path, at), found)
    elif typing.get_origin(kind) is tuple and isinstance(value, list):
        for at, one in enumerate(value):
            _value(typing.get_args(kind)[0], one, (*path, at), found)
    elif typing.get_origin(kind) is dict and isinstance(value, Mapping):
        for name, one in value.items():
            _value(typing.get_args(kind)[1], one, (*path, name), found)
    elif typing.get_origin(kind) is Literal and isinstance(value, str):
        choices = typing.get_args(kind)
        if value not in choices:
            what = f"{value!r} is none of {', '.join(choices)}{guess(value, choices)}"
            found.append(Finding(path, what))
    else:
        try:
            msgspec.convert(value, kind, dec_hook=secrets.decoded)
        except msgspec.ValidationError as error:
            found.append(Finding(path, _in_words(str(error))))


def _in_words(what: str) -> str:
    """msgspec's `Expected `int`, got `str`` as people say it."""
    if not what.startswith("Expected `"):
        return what
    wanted, _, got = what.removeprefix("Expected ").partition(", got ")
    said = [" or ".join(_WORDS.get(one, one) for one in word.strip("`").split(" | ")) for word in (wanted, got)]  # fmt: skip
    return f"expected {said[0]}" + (f", got {said[1]}" if got else "")


def _named(value: object) -> str:
    if isinstance(value, bool):
        return _WORDS["bool"]
    if isinstance(value, list | Mapping):
        return _WORDS["array" if isinstance(value, list) else "object"]
    return _WORDS.get(type(value).__name__, type(value).__name__)
