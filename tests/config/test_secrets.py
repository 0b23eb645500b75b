"""Secrets: three places they can be kept in, and no place where they can be seen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from postil.config import secrets
from postil.config.secrets import Secret, SecretError


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: Annotated[Secret | None, Meta(description="x")] = None
    more: tuple[Secret, ...] = ()


def read(value: object) -> Table:
    return msgspec.convert({"key": value}, Table, dec_hook=secrets.decoded)


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_three_places(tmp_path: Path) -> None:
    """In the configuration, in a file (its last line end is none of it), in a variable."""
    path = secret_file(tmp_path, b"from a file \n")
    assert read("written").key.read() == "written"  # type: ignore[union-attr]
    assert read({"file": str(path)}).key.read() == "from a file "  # type: ignore[union-attr]
    assert read({"env": "X"}).key.read({"X": "variable"}) == "variable"  # type: ignore[union-attr]
    secret_file(tmp_path, b"a\nb\r\n")
    assert Secret(file=str(path)).read() == "a\nb"
    assert read({"file": "secret"}).key.anchored(tmp_path) == Secret(file=str(path))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "value",
    ["", 1, True, [], ["x"], {}, {"file": ""}, {"env": ""}, {"file": 1}, {"file": "a", "env": "B"}, {"fil": "a"},
     {"env": "A B"}, {"env": "1A"}, {"file": "a\0b"}],
)  # fmt: skip
def test_nothing_else(value: object) -> None:
    """Every other value is an error with a path, and no value is in it."""
    with pytest.raises(msgspec.ValidationError, match=r"\$\.key"):
        read(value)


def test_unreadable(tmp_path: Path) -> None:
    """Missing, empty, huge, not text, no file at all, changeable by everybody: each is a sentence."""
    path = tmp_path / "secret"
    secret = Secret(file=str(path))

    def refused(words: str) -> None:
        with pytest.raises(SecretError, match=words) as caught:
            secret.read()
        assert str(path) in str(caught.value)

    refused("No such file")
    for content in (b"", b"\n", b" \r\n"):
        secret_file(tmp_path, content)
        refused("empty")
    secret_file(tmp_path, b"x" * (secrets.LARGEST + 1))
    refused("more than")
    secret_file(tmp_path, b"\xff")
    refused("not UTF-8")
    secret_file(tmp_path, b"x", 0o602)
    refused("chmod o-w")
    path.unlink()
    path.mkdir()
    refused("is no file")
    path.rmdir()
    os.mkfifo(path)
    refused("is no file")  # and does not wait for a writer
    with pytest.raises(SecretError, match="NOT_THERE is not set"):
        Secret(env="NOT_THERE").read({})
    with pytest.raises(SecretError, match="EMPTY is empty"):
        Secret(env="EMPTY").read({"EMPTY": ""})


def test_others_who_can_read(tmp_path: Path) -> None:
    """A file that every user can read is a warning, not an error."""
    path = secret_file(tmp_path, b"x", 0o604)
    assert "chmod o-r" in (Secret(file=str(path)).warning() or "")
    assert Secret(file=str(path)).read() == "x"
    path.chmod(0o640)
    assert Secret(file=str(path)).warning() is None
    assert Secret("x").warning() is None and Secret(env="X").warning() is None


@given(st.text())
def test_never_shown(rest: str) -> None:
    """Neither repr nor JSON nor a format holds the value, alone or inside a table."""
    table = Table(key=Secret(f"canary{rest}"), more=(Secret("canary"),))
    shown = msgspec.json.encode(table, enc_hook=secrets.encoded).decode()
    said = f"{table!r} {table.key} {table.key!r:>20} {shown}"
    assert "canary" not in said and secrets.HIDDEN in shown


def test_found_in_a_whole_configuration(tmp_path: Path) -> None:
    """Every secret is found with the path of its field; files become absolute, what has none stays the same object."""
    table = Table(key=Secret(file="a"), more=(Secret("x"), Secret(env="E")))
    assert [path for path, _ in secrets.every((table,))] == [(0, "key"), (0, "more", 0), (0, "more", 1)]  # fmt: skip
    anchored = secrets.anchored(table, tmp_path)
    assert anchored.key == Secret(file=str(tmp_path / "a")) and anchored.more is table.more
    plain = Table(more=(Secret("x"),))
    assert secrets.anchored(plain, tmp_path) is plain
