"""The pages of a website: Markdown files, each with a TOML front matter between lines of `+++`."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FENCE = "+++"
_FIELDS = {
    "title": str,
    "description": str,
    "order": int,
    "section": str,
    "draft": bool,
    "redirects": list,
    "toc": bool,
    "readme": list,
}
_LINK = re.compile(r"\]\((?![a-z][a-z0-9+.-]*:|#|/)([^)\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `source` is its Markdown relative to the folder of content, `name` what it is written to."""

    source: str
    title: str
    text: str
    description: str = ""
    order: int = 1000
    section: str = ""
    draft: bool = False
    redirects: tuple[str, ...] = ()  # names it had: they lead here
    toc: bool = True
    readme: tuple[str, ...] = ()  # headings of README.md whose text stands before the page's own
    first_line: int = 1  # of the text, in the file
    path: str = ""  # of the source, relative to the repository; "": the page is generated

    @property
    def name(self) -> str:
        """The file it is written to."""
        return self.source.removesuffix(".md") + ".html"

    @property
    def depth(self) -> int:
        """Folders it lies in."""
        return self.source.count("/")


@dataclass(slots=True)
class Found:
    """Pages, and what is wrong with files: (path, reason)."""

    pages: list[Page] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def read(root: Path, content: str, drafts: bool = False) -> Found:
    """Every page below a folder, by name; a broken front matter is said, and the page is shown without it."""
    found = Found()
    folder = root / content
    for file in sorted(folder.rglob("*.md")):
        source = file.relative_to(folder).as_posix()
        path = f"{content}/{source}"
        try:
            text = file.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            found.problems.append((path, f"cannot be read: {error}"))
            continue
        page = parse(source, path, text, found.problems)
        if drafts or not page.draft:
            found.pages.append(page)
    return found


def parse(source: str, path: str, text: str, problems: list[tuple[str, str]]) -> Page:
    """One file."""
    text = text.replace("\r\n", "\n")
    head, body, first = "", text, 1
    if text.startswith(FENCE + "\n"):
        head, closed, rest = text[len(FENCE) + 1 :].partition(f"\n{FENCE}\n")
        if closed:
            body, first = rest, head.count("\n") + 4
        else:
            problems.append((f"{path}:1", f"the front matter has no second line of {FENCE}"))
            head = ""
    try:
        table = tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        problems.append((f"{path}:2", f"front matter: {error}"))
        table = {}
    values: dict[str, object] = {}
    for key, value in table.items():
        kind = _FIELDS.get(key)
        if kind is None:
            known = ", ".join(sorted(_FIELDS))
            problems.append((f"{path}:2", f"{key} is no field of a page; there are {known}"))
        elif not isinstance(value, kind):
            problems.append((f"{path}:2", f"{key} must be a {kind.__name__}"))
        else:
            values[key] = tuple(map(str, value)) if isinstance(value, list) else value
    if "title" not in values:
        values["title"], body, first = _own_title(source, body, first)
    return Page(source, text=body, first_line=first, path=path, **values)  # type: ignore[arg-type]


def with_readme(page: Page, readme: str, content: str, problems: list[tuple[str, str]]) -> Page:
    """A page with the parts of the README that it asks for; their links are made to hold where the page stands."""
    if not page.readme:
        return page
    folder = posixpath.dirname(f"{content}/{page.source}")
    taken = []
    for heading in page.readme:
        found = re.search(
            rf"^(#+) +{re.escape(heading)}\s*\n(.*?)(?=^#{{1,2}} |\Z)",
            readme,
            re.MULTILINE | re.DOTALL,
        )
        if found is None:
            problems.append((f"{page.path}:2", f"README.md has no heading {heading!r}"))
            continue
        taken.append(
            _LINK.sub(lambda link: f"]({posixpath.relpath(link[1], folder)}", found[0]).strip()
        )
    return dataclasses.replace(page, text="\n\n".join([*taken, page.text]))


def _own_title(source: str, body: str, first: int) -> tuple[str, str, int]:
    """A page without a title in its front matter: its first heading, else its name."""
    lines = body.split("\n")
    for number, line in enumerate(lines):
        if line.startswith("# "):
            rest = "\n".join(lines[number + 1 :])
            return line[2:].strip(), rest, first + number + 1
        if line.strip():
            break
    name = source.removesuffix(".md").rpartition("/")[2]
    return name.replace("-", " ").capitalize(), body, first


def menu(pages: list[Page], sections: tuple[str, ...]) -> list[tuple[str, list[Page]]]:
    """Pages by section, in order; the start page stands first and without a section."""
    order = {name: n for n, name in enumerate(sections)}
    names = sorted(
        {page.section for page in pages}, key=lambda name: (order.get(name, len(order)), name)
    )
    rows = []
    for name in names:
        inside = [page for page in pages if page.section == name]
        inside.sort(key=lambda page: (page.source != "index.md", page.order, page.title))
        rows.append((name, inside))
    rows.sort(key=lambda row: row[1][0].source != "index.md")
    return rows
