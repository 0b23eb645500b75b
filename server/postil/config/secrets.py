"""A value that nobody may see: written in the file, kept in a file of its own, or in an environment variable.

    eab_key = "in the file itself"
    eab_key = { file = "eab.key" }       # relative to the configuration file
    eab_key = { env = "POSTIL_EAB" }

A `Secret` knows where its value is kept. `read` fetches it at the moment of use, so a changed file counts from the next use on,
and a command that needs no secret runs where the variable is not set. The value is never part of `repr`, logs, JSON or
`postil config diff`: those show where it is kept.

A field of this type: `key: Annotated[Secret | None, Meta(description="…")] = None`. `decoded` and `encoded` are msgspec's hooks;
`every` finds the secrets of a whole configuration.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

LARGEST: Final = (
    64 * 1024
)  # octets; a key or a token is far smaller, a wrong path (a disk, a log) is not
HIDDEN: Final = "(hidden)"

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # POSIX 8.1, and the lower case that people use
Step = str | int


class SecretError(ValueError):
    """Why a secret cannot be had; the text never holds the value."""


class Secret:
    """Where a value is kept; exactly one of the three is given."""

    __slots__ = ("_text", "env", "file")

    def __init__(self, text: str = "", *, file: str = "", env: str = "") -> None:
        if sum(map(bool, (text, file, env))) != 1:
            raise SecretError("is empty")
        if env and not _ENV.fullmatch(env):
            raise SecretError(f"{env!r} is no name of an environment variable")
        if "\0" in file:
            raise SecretError("the name of the file holds a NUL")
        self._text = text
        self.file = file
        self.env = env

    @property
    def written_out(self) -> bool:
        """The value stands in the configuration itself."""
        return bool(self._text)

    def anchored(self, folder: Path) -> Secret:
        """The same with an absolute file name."""
        return Secret(file=str(folder / self.file)) if self.file else self

    def read(self, environment: Mapping[str, str] = os.environ) -> str:
        """The value; SecretError says which file or variable is wrong, and how."""
        if self.env:
            value = environment.get(self.env)
            if value is None:
                raise SecretError(f"the environment variable {self.env} is not set")
            if not value:
                raise SecretError(f"the environment variable {self.env} is empty")
            return value
        return _content(self.file) if self.file else self._text

    def warning(self) -> str | None:
        """What an operator should know of a secret that can be read."""
        if not self.file:
            return None
        try:
            mode = os.stat(self.file).st_mode
        except OSError:
            return None  # `read` says it
        # Not an error: container platforms mount secrets readable for all in a folder that nobody else reaches.
        if mode & stat.S_IROTH:
            return f"{self.file} can be read by every user of this machine: chmod o-r"
        return None

    def shown(self) -> str | dict[str, str]:
        """What may be shown of it."""
        if self.file:
            return {"file": self.file}
        return {"env": self.env} if self.env else HIDDEN

    def __repr__(self) -> str:
        kept = f"file={self.file!r}" if self.file else f"env={self.env!r}" if self.env else HIDDEN
        return f"Secret({kept})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return (self._text, self.file, self.env) == (other._text, other.file, other.env)

    def __hash__(self) -> int:
        return hash((self._text, self.file, self.env))


def _content(file: str) -> str:
    """A small UTF-8 file without its last line end."""
    try:
        # Non-blocking: a FIFO without a writer must not hold up the start.
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SecretError(f"{file} cannot be read: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise SecretError(f"{file} is no file")
        if found.st_mode & stat.S_IWOTH:
            raise SecretError(f"{file} can be changed by every user of this machine: chmod o-w")
        raw = os.read(fd, LARGEST + 1)
    except OSError as error:
        raise SecretError(f"{file} cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)
    if len(raw) > LARGEST:
        raise SecretError(f"{file} holds more than {LARGEST} octets")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"{file} is not UTF-8") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise SecretError(f"{file} is empty")
    return text


def decoded(kind: type, value: Any) -> Any:
    """`dec_hook` of msgspec: what TOML gives as a Secret."""
    if kind is not Secret:
        raise NotImplementedError(f"{kind} is no type of a field")
    if isinstance(value, str):
        return Secret(value)
    if (
        isinstance(value, dict)
        and len(value) == 1
        and {*value} <= {"file", "env"}
        and all(isinstance(one, str) for one in value.values())
    ):
        return Secret(**value)
    raise SecretError('is a text, { file = "NAME" } or { env = "NAME" }')


def encoded(value: Any) -> Any:
    """`enc_hook` of msgspec: what may be shown of a Secret."""
    if isinstance(value, Secret):
        return value.shown()
    raise NotImplementedError(f"{type(value)} is no type of a field")


def every(value: object, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Secret]]:
    """The secrets of a configuration with the path of their fields."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from every(getattr(value, name), (*path, name))
    elif isinstance(value, tuple | list):
        for index, one in enumerate(value):
            yield from every(one, (*path, index))
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from every(one, (*path, name))


def anchored(value: Any, folder: Path) -> Any:
    """The configuration with the files of all its secrets absolute."""
    if isinstance(value, Secret):
        return value.anchored(folder)
    if isinstance(value, msgspec.Struct):
        changed = {
            name: new
            for name in value.__struct_fields__
            if (new := anchored(old := getattr(value, name), folder)) is not old
        }
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, tuple):
        made = tuple(anchored(one, folder) for one in value)
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    return value
