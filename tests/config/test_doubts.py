"""Who else can read and change the files of certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from postil.config import read
from postil.config.doubts import doubts

WORDS = "of this machine"


def said(folder: Path) -> dict[str, str]:
    """Field to words, of what others may do to files."""
    (folder / "postil.toml").write_text(
        'hostname = "mail.example.org"\ndata = "data"\n[tls]\ncertificate = "a.pem"\nkey = "a-key.pem"\n'
        '[[tls.chain]]\ncertificate = "b.pem"\nkey = "b-key.pem"\n[[domain]]\nname = "example.org"\n'
    )
    return {
        one.field: one.what
        for one in doubts(read(folder / "postil.toml"), {})
        if one.field.startswith("tls") and WORDS in one.what
    }


@pytest.mark.parametrize(
    ("name", "field"), [("a-key.pem", "tls.key"), ("b-key.pem", "tls.chain[0].key")]
)
@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o600, ""), (0o660, ""), (0o604, "read"), (0o602, "changed"), (0o606, "read"), (0o644, "read")],
)  # fmt: skip
def test_keys(tmp_path: Path, name: str, field: str, mode: int, words: str) -> None:
    """A key that every user can read or change is named with its field, for the first pair and for further ones."""
    for file in ("a.pem", "a-key.pem", "b.pem", "b-key.pem"):
        (tmp_path / file).touch(0o600)
    (tmp_path / name).chmod(mode)
    found = said(tmp_path)
    assert set(found) == ({field} if words else set())
    assert not words or f"{name} can be {words} by every user" in found[field]


def test_certificates(tmp_path: Path) -> None:
    """Everybody may read a certificate, nobody change it; behind a link the file counts."""
    for file in ("a.pem", "a-key.pem", "b.pem", "real.pem"):
        (tmp_path / file).touch(0o600)
    (tmp_path / "a.pem").chmod(0o644)
    (tmp_path / "b.pem").chmod(0o646)
    (tmp_path / "real.pem").chmod(0o644)
    (tmp_path / "b-key.pem").symlink_to("real.pem")
    found = said(tmp_path)
    assert set(found) == {"tls.chain[0].certificate", "tls.chain[0].key"}
    assert "b.pem can be changed by" in found["tls.chain[0].certificate"]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """What is not there has its own words."""
    said(tmp_path)
    found = [one for one in doubts(read(tmp_path / "postil.toml"), {}) if "tls" in one.field]
    assert [one.field for one in found] == [
        "tls.certificate", "tls.key", "tls.chain[0].certificate", "tls.chain[0].key",
    ]  # fmt: skip
    assert all("cannot be read: No such file" in one.what for one in found)
