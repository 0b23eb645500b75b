"""The two parts of a built site: `rfc`, the texts, and `code` with its TODOs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from postil_site.model import Problems
from postil_site.pages import indexes
from postil_site.pages.facts import Site
from postil_site.pages.output import Output
from postil_site.refs import sources
from postil_site.search import parts, units
from postil_site.search.units import Unit

PARTS = ("rfc", "code")


def write(
    root: Path, site: Site, target: Output, texts: Mapping[int, str], version: str, jobs: int | None
) -> None:
    """Write both; `texts` are hashes of the RFCs' texts."""
    titles = {rfc: indexes.title(site, rfc) for rfc in site.documents}
    todos = [(one.path, one.line, one.rfc, one.section, one.todo or "") for one in indexes.todo_links(site)]  # fmt: skip

    def of_rfcs() -> Iterator[Unit]:
        for rfc, document in sorted(site.documents.items()):
            yield from units.of_rfc(document, titles[rfc])

    def of_code() -> Iterator[Unit]:
        for path in sorted(site.files):
            source = sources.read(root, path, Problems())
            if source is not None and not source.plain:
                yield from units.of_code(path, source.text)
        for one in todos:
            yield units.of_todo(*one)

    parts.write(target, "rfc", _key(version, sorted(texts.items()), titles), of_rfcs, jobs)
    parts.write(target, "code", _key(version, sorted(site.files.items()), todos), of_code, jobs)


def _key(*of: object) -> str:
    return hashlib.sha256(repr(of).encode("utf-8", "surrogatepass")).hexdigest()[:24]
