"""`sitegen check`: every link, anchor and asset of a built folder leads to something inside it; nothing is asked of the network.

Links to other hosts are counted, not followed. Two elements with one id on a page are an error too: a link to it would lead to the first.
"""

from __future__ import annotations

import os.path
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_ATTRIBUTE = re.compile(r"\s(href|src|id)=(?:\"([^\"]*)\"|([^\s>\"]+))")
_FOREIGN = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_LINES = re.compile(r"^L(\d+)-(?:L)?(\d+)$")


@dataclass(slots=True)
class Report:
    """What was found."""

    pages: int = 0
    links: int = 0
    outside: int = 0
    broken: list[tuple[str, str, str]] = field(default_factory=list)  # (page, link, reason)

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.pages} pages, {self.links} links inside, {self.outside} to other hosts, "
            f"{len(self.broken)} broken"
        )


@dataclass(slots=True)
class _Page:
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)


def check(out: Path) -> Report:
    """Look at every page below `out`."""
    report = Report()
    out = out.resolve()
    pages = {file: _read(file, report, out) for file in sorted(out.rglob("*.html"))}
    report.pages = len(pages)
    exists: dict[Path, bool] = {}
    for file, page in pages.items():
        name = file.relative_to(out).as_posix()
        for link in page.links:
            if _FOREIGN.match(link):
                report.outside += 1
                continue
            report.links += 1
            reason = _reason(file, link, out, pages, exists)
            if reason is not None:
                report.broken.append((name, link, reason))
    return report


def _read(file: Path, report: Report, out: Path) -> _Page:
    page = _Page()
    counts: Counter[str] = Counter()
    seen: dict[str, None] = {}
    for tag in _TAG.findall(file.read_text("utf-8", "replace")):
        for name, quoted, bare in _ATTRIBUTE.findall(tag):
            value = (quoted or bare).replace("&amp;", "&").replace("&quot;", '"')
            if name == "id":
                counts[value] += 1
            else:
                seen[value] = None
    page.ids = set(counts)
    page.links = list(seen)
    name = file.relative_to(out).as_posix()
    report.broken.extend(
        (name, f"#{value}", "two elements have this id") for value, n in counts.items() if n > 1
    )
    return page


def _reason(
    file: Path, link: str, out: Path, pages: dict[Path, _Page], exists: dict[Path, bool]
) -> str | None:
    address, _, fragment = link.partition("#")
    address = unquote(address.partition("?")[0])
    if address.startswith("/"):
        target = _from_top(address, out)
    else:
        target = Path(_joined(file.parent, address)) if address else file
    if not target.is_relative_to(out):
        return "leads out of the folder"
    if target not in exists:
        exists[target] = target in pages or target.is_file()
    if not exists[target]:
        return "there is no such file"
    if target.name == "view.html" and target in pages:  # of each version its own
        return _view(unquote_state(fragment), target.parent, pages)
    if fragment and target in pages and not _has(pages[target], unquote(fragment)):
        return "there is no such place on the page"
    return None


def _from_top(address: str, out: Path) -> Path:
    """What 404.html leads to: the folder may stand below any path of its server, so the longest end that is there counts."""
    steps = [step for step in address.split("/") if step not in ("", ".", "..")]
    tails = ("/".join(steps[n:]) for n in range(len(steps)))
    return next((out / tail for tail in tails if (out / tail).is_file()), out / "/".join(steps))


def _joined(folder: Path, address: str) -> str:
    return os.path.normpath(folder / address)


def _has(page: _Page, fragment: str) -> bool:
    found = _LINES.match(fragment)
    if found:
        return f"L{found[1]}" in page.ids and f"L{found[2]}" in page.ids
    return fragment in page.ids


def unquote_state(fragment: str) -> list[tuple[str, str]]:
    """The halves of view.html's hash: (page, line)."""
    out = []
    for half in filter(None, fragment.split(",")):
        path, _, line = half.partition(":")
        path = unquote(path)
        page = f"rfc/{path}.html" if re.fullmatch(r"rfc\d+", path) else f"code/{path}.html"
        out.append((page, line))
    return out


def _view(halves: list[tuple[str, str]], out: Path, pages: dict[Path, _Page]) -> str | None:
    for name, line in halves:
        page = pages.get(out / name)
        if page is None:
            return f"there is no {name}"
        if line and not _has(page, f"L{line}"):
            return f"{name} has no line {line}"
    return None
