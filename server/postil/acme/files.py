"""What is kept on disk: an account per provider, and for each certificate its keys, its chain and what happened to it.

    data/acme/PROVIDER/account.json        the account's key and URL
    data/acme/PROVIDER/lock                held by the one process that is ordering
    data/acme/PROVIDER/NAME/state.json     which files are the certificate, when it is due, what went wrong
    data/acme/PROVIDER/NAME/key-….pem      a private key; the name is the beginning of its TLSA digest
    data/acme/PROVIDER/NAME/chain-….pem    the certificate and its chain; the name is its serial number
    data/acme/PROVIDER/NAME/ask.json       what a command asks the server to do

Rules. A file is written whole, synced, then renamed; `state.json` comes last and alone decides, so that key and chain always belong
together. A key is on disk before it is used. Files that cannot be read are put aside under another name and reported; nothing
is overwritten unread, and no key is deleted that `state.json` does not know.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from postil.acme.problem import AcmeError
from postil.base.durable import write_private

_T = TypeVar("_T")
_ASIDE: Final = ".broken"


class Busy(AcmeError):
    """Another process is ordering from this provider."""


class Corrupt(AcmeError):
    """A file of ours cannot be read; `path` is where it is now."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be used: {why}")
        self.path = path


class KeptAccount(msgspec.Struct, frozen=True, kw_only=True):
    """account.json."""

    directory: str  # the authority that it is an account of
    key: str  # PEM
    url: str = ""  # "": the authority has not said so yet
    contact: list[str] = []
    caa: list[str] = []  # the authority's names in CAA records, as its directory says
    next_key: str = ""  # PEM: the authority was asked to change to it, and has not answered yet


class KeptWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What the authority said about renewal, and what we made of it. Seconds since the epoch."""

    start: float = 0.0
    end: float = 0.0  # 0: never said
    explanation: str = ""
    chosen: float | None = None
    look: float = 0.0  # when to ask again
    tries: int = 0  # in a row that failed for a while


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the last order ended."""

    at: float
    ok: bool
    what: str = ""
    problem: dict[str, Any] | None = None
    ask: str = ""  # the id of the command that it was for


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """state.json. Times are seconds since the epoch; names of files are relative to the folder."""

    names: list[str]
    key: str  # of the chain, or of the first order
    next_key: str  # made ahead: its TLSA record can be published
    previous_key: str = ""
    spent: bool = False  # `key` must not be used for another order
    chain: str = ""  # "": there is none yet
    issued: float | None = None
    not_before: float = 0.0
    not_after: float = 0.0
    issuer: str = ""
    identifier: str = ""  # RFC 9773 §4.1
    turn: float = 0.0  # when to renew without ARI
    revoked: bool = False
    failed: int = 0
    again: float = 0.0
    last: Outcome | None = None
    window: KeptWindow = KeptWindow()


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """ask.json."""

    id: str
    new_key: bool = False


def _encoded(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def put_aside(path: Path) -> Path:
    """Rename a file that cannot be used, so that nothing overwrites it."""
    for number in range(1, 10_000):
        aside = path.with_name(f"{path.name}{_ASIDE}-{number}")
        if not aside.exists():
            path.rename(aside)
            return aside
    raise Corrupt(path, "there are ten thousand like it beside it")


def _read(path: Path, kind: type[_T]) -> _T | None:
    """None when there is no such file."""
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AcmeError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return msgspec.json.decode(octets, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Corrupt(path, str(error)) from error


def _folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


class ProviderFolder:
    """data/acme/PROVIDER."""

    def __init__(self, root: Path, provider: str) -> None:
        self.path = root / provider
        self._account = self.path / "account.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else orders from this provider meanwhile; Busy when somebody does."""
        _folder(self.path)
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise Busy(
                    f"process {owner} is at work with {self.path.name}: try again when it is done"
                ) from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, b"%d\n" % os.getpid(), 0)
            yield
        finally:
            os.close(handle)

    def account(self) -> KeptAccount | None:
        """The account; None when there is none, Corrupt when there was one."""
        return _read(self._account, KeptAccount)

    def keep_account(self, account: KeptAccount) -> None:
        """On disk when this returns."""
        _folder(self.path)
        write_private(self._account, _encoded(account))

    def exists(self) -> bool:
        """Is there a file of an account, whatever is in it?"""
        return self._account.exists()

    def put_account_aside(self) -> Path:
        """The next order makes another account."""
        return put_aside(self._account)

    def certificate(self, label: str) -> CertificateFolder:
        """The folder of one certificate; `label` is checked by the configuration."""
        return CertificateFolder(self.path / label)


def account_keys(root: Path) -> Iterator[str]:
    """The keys of all accounts, PEM; files that cannot be read are somebody else's worry."""
    for path in sorted(root.glob("*/account.json")):
        with contextlib.suppress(AcmeError):
            kept = _read(path, KeptAccount)
            if kept is not None:
                yield from filter(None, (kept.key, kept.next_key))


class CertificateFolder:
    """data/acme/PROVIDER/NAME."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path / "state.json"
        self._ask = path / "ask.json"

    def state(self) -> Kept | None:
        """What is known; None when nothing is, Corrupt when something was."""
        kept = _read(self._state, Kept)
        if kept is not None:
            for name in (kept.key, kept.next_key, kept.previous_key, kept.chain):
                if "/" in name or name.startswith("."):
                    raise Corrupt(self._state, f"{name!r} is no name of a file beside it")
        return kept

    def put_state_aside(self) -> Path:
        """What is known is not to be read; the next order begins anew."""
        return put_aside(self._state)

    def stamp(self) -> tuple[int, int]:
        """Changes when another process has written the state."""
        try:
            found = self._state.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_ino)

    def octets(self, name: str) -> bytes | None:
        """A file that the state names; None when it is gone."""
        if not name:
            return None
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AcmeError(f"{self.path / name} cannot be read: {error.strerror}") from error

    def keep(self, kept: Kept, files: Mapping[str, bytes] = {}, before: Kept | None = None) -> None:
        """Files first, then the state that names them; then files go that only the state `before` named."""
        _folder(self.path)
        for name, octets in files.items():
            write_private(self.path / name, octets)
        write_private(self._state, _encoded(kept))
        if before is not None:
            now = {kept.key, kept.next_key, kept.previous_key, kept.chain, ""}
            for name in {before.key, before.next_key, before.previous_key, before.chain} - now:
                with contextlib.suppress(FileNotFoundError):
                    (self.path / name).unlink()

    def ask(self, ask: Ask) -> None:
        """Leave a wish for the server that runs."""
        _folder(self.path)
        write_private(self._ask, _encoded(ask))

    def asked(self) -> Ask | None:
        """The wish somebody left, taken away with this."""
        if not self._ask.exists():
            return None
        try:
            return _read(self._ask, Ask)
        finally:
            with contextlib.suppress(FileNotFoundError):
                self._ask.unlink()
