"""`postil version`: what runs here; light, because it is the first thing a bug report asks for."""

from __future__ import annotations

import json
import os
import platform
import re
import sys

import click

# Those whose version changes how the server behaves.
PARTS = ("apsw", "cryptography", "uvloop", "uvicorn", "starlette")

_INSTALLED = re.compile(r"(.+?)-([^-]+)\.dist-info")


def installed() -> dict[str, str]:
    """Package to version, from the names of the folders pip makes.

    `importlib.metadata` parses whole files with the email package: 40 ms of the 150 that this command may take.
    """
    found: dict[str, str] = {}
    for folder in reversed(sys.path):
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue  # zip archives and what no longer exists
        for match in filter(None, map(_INSTALLED.fullmatch, names)):
            found[match[1].lower()] = match[2]
    return found


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(as_json: bool) -> None:
    """The version of Postil and of what it stands on."""
    packages = installed()
    postil = packages.get("postil", "unknown")
    parts = {
        "python": platform.python_version(),
        **{part: packages.get(part) for part in PARTS},
    }
    if as_json:
        click.echo(json.dumps({"postil": postil, "parts": parts}))
        return
    shown = ", ".join(f"{name} {number or 'missing'}" for name, number in parts.items())
    click.echo(f"postil {postil} ({shown})")
