"""What can be found: a unit has a title, a place, and the text that is searched and shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from postil_site.model import Document
from postil_site.pages import markup

KINDS = ("page", "rfc", "code", "todo")
BLOCK = 40  # lines of a unit of code without definitions
LONGEST_BLOCK = 120
_DEFINITION = re.compile(
    r"^(?P<deep>(?:    |\t)?)(?:@[^\n]*\n(?:(?P=deep)[ \t@)\]}][^\n]*\n){0,40}(?P=deep))?"  # bounded: each @ begins such a look ahead
    r"(?:async +)?(?P<kind>def|class) +(?P<name>\w+)",
    re.MULTILINE,
)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Unit:
    """`address` is relative to the folder that all pages are in; `group` names the texts that are loaded with it."""

    kind: str  # one of KINDS
    title: str
    where: str  # for people: a path, an RFC
    address: str
    text: str
    group: str


def of_rfc(document: Document, title: str) -> list[Unit]:
    """A unit for each section, without the text of its subsections; what stands above the first is the document's own."""
    number = document.rfc
    page = markup.rfc_page(number)
    sections = sorted(document.sections, key=lambda one: one.line)
    first = sections[0].line if sections else len(document.lines) + 1
    where = f"RFC {number}"
    out = [Unit("rfc", f"RFC {number} {title}", where, page, _lines(document, 1, first - 1), f"rfc{number}")]  # fmt: skip
    for section in sections:
        text = _lines(document, section.line + 1, section.own_end_line)
        heading = f"{section.number} {section.title}".strip()
        address = f"{page}#{section.anchor}"
        out.append(Unit("rfc", f"RFC {number} {heading}", title, address, text, f"rfc{number}"))
    return out


def _lines(document: Document, first: int, last: int) -> str:
    kept = (
        document.lines[n - 1]
        for n in range(first, last + 1)
        if n not in document.furniture and n <= len(document.lines)
    )
    return _BLANKS.sub(" ", " ".join(kept)).strip()


def of_code(path: str, text: str) -> list[Unit]:
    """A unit for each definition (Python), else for each block between blank lines; its address is the line."""
    lines = text.split("\n")
    cuts = _definitions(text) if path.endswith((".py", ".pyi")) else []
    if not cuts:
        cuts = [(line, "") for line in _blocks(lines)]
    if not cuts or cuts[0][0] > 1:
        cuts = [(1, ""), *cuts]
    page = markup.code_page(path)
    group = "code-" + (path.rpartition("/")[0] or "top")
    name = path.rpartition("/")[2]
    out = []
    for (line, label), after in zip(cuts, [*(one for one, _ in cuts[1:]), len(lines) + 1], strict=True):  # fmt: skip
        body = "\n".join(lines[line - 1 : after - 1]).strip("\n")
        if body.strip() or line == 1:
            title = f"{label} {name}" if label else name
            out.append(Unit("code", title, f"{path}:{line}", f"{page}#L{line}" if line > 1 else page, body, group))  # fmt: skip
    return out


def _definitions(text: str) -> list[tuple[int, str]]:
    """(first line, name) of functions, classes and their methods, by their indentation; decorators belong to what they decorate."""
    out: list[tuple[int, str]] = []
    above, line, at = "", 1, 0
    for found in _DEFINITION.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        if found["deep"]:
            name = f"{above}.{found['name']}" if above else found["name"]
        else:
            name = found["name"]
            above = name if found["kind"] == "class" else ""
        out.append((line, name))
    return out


def _blocks(lines: Sequence[str]) -> list[int]:
    """First lines of blocks: at a blank line behind BLOCK lines, at LONGEST_BLOCK at the latest."""
    out, begun = [1], 1
    for number, line in enumerate(lines, 1):
        length = number - begun
        if (length >= BLOCK and not line.strip()) or length >= LONGEST_BLOCK:
            begun = number + (not line.strip())
            out.append(begun)
    return [line for line in out if line <= len(lines)]


def of_todo(path: str, line: int, rfc: int, section: str, words: str) -> Unit:
    """One TODO."""
    place = f"RFC {rfc} §{section}" if section else f"RFC {rfc}"
    address = f"{markup.code_page(path)}#L{line}"
    return Unit("todo", f"To do: {place}", f"{path}:{line}", address, words, "todo")


def of_page(name: str, title: str, parts: Sequence[tuple[str, str, str]]) -> list[Unit]:
    """A page of the website by its headings: (anchor, heading, text)."""
    return [
        Unit("page", f"{title}: {heading}" if heading else title, title, f"{name}#{anchor}" if anchor else name, text, "page")
        for anchor, heading, text in parts
    ]  # fmt: skip
