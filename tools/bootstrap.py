"""Makes the environment in `.venv/`: what `make setup`, `make run` and `make test` do first.

    python3 tools/bootstrap.py run     what the server needs
    python3 tools/bootstrap.py dev     that, and the tools of the developers

It runs on a bare Python 3.11 or newer, so it imports the standard library only, and few modules of it:
each `make run` passes through here.

How it works. `.venv/.stamp` holds a hash for each of the two levels, over the lock files, the parts of
pyproject.toml that an installation depends on, and the place of the folder. Where it agrees nothing is
done (some 50 ms). Where the stamp is missing the environment is a half-made one, or was made by
something else for something else, and it is removed. Where the stamp is of another lock the packages are brought
up to date in place. The stamp is taken away before anything changes and written when all of it succeeded, so
that an interrupted installation is never taken for a good one.

The ways of making it, each tried whole before the next: uv; `-m venv`, which brings pip; `-m venv --without-pip`
with some other pip that can install into it. Debian's Python lacks ensurepip until python3-venv is installed,
hence the third; uv may lack the registry that pip was configured with, hence the second after a failed first.

Everything is installed with hashes from `requirements/`, the build backend too; the project itself then needs
neither download nor dependencies (`--no-deps --no-build-isolation -e .`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".stamp"
PYTHON = VENV / "bin" / "python"
LOCKS = {
    "run": ("requirements/runtime.txt", "requirements/build.txt"),
    "dev": ("requirements/runtime.txt", "requirements/build.txt", "requirements/dev.txt"),
}
TOO_LITTLE = (
    "needs a Python with venv and pip, or uv: install them (on Debian and Ubuntu: "
    "apt-get install python3-venv) and run make again."
)
NOT_INSTALLED = (
    "the packages in requirements/ could not be installed: the reason stands above "
    "(most often the network); run make again once it is gone."
)


def main(arguments: list[str]) -> int:
    """Brings `.venv` to the level asked for."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print("usage: bootstrap.py run|dev", file=sys.stderr)
        return 2
    level = arguments[0]
    if _stamped().get(level) == wanted(level):
        return 0
    with _lock():
        stamped = _stamped()  # another make may have done it while we waited
        if stamped.get(level) == wanted(level):
            return 0
        if "dev" in stamped:
            level = "dev"  # never leave the tools behind the server's packages
        try:
            _make(level)
        except Failure as failure:
            print(f"postil: {failure}", file=sys.stderr)
            return 1
        _stamp(level)
    return 0


class Failure(Exception):
    """What went wrong, in one sentence for the person at the terminal."""


def wanted(level: str) -> str:
    """The hash that a finished environment of this level carries."""
    digest = hashlib.sha256(os.fsencode(ROOT))  # a venv cannot be moved: scripts hold its path
    for name in LOCKS[level]:
        digest.update((ROOT / name).read_bytes())
    with (ROOT / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    for table in (settings["project"], settings["build-system"], settings["tool"]["hatch"]):
        digest.update(repr(table).encode())
    return digest.hexdigest()


def _stamped() -> dict[str, str]:
    """Level -> hash, empty where there is no usable environment."""
    try:
        words = STAMP.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return {}
    # A dangling link where Python should be: the Python it was made from is gone.
    return dict(zip(words[::2], words[1::2], strict=False)) if PYTHON.exists() else {}


def _stamp(level: str) -> None:
    """Marks success: of the developers' level both, since it holds the other."""
    levels = ("run", "dev") if level == "dev" else ("run",)
    new = STAMP.with_name(".stamp.new")
    new.write_text("".join(f"{name} {wanted(name)}\n" for name in levels), encoding="ascii")
    new.replace(STAMP)


def _make(level: str) -> None:
    """Creates or updates the environment."""
    if _stamped():
        _say("the locked versions have changed: updating .venv")
        STAMP.unlink()
        for installer in _installers_of_existing():
            if _install(installer, level):
                return
        raise Failure(NOT_INSTALLED)
    made = False
    for name, create, installer in _ways():
        shutil.rmtree(VENV, ignore_errors=True)
        _say(f"making .venv with {name} (Python {sys.version.split()[0]}); this takes a minute")
        if not _runs(create, quiet=True):
            continue
        made = True
        if _install(installer, level):
            return
    shutil.rmtree(VENV, ignore_errors=True)
    raise Failure(NOT_INSTALLED if made else TOO_LITTLE)


def _ways() -> Iterator[tuple[str, list[str], list[str]]]:
    """Each way as (name, command that creates, start of the command that installs)."""
    plain = [sys.executable, "-m", "venv", str(VENV)]
    uv = _uv_program()
    if uv:
        create = [uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(VENV)]
        yield "uv", create, _uv(uv)
    yield "venv", plain, _own_pip()
    for pip in _other_pips():
        yield "venv and another pip", [*plain, "--without-pip"], pip


def _installers_of_existing() -> Iterator[list[str]]:
    """What can install into the environment that is there."""
    uv = _uv_program()
    if uv:
        yield _uv(uv)
    if _runs([str(PYTHON), "-m", "pip", "--version"], quiet=True):
        yield _own_pip()
    yield from _other_pips()


def _uv_program() -> str | None:
    return shutil.which("uv")


def _uv(uv: str) -> list[str]:
    return [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]


def _own_pip() -> list[str]:
    return [str(PYTHON), "-m", "pip", *_PIP]


_PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location")


def _other_pips() -> Iterator[list[str]]:
    """Each pip outside the environment that knows `--python` (22.3 and newer)."""
    for pip in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        if shutil.which(pip[0]) and _runs([*pip, "--python", sys.executable, "list"], quiet=True):
            yield [*pip, "--python", str(PYTHON), *_PIP]


def _install(installer: list[str], level: str) -> bool:
    """The locked packages, then the project."""
    for lock in LOCKS[level]:
        if not _runs([*installer, "--require-hashes", "-r", lock]):
            return False
    return _runs([*installer, "--no-deps", "--no-build-isolation", "-e", "."])


def _runs(command: list[str], *, quiet: bool = False) -> bool:
    """Runs a command in the repository; its errors are shown unless the next way may do better."""
    # Whoever has a virtual environment active must not get our packages into that one.
    surroundings = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONHOME")}
    output = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


class _lock:
    """One installation at a time: `make run` and `make test` in two terminals are common."""

    def __enter__(self) -> None:
        folder = ROOT / "build"
        folder.mkdir(exist_ok=True)
        self.file = (folder / "setup.lock").open("w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _say(words: str) -> None:
    print(f"postil: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
