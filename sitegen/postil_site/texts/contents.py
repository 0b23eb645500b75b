"""The table of contents of an RFC: what it says the sections are.

Entries look like `6.3.12. APPEND Command . . . . 70`, with or without dots, page numbers and indentation, wrapped over lines, with
`Appendix A.` or `A.1` for appendices, and some without any number. It ends where its first entry appears again as a heading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postil_site.texts.decode import Text

NUMBER = r"(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)+|[A-Z])"
_TITLE = re.compile(r"^\s*(?:\d+\.?\s+)?(?:table\s+of\s+contents|contents)\s*:?\s*$", re.IGNORECASE)
_ENTRY = re.compile(
    rf"^(?P<indent>\s*)(?:(?P<word>Appendix|APPENDIX|Annex|ANNEX|Section)\s+)?(?P<number>{NUMBER})"
    r"(?P<dot>[.:)]|\.?\s*-+)?(?P<gap>\s+)(?P<title>\S.*?)?\s*$"
)
_LEADER = re.compile(
    r"(?:\s*(?:\.\s?){2,}|\s{2,}|\s*_{3,}|\s*-{3,})\s*(?:\d+|[ivxlc]+|[A-Z]-?\d+)?\s*$"
)
_DOTS = re.compile(r"(?:\.\s?){3,}\s*\S*\s*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the contents; `number` is "" for sections without one."""

    number: str
    title: str
    line: int
    appendix: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """The table: its lines, first and last, and its numbered entries in order."""

    first: int
    last: int
    entries: tuple[Entry, ...]

    @property
    def depth(self) -> int:
        """The depth down to which it lists sections."""
        return max((entry.number.count(".") + 1 for entry in self.entries), default=0)


def key(title: str) -> str:
    """A title as it is compared: letters and digits only."""
    return "".join(filter(str.isalnum, title.casefold()))


def find(text: Text) -> Contents | None:
    """The table of contents, or None when there is none."""
    body = text.body()
    for index, (_, line) in enumerate(body):
        if _TITLE.match(line):
            contents = _read(body, index + 1)
            if contents is not None:
                return contents
    return None


def _read(body: list[tuple[int, str]], start: int) -> Contents | None:
    entries: list[Entry] = []
    last = body[start - 1][0]
    blanks = 0
    for index in range(start, len(body)):
        number, line = body[index]
        if not line.strip():
            blanks += 1
            continue
        entry = _entry(number, line)
        if entries and (_repeats(entries, line, entry) or (blanks > 6 and entry is None)):
            break
        if entry is None:
            if not entries and index - start > 12:
                return None
            if entries and not line[:1].isspace() and not _DOTS.search(line) and _prose(line):
                break
            if entries and blanks == 0:
                entries[-1] = _continued(entries[-1], line)
            last = number
        else:
            entries.append(entry)
            last = number
        blanks = 0
    if len(entries) < 2:
        return None
    return Contents(body[start - 1][0], last, tuple(_without_noise(entries)))


def _entry(number: int, line: str) -> Entry | None:
    match = _ENTRY.match(line)
    if match is None or len(match["indent"]) > 16:
        return None
    title = _LEADER.sub("", match["title"] or "").strip()
    label = match["number"]
    if label.isalpha() and not match["word"] and not match["dot"] and len(match["gap"]) < 2:
        return None  # `A Grammar of …`: a title that begins with an article
    if title and key(title) == "":
        title = ""
    return Entry(label, title, number, bool(match["word"]) or label[0].isalpha())


def _continued(entry: Entry, line: str) -> Entry:
    more = _LEADER.sub("", line).strip()
    return Entry(entry.number, f"{entry.title} {more}".strip(), entry.line, entry.appendix)


def _repeats(entries: list[Entry], line: str, entry: Entry | None) -> bool:
    """An entry again, now as a heading: the table is over."""
    if entry is None or len(entries) < 2 or _DOTS.search(line):
        return False
    for earlier in entries:
        if entry.number == earlier.number and entry.appendix == earlier.appendix:
            return key(entry.title)[:20] == key(earlier.title)[:20] or not line[:1].isspace()
    return False


def _prose(line: str) -> bool:
    return len(line) > 50 or line.rstrip().endswith((".", ","))


def _without_noise(entries: list[Entry]) -> list[Entry]:
    """Only entries in rising order: page numbers on lines of their own look like entries."""
    kept: list[Entry] = []
    for entry in entries:
        if entry.title or not entry.number.isdigit() or int(entry.number) < 100:
            kept.append(entry)
    return kept
