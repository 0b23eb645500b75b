"""The frame around a page of the website: menu, contents, neighbours, and what search engines and previews read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import jinja2

from postil_site.website.content import Page
from postil_site.website.markdown import Rendered

_HERE = Path(__file__).parent
SHARED = Path(__file__).parents[1] / "pages" / "assets"
_FROM_PAGES = ("site.css", "theme.js", "icon.svg", "search.js")


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages of a website share."""

    title: str
    description: str
    address: str
    menu: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # section, (page, title)
    pages: str  # the folder of code and RFCs, "" when it is not there
    feed: bool


@dataclass(frozen=True, slots=True)
class Place:
    """What one page has around it."""

    edit: str = ""
    updated: str = ""
    before: tuple[str, str] | None = None  # (page, title)
    after: tuple[str, str] | None = None


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


def page(frame: Frame, one: Page, rendered: Rendered, place: Place) -> str:
    """The whole page."""
    toc = [heading for heading in rendered.headings if heading.level in (2, 3)]
    return (
        _environment()
        .get_template("page.html")
        .render(
            frame=frame,
            page=one,
            up="../" * one.depth,
            body=rendered.html,
            toc=toc if one.toc and len(toc) > 1 else [],
            place=place,
            canonical=canonical(frame, one.name),
            search=_bases(frame, one.depth),
        )
    )


def lacking(frame: Frame) -> str:
    """`404.html`: the server shows it at any depth, so its links begin at the top where the address is known."""
    base = urlsplit(frame.address).path
    return _environment().get_template("404.html").render(frame=frame, base=base)


def canonical(frame: Frame, name: str) -> str:
    """The one address of a page."""
    if not frame.address:
        return ""
    return frame.address + ("" if name == "index.html" else name)


def _bases(frame: Frame, depth: int) -> str:
    """Where the shards of the search are, and what their addresses begin with: the website's own, then those of code and RFCs."""
    up = "../" * depth
    bases = [f"{up}search/|{up}"]
    if frame.pages:
        base = f"{up}{frame.pages}/"
        bases = [f"{base}data/search/{part}/|{base}" for part in ("code", "rfc")] + bases
    return " ".join(bases)


def assets() -> dict[str, bytes]:
    """Files that all pages share."""
    shared = [SHARED / name for name in _FROM_PAGES if (SHARED / name).is_file()]
    own = sorted((_HERE / "assets").iterdir())
    return {file.name: file.read_bytes() for file in [*shared, *own] if file.is_file()}


def neighbours(order: Sequence[Page], n: int) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:  # fmt: skip
    """The pages before and behind one, in the order of the menu."""
    before = order[n - 1] if n > 0 else None
    after = order[n + 1] if n + 1 < len(order) else None
    return (
        (before.name, before.title) if before else None,
        (after.name, after.title) if after else None,
    )
