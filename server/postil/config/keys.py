"""Private keys for DKIM: made, kept in files that only the server's user can read, and their public halves."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from postil.base.durable import sync_folder
from postil.config.domain import Algorithm, Selector

# RFC 8301 §3.2: "Signers SHOULD use RSA keys of at least 2048 bits." Longer ones need more strings in the DNS and buy little.
RSA_BITS: Final = 2048
LARGEST: Final = 64 * 1024  # octets of a key's file


class BadKey(Exception):
    """A key that cannot be used; the text says which file and why."""


def file_of(selector: Selector, domain: str, data: Path, folder: Path) -> Path:
    """Where the private key is; `folder`: that of the file in which the selector stands."""
    return (
        folder / selector.key if selector.key else data / "dkim" / domain / f"{selector.name}.pem"
    )


def generate(algorithm: Algorithm) -> bytes:
    """A new private key, PEM of PKCS#8."""
    made: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if algorithm == "ed25519":
        made = ed25519.Ed25519PrivateKey.generate()
    else:
        made = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public(pem: bytes, algorithm: Algorithm, name: str) -> bytes:
    """The public half as the DNS record has it; `name` is for the sentence when it is no such key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a password
        raise BadKey(f"{name} is no private key in PEM without a password") from None
    if algorithm == "ed25519":
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise BadKey(f"{name} is no ed25519 key")
        return key.public_key().public_bytes_raw()
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadKey(f"{name} is no rsa key")
    # RFC 8301 §3.2: "Signers MUST use RSA keys of at least 1024 bits for all keys."
    if key.key_size < 1024:
        raise BadKey(f"{name} has {key.key_size} bits; at least 1024 are allowed, 2048 are usual")
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_public(file: Path, algorithm: Algorithm) -> bytes:
    """The public half of the key in a file."""
    try:
        with file.open("rb") as opened:
            return public(opened.read(LARGEST), algorithm, str(file))
    except OSError as error:
        raise BadKey(f"{file} cannot be read: {error.strerror}") from error


def doubt(file: Path, algorithm: Algorithm) -> str | None:
    """What an operator should know of a key's file; None when it is well."""
    try:
        mode = file.stat().st_mode
        read_public(file, algorithm)
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    except BadKey as error:
        return str(error)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        return f"{file} can be read or changed by others: chmod 600"
    return None


def write(file: Path, pem: bytes, data: Path) -> None:
    """A new file, on the disk when this returns; FileExistsError when there is one. It belongs to whoever owns `data`."""
    owner = data.stat()
    for folder in (file.parent.parent, file.parent):
        if not folder.is_dir():
            folder.mkdir(mode=0o700)
            _give(folder, owner)
            sync_folder(folder.parent)
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(pem)
        out.flush()
        os.fsync(fd)
    _give(file, owner)
    sync_folder(file.parent)


def remove(file: Path) -> None:
    """The private key is gone, also after a loss of power."""
    file.unlink(missing_ok=True)
    if file.parent.is_dir():
        sync_folder(file.parent)


def _give(path: Path, owner: os.stat_result) -> None:
    """What root makes, the server's user must be able to read."""
    if os.geteuid() != owner.st_uid:
        with contextlib.suppress(PermissionError):
            os.chown(path, owner.st_uid, owner.st_gid)
