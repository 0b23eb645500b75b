"""Markdown to HTML: tables, footnotes, task lists, GitHub's alerts, highlighted code, headings with anchors; links are looked at by the caller.

HTML in a page is shown, not used: a page cannot bring scripts or break the frame it stands in.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin

from postil_site.pages import highlight
from postil_site.refs.sources import source

ALERTS = {
    "NOTE": "Note",
    "TIP": "Tip",
    "IMPORTANT": "Important",
    "WARNING": "Warning",
    "CAUTION": "Caution",
}
_ALERT = re.compile(r"\[!(\w+)\]\s*")
# The word after the three backticks -> a file name by which the lexer is found.
_NAMES = {
    "python": "x.py", "py": "x.py", "toml": "x.toml", "yaml": "x.yml", "yml": "x.yml", "json": "x.json", "sh": "x.sh", "bash": "x.sh",
    "go": "x.go", "rust": "x.rs", "c": "x.c", "lua": "x.lua", "javascript": "x.js", "js": "x.js", "html": "x.html", "css": "x.css",
    "ini": "x.ini", "make": "Makefile", "diff": "x.diff",
}  # fmt: skip
_HIGHLIGHTED = 100_000  # characters of code; more is shown plain


@dataclass(frozen=True, slots=True)
class Heading:
    """A place in a page."""

    level: int
    anchor: str
    title: str


@dataclass(frozen=True, slots=True)
class Part:
    """What stands below a heading, as plain words: a unit of the search."""

    anchor: str  # "" above the first heading
    title: str
    text: str


@dataclass(slots=True)
class Rendered:
    """A page's text."""

    html: str = ""
    headings: list[Heading] = field(default_factory=list)
    links: list[tuple[str, int]] = field(default_factory=list)  # as resolved, with their lines
    parts: list[Part] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)  # line in the text, reason


# (link as written, line) -> address to write, or None with the reason when it leads nowhere.
Resolve = Callable[[str], tuple[str | None, str]]


def render(text: str, resolve: Resolve) -> Rendered:
    """One page."""
    out = Rendered()
    parser = _parser()
    env: dict[str, Any] = {"out": out, "resolve": resolve, "anchors": {}}
    tokens = parser.parse(text, env)
    _headings(tokens, out, env)
    _links(tokens, out, resolve)
    out.html = parser.renderer.render(tokens, parser.options, env)
    out.parts = _parts(tokens, out.headings)
    return out


def slug(title: str) -> str:
    """The anchor of a heading, as GitHub makes it: an existing link into a page holds on both."""
    kept = re.sub(r"[^\w\- ]", "", title.strip().lower())
    return kept.replace(" ", "-") or "section"


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin).use(tasklists_plugin, label=True)
    parser.core.ruler.after("block", "alerts", _alerts)
    rules = {
        "fence": _fence,
        "code_block": _fence,
        "table_open": _table_open,
        "table_close": _table_close,
        "heading_close": _heading_close,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, rule)
    return parser


def _alerts(state: StateCore) -> None:
    """`> [!NOTE]` begins a box and not a quotation."""
    stack: list[tuple[int, str]] = []
    for n, token in enumerate(state.tokens):
        if token.type == "blockquote_open":
            inline = state.tokens[n + 2] if n + 2 < len(state.tokens) else None
            found = _ALERT.match(inline.content) if inline and inline.type == "inline" else None
            kind = found[1].upper() if found else ""
            stack.append((n, kind if kind in ALERTS else ""))
            if found is None or inline is None or kind not in ALERTS:
                continue
            inline.content = inline.content[found.end() :]
            token.tag = "div"
            token.attrs = {"class": f"alert {kind.lower()}", "role": "note"}
            token.meta["alert"] = ALERTS[kind]
        elif token.type == "blockquote_close" and stack:
            _, kind = stack.pop()
            if kind:
                token.tag = "div"
    out: list[Token] = []
    for token in state.tokens:
        out.append(token)
        if label := token.meta.get("alert"):
            made = Token("html_block", "", 0)
            made.content = f'<p class="label">{label}</p>\n'
            out.append(made)
    state.tokens = out


def _headings(tokens: Sequence[Token], out: Rendered, env: dict[str, Any]) -> None:
    seen: dict[str, int] = {}
    for n, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        title = _plain(tokens[n + 1])
        anchor = slug(title)
        count = seen.get(anchor, 0)
        seen[anchor] = count + 1
        if count:
            anchor = f"{anchor}-{count}"
        level = int(token.tag[1])
        if level == 1:  # the page's own title is the only one of its level
            level, token.tag, tokens[n + 2].tag = 2, "h2", "h2"
        token.attrSet("id", anchor)
        tokens[n + 2].meta["anchor"] = (anchor, title)
        out.headings.append(Heading(level, anchor, title))


def _links(tokens: Sequence[Token], out: Rendered, resolve: Resolve) -> None:
    for token in tokens:
        line = token.map[0] + 1 if token.map else 1
        broken = 0
        for child in token.children or ():
            name = {"link_open": "href", "image": "src"}.get(child.type)
            if name is not None:
                given = str(child.attrGet(name) or "")
                address, reason = resolve(given)
                if address is None:
                    child.attrs = {"class": "broken", "title": reason} if reason else {}
                    if reason:
                        out.problems.append((line, f"{given}: {reason}"))
                    child.tag = "span" if child.type == "link_open" else child.tag
                    broken += child.type == "link_open"
                    continue
                child.attrSet(name, address)
                out.links.append((address, line))
                if child.type == "image":
                    child.attrSet("loading", "lazy")
            elif child.type == "link_close" and broken:
                child.tag, broken = "span", broken - 1


def _plain(token: Token) -> str:
    return "".join(
        child.content if child.type in ("text", "code_inline") else " "
        for child in token.children or ()
        if child.type in ("text", "code_inline", "softbreak", "hardbreak")
    )


def _parts(tokens: Sequence[Token], headings: Sequence[Heading]) -> list[Part]:
    """The page cut at its headings."""
    out: list[Part] = []
    anchor, title = "", ""
    words: list[str] = []
    at = iter(headings)
    inside = False
    for token in tokens:
        if token.type == "heading_open":
            out.append(Part(anchor, title, "\n".join(words)))
            heading = next(at)
            anchor, title, words, inside = heading.anchor, heading.title, [], True
        elif token.type == "heading_close":
            inside = False
        elif token.type == "inline" and not inside:
            words.append(_plain(token))
        elif token.type in ("fence", "code_block"):
            words.append(token.content.rstrip())
    out.append(Part(anchor, title, "\n".join(words)))
    return [part for part in out if part.text or part.anchor]


def _fence(
    renderer: RendererHTML, tokens: Sequence[Token], n: int, options: Any, env: dict[str, Any]
) -> str:
    token = tokens[n]
    language = token.info.split()[0].lower() if token.info.strip() else ""
    name, content = _NAMES.get(language, ""), token.content
    if name and len(content) <= _HIGHLIGHTED:
        shown = highlight.document(source(name, content.encode("utf-8", "replace")))
    else:
        shown = html.escape(content, quote=False)
    label = f' data-language="{html.escape(language)}"' if language else ""
    return f'<div class="code"{label}><pre tabindex="0"><code class="c">{shown.rstrip(chr(10))}\n</code></pre></div>\n'


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _heading_close(
    renderer: RendererHTML, tokens: Sequence[Token], n: int, options: Any, env: dict[str, Any]
) -> str:
    anchor, title = tokens[n].meta["anchor"]
    label = html.escape(f"Link to {title}")
    return f' <a class="anchor" href="#{html.escape(anchor)}" aria-label="{label}">#</a></{tokens[n].tag}>\n'
