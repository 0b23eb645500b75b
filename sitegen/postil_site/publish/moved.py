"""Where a place of one version is in another: files that are gone, and lines that moved, read from the pages themselves.

Between the development version and the latest release lines are mapped; any other pair keeps its line numbers. A script of its own holds it, loaded
when somebody changes the version, so that the pages stay equal between versions.
"""

from __future__ import annotations

import difflib
import hashlib
import html
import json
import re
from pathlib import Path

from postil_site.pages import highlight
from postil_site.texts.library import cache_folder

Blocks = list[tuple[int, int, int]]  # first line here, first line there, number of lines; from 1
_LINE = re.compile(r"^<li id=L\d+[^>]*>(.*)$", re.MULTILINE)
_TAGS = re.compile(r"<[^>]*>")
_LONGEST = 20_000  # lines; a longer file keeps its numbers


def script(here: Path, there: Path, name: str, lines: bool) -> str:
    """`postilMoved(NAME, {gone, changed})`: pages of `here` that `there` lacks, and the lines of code that moved."""
    gone, changed = [], {}
    for folder in ("code", "rfc"):
        for page in sorted((here / folder).rglob("*.html")):
            relative = page.relative_to(here).as_posix()
            twin = there / relative
            if not twin.is_file():
                gone.append(relative.removesuffix(".html"))
            elif lines and folder == "code" and not page.samefile(twin):
                blocks = _blocks(page, twin)
                if blocks is not None:
                    changed[relative.removesuffix(".html")] = blocks
    table = {"gone": gone, "changed": changed}
    return f"postilMoved({json.dumps(name)},{json.dumps(table, ensure_ascii=False, separators=(',', ':'))});\n"


def _blocks(page: Path, twin: Path) -> Blocks | None:
    """None when every line has kept its place."""
    old, new = page.read_bytes(), twin.read_bytes()
    if old == new:
        return None
    key = hashlib.sha256(hashlib.sha256(old).digest() + hashlib.sha256(new).digest()).hexdigest()
    file = cache_folder() / "moved" / f"{key[:40]}.json"
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        found = matched(_text(old), _text(new))
        highlight.keep(file, json.dumps(found))
    return [(one, two, count) for one, two, count in found] if found is not None else None


def _text(page: bytes) -> list[str]:
    """The lines of a page of code."""
    text = page.decode("utf-8", "replace")
    return [html.unescape(_TAGS.sub("", line)) for line in _LINE.findall(text)]


def matched(old: list[str], new: list[str]) -> Blocks | None:
    """Runs of equal lines; None when no line has moved. Lines equal at both ends are set aside first: most changes are small."""
    if len(old) > _LONGEST or len(new) > _LONGEST:
        return None
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if len(old) == len(new) and head + tail >= len(old):
        return None
    blocks: Blocks = [(1, 1, head)] if head else []
    middle = difflib.SequenceMatcher(
        None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False
    )
    blocks += [
        (head + one + 1, head + two + 1, count)
        for one, two, count in middle.get_matching_blocks()
        if count
    ]
    if tail:
        blocks.append((len(old) - tail + 1, len(new) - tail + 1, tail))
    if len(old) == len(new) and all(one == two for one, two, _ in blocks):
        return None
    return blocks
