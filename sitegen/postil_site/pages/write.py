"""Writing every page, but for those that would be what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from postil_site import todos
from postil_site.model import Problems
from postil_site.pages import (
    codepage,
    data,
    frames,
    gather,
    graphics,
    indexes,
    markup,
    pool,
    rfcpage,
    warm,
)
from postil_site.pages.facts import Link, Pages, Row, Site, tally
from postil_site.pages.output import Output
from postil_site.project import Project
from postil_site.refs import sources
from postil_site.search import site as searching
from postil_site.status import matrix as matrix_files

if TYPE_CHECKING:
    from postil_site.pages.build import Inputs, Report

Say = Callable[[str], None]


def pages(
    root: Path,
    inputs: Inputs,
    target: Output,
    problems: Problems,
    results: Sequence[Path] | None,
    commit: str,
    dirty: bool,
    jobs: int | None,
    say: Say,
) -> Report:
    """All pages of a project."""
    from postil_site.pages import build

    # Files were read once already: what could not be is counted there.
    project = Project.open(root, Problems(), results, inputs.config)
    name = gather.name_of(root)
    site = gather.gather(project, inputs.hashes, name)
    rows = problems.rows
    rows += [row for row in project.problems.rows if row not in rows]
    site.problems = tuple(sorted(set(rows)))
    every = gather.anchors(site.documents)
    # Sorted: a set's order is another in each process, and then no page would ever be kept.
    anchors = [(rfc, sorted(names)) for rfc, names in sorted(every.items())]
    common = _key(build.version(), name, anchors, sorted(site.documents))
    say(f"{len(site.links)} references; writing pages")
    _code(root, site, target, every, common, problems, jobs)
    _rfcs(site, target, every, common, project, jobs)
    _indexes(site, target, commit, dirty, project)
    texts = {
        rfc: hashlib.sha256(project.library.octets(rfc) or b"").hexdigest()
        for rfc in site.documents
    }
    searching.write(root, site, target, texts, build.version(), jobs)
    site_problems = sorted(set(rows))
    return build.Report(rfcs=len(site.documents), problems=site_problems)


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


Made = tuple[list[tuple[str, str]], list[tuple[str, str]]]  # files with their keys; problems


def _code(
    root: Path,
    site: Site,
    target: Output,
    every: Pages,
    common: str,
    problems: Problems,
    jobs: int | None,
) -> None:
    by_path = site.by_path()
    wanted: list[tuple[str, str, bool]] = []
    for path, digest in site.files.items():
        links = by_path.get(path, [])
        page, script = f"code/{path}.html", f"data/code/{path}.js"
        key = _key(common, path, digest, links)
        shown = any(link.rfc in site.documents for link in indexes.strong(links))
        if not (target.current(page, key) and (not shown or target.current(script, key))):
            wanted.append((path, key, shown))

    def make(one: tuple[str, str, bool]) -> Made:
        path, key, shown = one
        found = Problems()
        source = sources.read(root, path, found)
        if source is None:
            return [], found.rows
        lines = warm.safe_lines(source, found)
        if len(lines) > 1 and not lines[-1]:
            lines.pop()
        depth = path.count("/") + 1
        links = by_path.get(path, [])
        page = f"code/{path}.html"
        target.write(page, code_page(site, path, lines, links, depth, every, "../" * depth), key)
        made = [(page, key)]
        if shown:
            script = f"data/code/{path}.js"
            strong = [link for link in indexes.strong(links) if link.rfc in site.documents]
            target.write(script, data.of_code(path, source.text, strong), key)
            made.append((script, key))
        return made, found.rows

    _made(target, problems, pool.each(make, wanted, jobs))


def _made(target: Output, problems: Problems, results: Iterable[Made]) -> None:
    for files, rows in results:
        problems.rows.extend(rows)
        for name, key in files:
            if name not in target.new:  # written by another process
                target.made(name, key)


def code_page(
    site: Site,
    path: str,
    lines: list[str],
    links: list[Link],
    depth: int,
    every: Pages,
    up: str,
) -> str:
    """The page of one file; `lines` are highlighted, `links` its references."""
    rfcs = sorted({link.rfc for link in indexes.strong(links)})
    first = next((link for link in indexes.strong(links) if link.rfc_line), None)
    *folders, name = path.split("/")
    return frames.render(
        "code.html",
        site.name,
        depth=depth,
        title=f"{name} · {path}",
        crumbs=[*((folder, "") for folder in folders), (name, "")],
        lines=len(lines),
        references=len(indexes.strong(links)),
        rfcs=[
            (rfc, up + markup.rfc_page(rfc) if rfc in every else markup.EDITOR.format(rfc))
            for rfc in rfcs
        ],
        todos=len({link.line for link in links if link.todo and not link.weak}),
        state=markup.view_state(
            path,
            first.line if first else None,
            first.rfc if first else None,
            first.rfc_line if first else None,
        ),
        body=codepage.body(lines, links, up, every),
    )


def _rfcs(
    site: Site, target: Output, every: Pages, common: str, project: Project, jobs: int | None
) -> None:
    by_rfc = site.by_rfc()
    rows = {row.rfc: row for row in site.rows}
    wanted: list[tuple[int, str]] = []
    for rfc, document in site.documents.items():
        text = hashlib.sha256(project.library.octets(rfc) or b"").hexdigest()
        key = _key(
            common,
            text,
            document.errata,
            document.obsoleted_by,
            document.updated_by,
            site.clauses.get(rfc, ()),
            by_rfc.get(rfc, []),
            rows.get(rfc),
            sorted(site.section_tests.get(rfc, {}).items()),
        )
        page, script = markup.rfc_page(rfc), f"data/rfc{rfc}.js"
        if not (target.current(page, key) and target.current(script, key)):
            wanted.append((rfc, key))

    def make(one: tuple[int, str]) -> Made:
        rfc, key = one
        page, script = markup.rfc_page(rfc), f"data/rfc{rfc}.js"
        links = by_rfc.get(rfc, [])
        prepared = warm.prepared(project.library, site.documents[rfc])
        target.write(page, _rfc_page(site, rfc, links, rows.get(rfc), every, prepared), key)
        clauses = site.clauses.get(rfc, ())
        target.write(script, data.of_rfc(site.documents[rfc], links, clauses, prepared.quotes), key)
        return [(page, key), (script, key)], []

    _made(target, project.problems, pool.each(make, wanted, jobs))


def _rfc_page(
    site: Site, rfc: int, links: list[Link], row: Row | None, every: Pages, prepared: warm.Prepared
) -> str:
    document = site.documents[rfc]
    clauses = site.clauses.get(rfc, ())
    whole = [link for link in indexes.strong(links) if link.rfc_line is None]
    return frames.render(
        "rfc.html",
        site.name,
        depth=1,
        title=f"RFC {rfc}: {indexes.title(site, rfc)}",
        rfc=rfc,
        name=indexes.title(site, rfc),
        banners=rfcpage.banners(document, every),
        topic=row.topic if row else "",
        kind_of=row.kind if row else "",
        planned=row.status if row else "",
        clauses=len(clauses),
        tally=tally(clauses),
        bar=graphics.bar(clauses),
        whole=rfcpage.whole(whole),
        outline=rfcpage.outline(document, clauses, indexes.strong(links)),
        state=_state(rfc, indexes.strong(links)),
        amber=any(one.amber for one in clauses),
        body=rfcpage.body(
            document, every, clauses, links, prepared.errata, site.section_tests.get(rfc, {})
        ),
    )


def _ages(project: Project) -> dict[str, str]:
    """By `path:line`: the day on which a TODO was last changed; those that are not committed have none."""
    return {
        f"{one.path}:{one.line}": one.time.date().isoformat()
        for one in sorted(
            todos.aged(project.root, todos.find(project)), key=lambda one: (one.path, one.line)
        )
        if one.time is not None
    }


def _state(rfc: int, links: list[Link]) -> str:
    first = next((link for link in links if link.rfc_line), None)
    if first is None:
        return markup.view_state(None, None, rfc, None)
    return markup.view_state(first.path, first.line, rfc, first.rfc_line)


def _indexes(site: Site, target: Output, commit: str, dirty: bool, project: Project) -> None:
    label = f"{commit[:10]}{' with changes' if dirty else ''}" if commit else ""
    by_rfc = site.by_rfc()
    stated = {rfc: found for rfc, found in site.clauses.items() if rfc in site.judged}
    target.write("index.html", indexes.overview(site, label))
    target.write("tree.html", indexes.tree(site))
    target.write("todo.html", indexes.todo(site))
    target.write("matrix.html", indexes.matrix(site, stated))
    target.write("data/matrix.js", data.matrix(stated, site.links))
    target.write("view.html", frames.render("view.html", site.name))
    version = {"name": label, "commit": commit, "dirty": dirty}
    # Rule 12: no page holds a date; the ages of TODOs are the commit's, and stand where it stands.
    if commit and (ages := _ages(project)):
        version["todos"] = ages
    target.write("version.js", f"window.postilVersion={data.as_json(version)};\n")
    table = matrix_files.rows(project)
    target.write("matrix.csv", matrix_files.csv_text(table))
    target.write("matrix.json", matrix_files.json_text(table))
    for rfc, clauses in stated.items():
        if by_rfc.get(rfc) or clauses:
            target.write(f"badges/rfc{rfc}.svg", graphics.badge(rfc, tally(clauses)))
    for name, octets in frames.assets().items():
        target.write(f"assets/{name}", octets)
