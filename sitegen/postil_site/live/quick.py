"""The page of one changed file, made from memory: what its own text says, before the whole is built again."""

from __future__ import annotations

import ast
import hashlib
import os
from pathlib import Path

from postil_site.lsp.workspace import Workspace
from postil_site.model import Document, Problems
from postil_site.pages import gather, warm, write
from postil_site.pages.facts import Pages, Site
from postil_site.refs import sources


class Quick:
    """Makes pages of files that have one already; texts stay in memory."""

    def __init__(self, root: Path, out: Path) -> None:
        self._root, self._out = root, out
        self._workspace = Workspace(root)
        self._name = gather.name_of(root)
        self._documents: dict[int, Document] = {}
        self._every: dict[int, frozenset[str]] = {}
        self._seen: dict[str, str] = {}

    def fresh(self, path: str) -> bool:
        """Is a file's content another than when it was last asked for?"""
        try:
            digest = hashlib.sha256((self._root / path).read_bytes()).hexdigest()
        except OSError:
            digest = ""
        changed = self._seen.get(path) != digest
        self._seen[path] = digest
        return changed

    def page(self, path: str) -> tuple[str | None, str]:
        """Write the page of a file: its name, or None when it has none yet; and what is wrong with the file."""
        name = f"code/{path}.html"
        if not (self._out / name).is_file():
            return None, ""
        problems = Problems()
        source = sources.read(self._root, path, problems)
        if source is None:
            return None, "; ".join(reason for _, reason in problems.rows)
        text = self._text(source, problems)
        file = self._out / name
        part = file.with_name(file.name[:200] + ".quick")
        part.write_text(text, "utf-8", "surrogatepass")
        os.replace(part, file)
        reasons = [reason for _, reason in problems.rows]
        return name, "; ".join([*reasons, *_syntax(source)])

    def warm(self) -> None:
        """Load what the first save would have to wait for."""
        self._text(sources.source("warm.py", b"# RFC 9051 section 1\nx = 1\n"), Problems())

    def _text(self, source: sources.Source, problems: Problems) -> str:
        path = source.path
        lines = warm.safe_lines(source, problems)
        if len(lines) > 1 and not lines[-1]:
            lines.pop()
        links = [gather.link(one.resolved) for one in self._workspace.cited(path, source.text)]
        every = self._anchors({link.rfc for link in links})
        site = Site(self._name, {}, dict(self._documents), (), tuple(links), {})
        depth = path.count("/") + 1
        return write.code_page(site, path, lines, links, depth, every, "../" * depth)

    def _anchors(self, rfcs: set[int]) -> Pages:
        for rfc in rfcs - self._every.keys():
            document = self._workspace.document(rfc)
            if document is not None:
                self._documents[rfc] = document
                self._every.update(gather.anchors({rfc: document}))
        return self._every


def _syntax(source: sources.Source) -> list[str]:
    """What Python says of a file that it cannot read: then docstrings and markers are not found."""
    if not source.path.endswith((".py", ".pyi")):
        return []
    try:
        ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        return [f"{line}{error.msg if isinstance(error, SyntaxError) else error}"]
    return []
