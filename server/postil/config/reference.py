"""What the tables and fields are, asked of the types themselves: for `postil config describe` and the pages of the reference."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from postil.config.decode import is_table, optional, row_of
from postil.config.model import DOMAINS_FILE, LIVE, SECOND, Config
from postil.config.secrets import Secret, encoded

_WORDS = {str: "text", int: "number", bool: "true or false", Secret: "secret"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table."""

    path: str  # `domain[].dmarc.p`
    name: str
    type: str
    choices: tuple[str, ...]
    default: object  # as JSON writes it; None: there is none, or nothing
    required: bool
    live: bool  # a running server takes a change over
    help: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its plain fields; tables within it are rows of their own."""

    path: str  # `domain[].dmarc`; "": the top of the file
    header: str  # `[domain.dmarc]` or `[[listener]]`
    file: str  # where it usually stands
    live: bool
    help: str
    fields: tuple[Field, ...]


def tables() -> Iterator[Table]:
    """Every table, the top of `postil.toml` first."""
    yield from _table(Config, (), "", live=False)


def _table(
    kind: type[msgspec.Struct], at: tuple[str, ...], header: str, live: bool
) -> Iterator[Table]:
    """`at`: names of the tables around, `[]` behind those that are arrays."""
    fields: list[Field] = []
    below: list[tuple[type[msgspec.Struct], str, bool]] = []
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        annotated = hints[field.name]
        bare = optional(_bare(annotated))
        counts = live or (not at and field.name in LIVE)
        row = row_of(bare)
        if row is not None or is_table(bare):
            below.append((row or bare, field.encode_name + ("[]" if row else ""), counts))
        else:
            fields.append(_field(field, bare, _description(annotated), at, counts))
    top = at[0] if at else ""
    file = DOMAINS_FILE if top in ("domain[]", *(f"{one}[]" for one in SECOND)) else "postil.toml"
    yield Table(
        ".".join(at), header, file, live, inspect.cleandoc(kind.__doc__ or ""), tuple(fields)
    )
    for inner, name, counts in below:
        path = (*at, name)
        plain = ".".join(path).replace("[]", "")
        yield from _table(
            inner, path, f"[[{plain}]]" if name.endswith("[]") else f"[{plain}]", counts
        )


def _field(
    field: msgspec.structs.FieldInfo, kind: Any, words: str, at: tuple[str, ...], live: bool
) -> Field:
    default = field.default
    if default is msgspec.NODEFAULT:
        made = field.default_factory
        default = None if made is msgspec.NODEFAULT else made()
    return Field(
        path=".".join((*at, field.encode_name)),
        name=field.encode_name,
        type=_type(kind),
        choices=_choices(kind),
        default=msgspec.to_builtins(default, enc_hook=encoded),
        required=field.required,
        live=live,
        help=words,
    )


def _choices(kind: Any) -> tuple[str, ...]:
    if typing.get_origin(kind) is tuple:
        return _choices(_bare(typing.get_args(kind)[0]))
    return tuple(map(str, typing.get_args(kind))) if typing.get_origin(kind) is Literal else ()


def _type(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "text"
    if typing.get_origin(kind) is tuple:
        return f"list of {_type(_bare(typing.get_args(kind)[0]))}s"
    if typing.get_origin(kind) is dict:
        return "table"
    return _WORDS.get(kind, "date and time")


def _bare(kind: Any) -> Any:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind


def _description(kind: Any) -> str:
    if typing.get_origin(kind) is not typing.Annotated:
        return ""
    metas = [one for one in typing.get_args(kind)[1:] if isinstance(one, msgspec.Meta)]
    return next((one.description for one in metas if one.description), "")
