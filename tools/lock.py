"""Writes the lock files in `requirements/`: exact versions with the hashes of every file.

One resolution for every platform and Python from 3.11 on (`--universal`), without download
addresses and without paths of this machine. The files are installed one after the other, so each later one
is held to the versions of those before it. Versions already locked stay unless `--upgrade` is given or
pyproject.toml no longer allows them.

Needs uv, as `uv` on PATH or in `.venv`; nothing else here does.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "runtime.txt": ["pyproject.toml", "--extra", "server"],
    "build.txt": ["--group", "build"],
    "dev.txt": ["--group", "dev"],
    "fuzz.txt": [
        "--group",
        "fuzz",
    ],  # only for `make fuzz`: there are no files of it for every system
}
OPTIONS = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make lock",
    "--quiet",
]


def main(arguments: list[str]) -> int:
    """Resolves each file; `--upgrade` is passed on to uv."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".venv" / "bin"))
    if uv is None:
        print("postil: make lock needs uv: .venv/bin/python -m pip install uv", file=sys.stderr)
        return 1
    done: list[str] = []
    for name, inputs in FILES.items():
        target = f"requirements/{name}"
        held = [word for earlier in done for word in ("--constraints", earlier)]
        command = [uv, "pip", "compile", *inputs, *OPTIONS, *held, *arguments, "-o", target]
        if subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode:
            return 1
        done.append(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
