"""The pages that lead to the others: RFCs by topic, the tree of code, requirements, what is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from postil_site.model import Level, Role, Status
from postil_site.pages import frames, graphics, markup
from postil_site.pages.facts import Clause, Link, Site, tally

OTHERS = "Cited, but not in the list"


def strong(links: list[Link]) -> list[Link]:
    """Those that count as references: neither weak nor mentions in prose."""
    return [link for link in links if not link.weak and link.role is not Role.MENTION]


def overview(site: Site, version: str) -> str:
    """`index.html`: numbers, and every RFC by topic."""
    by_rfc = {rfc: strong(links) for rfc, links in site.by_rfc().items()}
    by_rfc = {rfc: links for rfc, links in by_rfc.items() if links}
    listed = {row.rfc for row in site.rows}
    topics: dict[str, list[dict[str, Any]]] = {}
    for row in site.rows:
        topics.setdefault(row.topic or "RFCs", []).append(
            _row(site, row.rfc, row.title, row.status, by_rfc)
        )
    for rfc in sorted(set(by_rfc) - listed):
        topics.setdefault(OTHERS if listed else "RFCs", []).append(
            _row(site, rfc, title(site, rfc), "", by_rfc)
        )
    judged: list[Clause] = [
        one for rfc, found in site.clauses.items() if rfc in site.judged for one in found
    ]
    every = [link for links in by_rfc.values() for link in links]
    return frames.render(
        "index.html",
        site.name,
        here="index.html",
        title=f"{site.name}: code and RFCs",
        topics=list(topics.items()),
        total=tally(judged),
        references=len(every),
        todos=len(todo_links(site)),
        cited=len(by_rfc),
        results=site.results,
        missing=len(set(by_rfc) - set(site.documents)),
        problems=site.problems,
        version=version,
        start=f"view.html#{_start(site, every)}",
    )


def _start(site: Site, links: list[Link]) -> str:
    """The place to begin: the file of the code with most quoted sentences, at the first of them."""
    counts: dict[str, list[Link]] = {}
    for link in links:
        if link.role is Role.IMPLEMENTS and link.rfc in site.documents and link.rfc_line:
            counts.setdefault(link.path, []).append(link)
    if not counts:
        return ""
    best = max(
        counts.items(), key=lambda item: (sum(bool(one.requirements) for one in item[1]), item[0])
    )[1]
    first = next((link for link in best if link.requirements), best[0])
    return markup.view_state(first.path, first.line, first.rfc, first.rfc_line)


def title(site: Site, rfc: int) -> str:
    """The title of an RFC as the project lists it, the index has it, or its text says."""
    for row in site.rows:
        if row.rfc == rfc:
            return row.title
    document = site.documents.get(rfc)
    return site.index_title.get(rfc) or (document.title if document else "")


def _row(
    site: Site, rfc: int, name: str, status: str, by_rfc: Mapping[int, list[Link]]
) -> dict[str, Any]:
    clauses = site.clauses.get(rfc, ())
    links = by_rfc.get(rfc, [])
    address = (
        markup.rfc_page(rfc)
        if rfc in site.documents
        else (markup.EDITOR.format(rfc) if links else "")
    )
    return {
        "rfc": rfc,
        "title": name,
        "status": status,
        "address": address,
        "references": len(links),
        "clauses": len(clauses),
        "tally": tally(clauses),
        "todo": len({(link.path, link.line) for link in links if link.role is Role.TODO}),
        "bar": graphics.bar(clauses),
    }


@dataclass(slots=True)
class Folder:
    """A folder of the tree of code."""

    folders: dict[str, Folder] = field(default_factory=dict)
    entries: list[tuple[str, str, int, int]] = field(default_factory=list)
    files: int = 0
    references: int = 0
    todos: int = 0
    open: bool = False


def tree(site: Site) -> str:
    """`tree.html`: every file by folder, with its references and TODOs."""
    top = Folder()
    by_path = site.by_path()
    for path in sorted(site.files):
        links = strong(by_path.get(path, []))
        todos = len({link.line for link in links if link.role is Role.TODO})
        *folders, name = path.split("/")
        node = top
        for at in [top, *_descend(node, folders)]:
            at.files += 1
            at.references += len(links)
            at.todos += todos
            node = at
        node.entries.append((name, markup.code_page(path), len(links), todos))
    _opened(top, 3)
    return frames.render(
        "tree.html", site.name, here="tree.html", title=f"Code · {site.name}", tree=top
    )


def _descend(node: Folder, names: list[str]) -> list[Folder]:
    out = []
    for name in names:
        node = node.folders.setdefault(name, Folder())
        out.append(node)
    return out


def _opened(node: Folder, levels: int) -> None:
    """Folders with references are unfolded some levels deep; one with a single folder goes on without counting."""
    for child in node.folders.values():
        child.open = levels > 0 and child.references > 0
        _opened(child, levels - (len(child.folders) > 1))


def todo_links(site: Site) -> list[Link]:
    """Every TODO that names an RFC, once."""
    seen: set[tuple[str, int, int]] = set()
    out = []
    for link in site.links:
        key = (link.path, link.line, link.rfc)
        if link.role is Role.TODO and key not in seen:
            seen.add(key)
            out.append(link)
    return out


def todo(site: Site) -> str:
    """`todo.html`: what is to do, by RFC."""
    groups: dict[int, list[Link]] = {}
    for link in todo_links(site):
        groups.setdefault(link.rfc, []).append(link)
    shown = []
    for rfc, links in sorted(groups.items()):
        page = markup.rfc_page(rfc) if rfc in site.documents else markup.EDITOR.format(rfc)
        rows = [
            {
                "code": f"{markup.code_page(link.path)}#L{link.line}",
                "path": link.path,
                "line": link.line,
                "target": page
                + (f"#{link.anchor}" if link.anchor and rfc in site.documents else ""),
                "section": f"§{link.section}" if link.section else f"RFC {rfc}",
                "words": link.todo or "",
            }
            for link in links
        ]
        shown.append((rfc, title(site, rfc), page, rows))
    return frames.render(
        "todo.html", site.name, here="todo.html", title=f"To do · {site.name}",
        groups=shown, count=sum(len(links) for links in groups.values()),
    )  # fmt: skip


def matrix(site: Site, shown: Mapping[int, tuple[Clause, ...]]) -> str:
    """`matrix.html`: a row an RFC; with JavaScript a row a clause, filtered."""
    rows = [
        {
            "rfc": rfc,
            "title": title(site, rfc),
            "address": markup.rfc_page(rfc),
            "clauses": len(found),
            "tally": tally(found),
        }
        for rfc, found in sorted(shown.items())
        if found
    ]
    return frames.render(
        "matrix.html", site.name, here="matrix.html", title=f"Requirements · {site.name}",
        rows=rows, levels=[level.value for level in Level], statuses=[status.value for status in Status],
    )  # fmt: skip
