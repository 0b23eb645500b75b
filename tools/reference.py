"""What the reference pages are made of: commands and settings of the three programs, asked of the programs, in build/reference/*.json.

python tools/reference.py
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from postil.cli import docs, main
from postil_site import config
from postil_site.commands.rfclinks import main as rfclinks
from postil_site.commands.sitegen import main as sitegen
from postil_site.website import settings

OUT = Path(__file__).resolve().parents[1] / "build" / "reference"
_NAMES = {"severities": "severity"}  # fields that are called otherwise in the file


def table(kind: Any, name: str) -> dict[str, Any]:
    """The fields of a dataclass of settings; those without an entry of their own are no settings."""
    rows = []
    for field in dataclasses.fields(kind):
        words = field.metadata.get("help")
        if words is None:
            continue
        default = None if field.default is dataclasses.MISSING else field.default
        shape = "list of texts" if isinstance(default, tuple) else "text"
        rows.append(
            {
                "name": _NAMES.get(field.name, field.name),
                "type": "table" if default is None else shape,
                "choices": [],
                "default": default,
                "required": False,
                "help": words,
            }
        )
    return {"table": name, "help": (kind.__doc__ or "").strip(), "fields": rows}


def everything() -> dict[str, dict[str, Any]]:
    """File name to content."""
    return {
        "postil": docs.exported(main, "postil", "postil.toml", docs.settings()),
        "rfclinks": docs.exported(
            rfclinks, "rfclinks", "rfclinks.toml", [table(config.Config, "")]
        ),
        "sitegen": docs.exported(
            sitegen, "sitegen", "website/site.toml", [table(settings.Settings, "")]
        ),
    }


def write() -> None:
    """Write the files."""
    OUT.mkdir(parents=True, exist_ok=True)
    for name, content in everything().items():
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (OUT / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    write()
