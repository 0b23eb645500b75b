"""Where a link of a page leads: another page, a file of the repository (its page of code), a static file, another host."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

_FOREIGN = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_ALLOWED = ("http:", "https:", "mailto:")
_RFC = re.compile(r"(?:^|/)rfc/txt/rfc(\d+)\.txt$")


@dataclass(slots=True)
class Map:
    """Everything a link may lead to."""

    root: Path
    content: str  # folder of the Markdown, relative to the repository
    pages: str  # folder of the pages of code and RFCs, beside the website's
    names: dict[str, str] = field(default_factory=dict)  # source -> page
    static: frozenset[str] = frozenset()
    built: frozenset[str] | None = None  # pages that are there; None: none were built yet

    def resolve(self, source: str, link: str) -> tuple[str | None, str]:
        """The address to write in the page of `source`, or None and why there is none; no reason: a page of code, and none are built yet."""
        if _FOREIGN.match(link):
            if link.startswith("//") or link.lower().startswith(_ALLOWED):
                return link, ""
            return None, "this kind of address is not allowed in a page"
        address, mark, fragment = link.partition("#")
        tail = mark + fragment
        if not address:
            return link, ""
        folder = posixpath.dirname(source)
        target = posixpath.normpath(posixpath.join(folder, unquote(address)))
        if target in self.names:
            return self._relative(source, self.names[target]) + tail, ""
        if target in self.static:
            return self._relative(source, target) + tail, ""
        return self._outside(source, target, tail)

    def _outside(self, source: str, target: str, tail: str) -> tuple[str | None, str]:
        """A file of the repository: the page that shows it."""
        path = posixpath.normpath(posixpath.join(self.content, target))
        if path.startswith("..") or not (self.root / path).exists():
            return None, "there is no such page, file of the repository or static file"
        found = _RFC.search(path)
        if self.built is None:
            return None, ""
        if (self.root / path).is_dir():
            name = "tree.html"
        elif found:
            name = f"rfc/rfc{found[1]}.html"
        else:
            name = f"code/{path}.html"
        if name not in self.built:
            return None, f"{path} has no page among those of the code"
        return self._relative(source, f"{self.pages}/{name}") + tail, ""

    def _relative(self, source: str, name: str) -> str:
        return quote("../" * source.count("/") + name, safe="/.-_~!$&'()*+,;=:@")
