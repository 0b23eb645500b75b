"""All of a website: pages rendered (or kept), wrapped in their frame, links checked, files beside them written.

What a page's text becomes is kept in the user's cache by a hash of everything it is made of, so that one changed page costs one page; what a
page shows around its text is known without rendering, so a page whose frame did not change is not written again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import posixpath
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import unquote

from postil_site.pages import highlight, output
from postil_site.pages.output import Output
from postil_site.search import index, units
from postil_site.texts.library import cache_folder
from postil_site.website import content, generated, history, news, settings, shell
from postil_site.website.content import Page
from postil_site.website.links import Map
from postil_site.website.markdown import Heading, Part, Rendered, render
from postil_site.worktree import tree_state

MARKER = ".website.json"
_HERE = Path(__file__).parent
_IDS = re.compile(r'\sid="([^"]*)"')


@dataclass(slots=True)
class Report:
    """What a build of the website did."""

    pages: int = 0
    written: int = 0
    removed: int = 0
    seconds: float = 0.0
    problems: list[tuple[str, str]] = field(default_factory=list)  # (file:line, reason)

    def summary(self) -> str:
        """One line for people."""
        told = f", {len(self.problems)} problems" if self.problems else ""
        return (
            f"{self.pages} pages, {self.written} files written, {self.removed} removed{told} "
            f"({self.seconds:.1f} s)"
        )


@dataclass(slots=True)
class _Site:
    """What the steps of one build share."""

    root: Path
    out: Path
    wanted: settings.Settings
    report: Report
    map: Map
    dates: dict[str, str]
    pages: list[Page] = field(default_factory=list)
    rendered: dict[str, Rendered] = field(default_factory=dict)  # by source


def build(
    root: Path, out: Path, *, address: str = "", drafts: bool = False, pages: str = ""
) -> Report:
    """Build the website of `root` in `out`; ConfigError and output.NotOurs stop it, nothing else does.

    `pages` says where the pages of code are, seen from `out`, if not where site.toml has them.
    """
    begun = time.monotonic()
    root, out = root.resolve(), out.resolve()
    wanted = settings.load(root)
    if pages:
        wanted = dataclasses.replace(wanted, pages=pages)
    if address:
        wanted = dataclasses.replace(wanted, address=address.rstrip("/") + "/")
    target = Output.open(out, MARKER, beside=("versions.json",))
    report = Report()
    found = content.read(root, wanted.content, drafts)
    report.problems += found.problems
    static = _static(root, wanted, report)
    built = _built(Path(os.path.normpath(out / wanted.pages)))  # `out` may not be there yet
    site = _Site(
        root, out, wanted, report,
        Map(root, wanted.content, wanted.pages, static=frozenset(static), built=built),
        _dates(root, (wanted.content, wanted.fragments)),
    )  # fmt: skip
    _gather(site, found.pages, built)
    _check_fragments(site)
    frame = _frame(site, bool(built))
    _write_pages(site, target, frame)
    _write_beside(site, target, frame, static)
    report.removed = target.finish({})
    report.written = target.written
    report.pages = len(site.pages)
    report.seconds = time.monotonic() - begun
    return report


def _gather(site: _Site, written: list[Page], built: frozenset[str] | None) -> None:
    """All pages, those that are made included, and what their texts become."""
    wanted, report = site.wanted, site.report
    made: list[tuple[Page, Rendered]] = []
    there = frozenset(
        int(name[7:-5]) for name in built or () if re.fullmatch(r"rfc/rfc\d+\.html", name)
    )
    with contextlib.suppress(OSError):
        listed = (site.root / wanted.index).read_text("utf-8", "replace")
        if one := generated.protocols(listed, there, wanted.pages):
            made.append(one)
    made += generated.references(site.root, wanted.reference, report.problems)
    notes = news.waiting(site.root, wanted.fragments, site.dates)
    changes = news.changelog(_text(site.root / wanted.changelog), notes)
    own = {page.source for page in written}
    for page, _ in made:
        if page.source in own:
            report.problems.append((f"{wanted.content}/{page.source}", "a page of this name is made; this one stands instead of it"))  # fmt: skip
    made = [(page, text) for page, text in made if page.source not in own]
    readme = _text(site.root / "README.md")
    written = [
        content.with_readme(page, readme, wanted.content, report.problems) for page in written
    ]
    texts = [*written, *([changes] if changes and changes.source not in own else [])]
    site.map.names = {page.source: page.name for page in [*texts, *(page for page, _ in made)]}
    common = _hash(version(), sorted(site.map.names.items()), sorted(site.map.static), sorted(built or ()), wanted)  # fmt: skip
    for page in texts:
        try:
            site.rendered[page.source] = _rendered(site, page, common)
        except Exception as fault:  # noqa: BLE001 — one page must not stop the others
            report.problems.append((page.path or page.source, f"{type(fault).__name__}: {fault}"))
            site.rendered[page.source] = Rendered(html='<p class="note">This page could not be made; the build says why.</p>')  # fmt: skip
    site.rendered.update({page.source: text for page, text in made})
    site.pages = [*texts, *(page for page, _ in made)]


def _rendered(site: _Site, page: Page, common: str) -> Rendered:
    """From the cache, or made; problems are told either way."""
    key = _hash(common, page.source, page.text)
    file = cache_folder() / "website" / f"{key}.json"
    try:
        table = json.loads(file.read_text("utf-8"))
        done = Rendered(
            table["html"],
            [Heading(*row) for row in table["headings"]],
            [(str(link), int(line)) for link, line in table["links"]],
            [Part(*row) for row in table["parts"]],
            [(int(line), str(reason)) for line, reason in table["problems"]],
        )
    except (OSError, ValueError, KeyError, TypeError):
        folder = page.source if page.path else "index.md"
        done = render(page.text, lambda link: site.map.resolve(folder, link))
        highlight.keep(file, json.dumps(_plain(done)))
    first = page.first_line - 1
    site.report.problems += [
        (f"{page.path or page.source}:{first + line}", reason) for line, reason in done.problems
    ]
    return done


def _plain(done: Rendered) -> dict[str, object]:
    return {
        "html": done.html,
        "headings": [[one.level, one.anchor, one.title] for one in done.headings],
        "links": done.links,
        "parts": [[one.anchor, one.title, one.text] for one in done.parts],
        "problems": done.problems,
    }


def _check_fragments(site: _Site) -> None:
    """A link to a place of another page of the website leads to a place that is there."""
    ids: dict[str, frozenset[str]] = {}
    sources = {page.name: page for page in site.pages}
    for page in site.pages:
        for link, line in site.rendered[page.source].links:
            address, mark, fragment = link.partition("#")
            if not mark or ":" in address.partition("/")[0]:
                continue
            folder = posixpath.dirname(page.name)
            name = (
                posixpath.normpath(posixpath.join(folder, unquote(address)))
                if address
                else page.name
            )
            other = sources.get(name)
            if other is None or not fragment:
                continue
            if name not in ids:
                ids[name] = frozenset(_IDS.findall(site.rendered[other.source].html)) | {"main"}
            if unquote(fragment) not in ids[name]:
                at = f"{page.path or page.source}:{page.first_line - 1 + line}"
                site.report.problems.append((at, f"{link}: there is no such place on that page"))


def _frame(site: _Site, there: bool) -> shell.Frame:
    rows = content.menu(site.pages, site.wanted.sections)
    menu = tuple((name, tuple((one.name, one.title) for one in inside)) for name, inside in rows)
    wanted = site.wanted
    return shell.Frame(
        wanted.title, wanted.description, wanted.address, menu,
        wanted.pages if there else "", bool(wanted.address),
    )  # fmt: skip


def _write_pages(site: _Site, target: Output, frame: shell.Frame) -> None:
    order = [page for _, rows in content.menu(site.pages, site.wanted.sections) for page in rows]
    shared = _hash(version(), frame)
    for n, page in enumerate(order):
        before, after = shell.neighbours(order, n)
        place = shell.Place(
            site.wanted.edit.replace("{path}", page.path) if page.path else "",
            site.dates.get(page.path, ""),
            before,
            after,
        )
        rendered = site.rendered[page.source]
        key = _hash(shared, dataclasses.replace(page, text=""), place, rendered.html, rendered.headings)  # fmt: skip
        if not target.current(page.name, key):
            target.write(page.name, shell.page(frame, page, rendered, place), key)
        for old in page.redirects:
            name = old if old.endswith(".html") else old.rstrip("/") + "/index.html"
            if name in target.new:
                site.report.problems.append((page.path, f"{old}: something else is there already"))
                continue
            leads = "../" * name.count("/") + page.name
            target.write(name, news.redirect(leads, page.title, shell.canonical(frame, page.name)))


def _write_beside(site: _Site, target: Output, frame: shell.Frame, static: dict[str, Path]) -> None:
    """Everything that is no page."""
    wanted = site.wanted
    target.write("404.html", shell.lacking(frame))
    target.write("robots.txt", news.robots(wanted.address))
    if wanted.address:
        listed = [
            ("" if page.name == "index.html" else page.name, site.dates.get(page.path, ""))
            for page in sorted(site.pages, key=lambda one: one.name)
            if not page.draft
        ]
        target.write("sitemap.xml", news.sitemap(wanted.address, listed))
        notes = news.waiting(site.root, wanted.fragments, site.dates)
        text = _text(site.root / wanted.changelog)
        target.write("feed.xml", news.atom(wanted.title, wanted.address, text, notes))
    found = [
        unit
        for page in sorted(site.pages, key=lambda one: one.name)
        for unit in units.of_page(
            page.name,
            page.title,
            [(one.anchor, one.title, one.text) for one in site.rendered[page.source].parts],
        )
    ]
    for name, script in index.shards(found, [_weighed(unit) for unit in found]).items():
        target.write(f"search/{name}", script)
    for name, octets in shell.assets().items():
        target.write(f"assets/{name}", octets)
    for name, file in static.items():
        if name in target.new:
            site.report.problems.append((str(file.relative_to(site.root)), f"{name} is made already"))  # fmt: skip
            continue
        target.copy(name, file)


@lru_cache(maxsize=8192)
def _weighed(unit: units.Unit) -> index.Weights:
    """While somebody writes one page, the words of the others are known."""
    return index.weighed(unit)


def _static(root: Path, wanted: settings.Settings, report: Report) -> dict[str, Path]:
    """Files to copy as they are; those of a later folder win."""
    out: dict[str, Path] = {}
    for name in wanted.static:
        folder = root / name
        if not folder.is_dir():
            if name not in settings.Settings().static:
                report.problems.append((name, "there is no such folder of static files"))
            continue
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                out[file.relative_to(folder).as_posix()] = file
    return out


def _built(folder: Path) -> frozenset[str] | None:
    """The pages of code and RFCs beside the website; None when there are none."""
    try:
        return frozenset(json.loads((folder / output.MARKER).read_text("utf-8"))["files"])
    except (OSError, ValueError, KeyError):
        return None


def _dates(root: Path, folders: Sequence[str]) -> dict[str, str]:
    """Last changes, asked of git once for each commit."""
    commit = tree_state(root).commit or ""
    file = cache_folder() / "website" / f"dates-{_hash(str(root), commit, folders)}.json"
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(file.read_text("utf-8")))
    out: dict[str, str] = {}
    for folder in folders:
        out.update(history.last_changes(root, folder))
    if commit:
        highlight.keep(file, json.dumps(out))
    return out


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig", "replace")
    except OSError:
        return ""


def _hash(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


@cache
def version() -> str:
    """A hash of everything here that decides what a page looks like."""
    digest = hashlib.sha256()
    files = [*_HERE.rglob("*"), *shell.SHARED.iterdir(), _HERE.parent / "pages" / "highlight.py"]
    for file in sorted(files):
        if file.suffix in (".py", ".html", ".css", ".js", ".svg"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
