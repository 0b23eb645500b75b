"""Pages that nobody writes: the protocols, from the list of RFCs, and the reference, from what programs say of themselves."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from postil_site.texts import projectindex
from postil_site.website.content import Page
from postil_site.website.markdown import Heading, Part, Rendered, slug

EDITOR = "https://www.rfc-editor.org/rfc/rfc{}.html"
_MEANING = (
    ("Yes", "every MUST is decided, and tests prove them"),
    ("Partial", "in part; the TODOs at its sentences say what is missing"),
    ("Roadmap", "to come"),
    ("No", "not done"),
    ("?", "not looked at yet"),
)


def protocols(text: str, there: frozenset[int], pages: str) -> tuple[Page, Rendered] | None:
    """`protocols.html`: every RFC of the list by topic; those with a page here lead to it. None without a list."""
    index = projectindex.parse(text)
    if not index.rows:
        return None
    topics: dict[str, list[projectindex.Row]] = {}
    for row in index.rows:
        topics.setdefault(row.topic or "RFCs", []).append(row)
    out = Rendered()
    counts = {name: sum(row.status == name for row in index.rows) for name, _ in _MEANING}
    told = "".join(
        f"<li><b>{name}</b> ({counts[name]}): {html.escape(words)}"
        for name, words in _MEANING
        if counts[name]
    )
    pieces = [
        f"<p>{len(index.rows)} RFCs, by topic. Those that another one has replaced are faint.</p><ul>{told}</ul>"
    ]
    for topic, rows in topics.items():
        anchor = slug(topic)
        out.headings.append(Heading(2, anchor, topic))
        out.parts.append(
            Part(anchor, topic, "\n".join(f"RFC {row.rfc} {row.title}" for row in rows))
        )
        body = "\n".join(_protocol(row, there, pages) for row in rows)
        pieces.append(
            f'<h2 id="{anchor}">{html.escape(topic)} {_anchor(anchor, topic)}</h2>\n'
            f'<div class="scroll" tabindex="0" role="region" aria-label="{html.escape(topic)}"><table class="protocols">'
            '<thead><tr><th scope="col">RFC</th><th scope="col">Title</th><th scope="col">Status</th><th scope="col">Kind</th>'
            f'<th scope="col">Sentences</th></tr></thead><tbody>\n{body}\n</tbody></table></div>'
        )
    out.html = "\n".join(pieces)
    page = Page(
        "protocols.md",
        "Protocols",
        "",
        description="Every RFC this project looks at, with what is done of it.",
        section="Reference",
        order=10,
    )
    return page, out


def _protocol(row: projectindex.Row, there: frozenset[int], pages: str) -> str:
    here = row.rfc in there
    address = f"{pages}/rfc/rfc{row.rfc}.html" if here else EDITOR.format(row.rfc)
    status = row.status.lstrip("-") or "replaced"
    faint = ' class="faint"' if row.status.startswith("-") else ""
    matrix = f'<a href="{pages}/matrix.html?rfc={row.rfc}">matrix</a>' if here else ""
    return (
        f'<tr{faint} id="rfc{row.rfc}"><th scope="row"><a href="{address}">{row.rfc}</a></th><td>{html.escape(row.title)}</td>'
        f'<td><span class="is {_class(status)}">{html.escape(status)}</span></td><td>{html.escape(row.kind)}</td><td>{matrix}</td></tr>'
    )


def _class(status: str) -> str:
    return {"Yes": "yes", "Partial": "partial"}.get(status, "no")


def _anchor(anchor: str, title: str) -> str:
    return (
        f'<a class="anchor" href="#{anchor}" aria-label="{html.escape(f"Link to {title}")}">#</a>'
    )


def references(
    root: Path, names: Sequence[str], problems: list[tuple[str, str]]
) -> list[tuple[Page, Rendered]]:
    """`reference/commands.html` and `reference/configuration.html`, of the JSON files that are named."""
    tables: list[Mapping[str, Any]] = []
    for name in names:
        try:
            tables.append(json.loads((root / name).read_text("utf-8")))
        except FileNotFoundError:
            problems.append((name, "is not there: the program that is named in it makes it"))
        except (OSError, ValueError) as error:
            problems.append((name, f"cannot be read: {error}"))
    out = []
    commands = [row for table in tables for row in table.get("commands", ())]
    settings = [
        (table, row) for table in tables for row in table.get("settings", ()) if row.get("fields")
    ]
    if commands:
        page = Page(
            "reference/commands.md",
            "Commands",
            "",
            description="Every command with its options.",
            section="Reference",
            order=20,
        )
        out.append((page, _commands(commands)))
    if settings:
        page = Page(
            "reference/configuration.md",
            "Configuration",
            "",
            description="Every field of the configuration files.",
            section="Reference",
            order=30,
        )
        out.append((page, _settings(settings)))
    return out


def _commands(rows: Sequence[Mapping[str, Any]]) -> Rendered:
    out = Rendered()
    pieces = []
    for row in rows:
        name = str(row["name"])
        anchor = slug(name)
        level = 2 if " " not in name else 3
        out.headings.append(Heading(level, anchor, name))
        pieces.append(
            f'<h{level} id="{anchor}"><code>{html.escape(name)}</code> {_anchor(anchor, name)}</h{level}>'
        )
        pieces.append(
            f'<div class="code"><pre tabindex="0"><code>{html.escape(str(row["usage"]))}</code></pre></div>'
        )
        pieces.append(_prose(str(row["help"])))
        words = [str(row["help"])]
        if options := row.get("options"):
            pieces.append('<dl class="fields">')
            for option in options:
                pieces.append(_option(anchor, option))
                words.append(f"{' '.join(option['names'])} {option['help']}")
            pieces.append("</dl>")
        out.parts.append(Part(anchor, name, "\n".join(words)))
    out.html = "\n".join(pieces)
    return out


def _option(command: str, option: Mapping[str, Any]) -> str:
    names = option["names"]
    shown = ", ".join(f"<code>{html.escape(str(name))}</code>" for name in names)
    value = f" <var>{html.escape(str(option['value']))}</var>" if option.get("value") else ""
    facts = []
    if option.get("required"):
        facts.append("required")
    if option.get("repeated"):
        facts.append("may be repeated")
    if option.get("default") not in (None, ""):
        facts.append(f"default {option['default']}")
    told = f" <small>({html.escape(', '.join(facts))})</small>" if facts else ""
    anchor = f"{command}{max(names, key=len)}"
    return f'<dt id="{html.escape(anchor)}">{shown}{value}{told}</dt><dd>{_inline(str(option.get("help", "")))}</dd>'


def _settings(rows: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Rendered:
    out = Rendered()
    pieces = []
    for owner, row in rows:
        table = str(row["table"]) or "top of the file"
        name = f"{row.get('file') or owner.get('file', owner['program'])}: {table}"
        anchor = slug(f"{owner['program']} {row['table'].strip('[]') or 'top'}")
        out.headings.append(Heading(2, anchor, name))
        pieces.append(f'<h2 id="{anchor}">{html.escape(name)} {_anchor(anchor, name)}</h2>')
        pieces.append(_prose(str(row["help"])))
        words = [str(row["help"])]
        pieces.append('<dl class="fields">')
        for field in row["fields"]:
            one = html.escape(str(field["name"]))
            facts = [str(field["type"])]
            if field.get("choices"):
                facts = ["one of " + ", ".join(map(str, field["choices"]))]
            if field.get("required"):
                facts.append("required")
            elif field.get("default") not in (None, "", [], {}):
                facts.append(f"default {json.dumps(field['default'], ensure_ascii=False)}")
            if field.get("live"):
                facts.append("live")
            pieces.append(
                f'<dt id="{anchor}-{one}"><code>{one}</code> <small>({html.escape(", ".join(facts))})</small></dt>'
                f"<dd>{_inline(str(field['help']))}</dd>"
            )
            words.append(f"{field['name']} {field['help']}")
        pieces.append("</dl>")
        out.parts.append(Part(anchor, name, "\n".join(words)))
    out.html = "\n".join(pieces)
    return out


def _prose(text: str) -> str:
    return "\n".join(f"<p>{_inline(block)}</p>" for block in text.split("\n\n") if block.strip())


def _inline(text: str) -> str:
    """Backticks are code; everything else is what it is."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
