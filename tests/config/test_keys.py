"""DKIM keys: made as others expect them, kept where only the server's user reads, and refused when they are something else."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from postil.config import keys
from postil.config.domain import Algorithm
from postil.config.keys import BadKey


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_openssl_agrees(
    tmp_path: Path, algorithm: Algorithm, require_tool: Callable[[str, str], str]
) -> None:
    """The public half is what the command of RFC 6376 appendix C takes out of the private one."""
    file = tmp_path / "dkim" / "x.example" / "s.pem"
    keys.write(file, keys.generate(algorithm), tmp_path)
    openssl = require_tool("openssl", "openssl")
    command = [openssl, "pkey", "-in", str(file), "-pubout", "-outform", "DER"]
    der = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    octets = keys.read_public(file, algorithm)
    assert octets == (der if algorithm == "rsa" else der[-32:])
    assert len(octets) == 32 if algorithm == "ed25519" else len(octets) > 256
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == file.parent.parent.stat().st_mode & 0o777 == 0o700
    assert keys.doubt(file, algorithm) is None
    with pytest.raises(FileExistsError):
        keys.write(file, b"another", tmp_path)
    file.chmod(0o644)
    assert "chmod 600" in (keys.doubt(file, algorithm) or "")
    keys.remove(file)
    keys.remove(file)
    assert "cannot be read: No such file" in (keys.doubt(file, algorithm) or "")


def test_the_key_of_rfc_8463() -> None:
    """Appendix A.2: the private key's public half is the one in the record."""
    private = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    pem = _pem(ed25519.Ed25519PrivateKey.from_private_bytes(private))
    octets = keys.public(pem, "ed25519", "x")
    assert base64.b64encode(octets) == b"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.mark.rfc("8301", "3.2", "Signers MUST use RSA keys of at least 1024 bits for all keys.")
def test_what_is_no_key(tmp_path: Path) -> None:
    """Too short, another kind, with a password, no key at all: the file is named."""
    edwards, curve = ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())
    short = rsa.generate_private_key(65537, 1024)
    assert keys.public(_pem(short), "rsa", "x")
    locked = edwards.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    # cryptography makes no shorter ones any more, and this is what they look like.
    tiny = subprocess.run(
        ["openssl", "genrsa", "512"], capture_output=True, check=True, timeout=60
    ).stdout
    cases: list[tuple[bytes, Algorithm]] = [
        (_pem(edwards), "rsa"), (_pem(short), "ed25519"), (_pem(curve), "rsa"), (_pem(curve), "ed25519"), (locked, "ed25519"),
        (b"", "rsa"), (b"\xff" * 9, "rsa"), (tiny, "rsa"),
    ]  # fmt: skip
    for pem, algorithm in cases:
        file = tmp_path / "key.pem"
        file.write_bytes(pem)
        with pytest.raises(BadKey, match=r"key\.pem"):
            keys.read_public(file, algorithm)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_belongs_to_the_owner_of_the_data(tmp_path: Path) -> None:
    """Root makes a key, and the server's user can read it."""
    os.chown(tmp_path, 12345, 12346)
    file = tmp_path / "dkim" / "x.example" / "s.pem"
    keys.write(file, keys.generate("ed25519"), tmp_path)
    for path in (file, file.parent, file.parent.parent):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)


def _pem(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
