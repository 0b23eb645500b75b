"""`postil version`: what runs here; light, because it is the first thing a bug report asks for."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import click

# Those whose version changes how the server behaves.
PARTS = ("apsw", "cryptography", "uvloop", "uvicorn", "starlette")


def versions() -> dict[str, str | None]:
    """Package to installed version; None where it is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for part in PARTS:
        try:
            found[part] = installed(part)
        except PackageNotFoundError:
            found[part] = None
    return found


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(as_json: bool) -> None:
    """The version of Postil and of what it stands on."""
    postil = installed("postil")
    if as_json:
        click.echo(json.dumps({"postil": postil, "parts": versions()}))
        return
    parts = ", ".join(f"{name} {number or 'missing'}" for name, number in versions().items())
    click.echo(f"postil {postil} ({parts})")
