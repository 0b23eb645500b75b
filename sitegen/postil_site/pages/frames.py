"""The frame around every page: title, menu, and the templates in which it is written (jinja2, every value escaped)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

MENU = (
    ("index.html", "RFCs"),
    ("tree.html", "Code"),
    ("matrix.html", "Requirements"),
    ("todo.html", "To do"),
)
_HERE = Path(__file__).parent


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def render(template: str, site: str, *, depth: int = 0, here: str = "", **values: Any) -> str:
    """A page from its template; `depth` is the number of folders it lies in."""
    defaults = {"kind": template.removesuffix(".html"), "state": "", "title": site}
    up = "../" * depth
    return (
        _environment()
        .get_template(template)
        .render({**defaults, "site": site, "up": up, "menu": MENU, "here": here, **values})
    )


def assets() -> dict[str, bytes]:
    """The files every page needs, by name."""
    return {
        file.name: file.read_bytes()
        for file in sorted((_HERE / "assets").iterdir())
        if file.is_file()
    }
