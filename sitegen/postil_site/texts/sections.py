"""The sections of an RFC: headings found where contents, order of numbers, indentation and blank lines agree.

One regular expression is not enough: 78 of 246 sampled texts have a section number twice outside the contents (numbered lists, above
all), RFC 822 indents its headings, RFC 3501 writes up to six spaces after the number. So: every line that could be a heading is a
candidate with a weight (it stands in the contents, at the margin, between blank lines); the heaviest chain of candidates in which each
number may follow the one before is the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postil_site.model import Section
from postil_site.texts import contents
from postil_site.texts.contents import NUMBER, Contents, key
from postil_site.texts.decode import Text

_HEADING = re.compile(
    rf"^(?P<indent>\s{{0,12}})(?:(?P<word>Appendix|APPENDIX|Annex|ANNEX|Section|SECTION)\s+)?(?P<number>{NUMBER})"
    r"(?P<dot>[.:)]|\.?\s*-+)?(?P<gap>\s+|$)(?P<title>\S.*?)?\s*$"
)
MAX_CANDIDATES = (
    4000  # a text with more is a list of numbers; the margin ones alone are then looked at
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    line: int
    steps: tuple[int, ...]
    appendix: bool
    title: str
    number: str
    weight: int
    listed: bool


def find(text: Text) -> tuple[Section, ...]:
    """The sections in order of the text, with their ends."""
    table = contents.find(text)
    candidates = _candidates(text, table)
    chain = _heaviest(candidates)
    return _sections(text, chain)


def _steps(number: str) -> tuple[int, ...]:
    parts = number.split(".")
    first = ord(parts[0]) - 64 if parts[0].isalpha() else int(parts[0])
    return (first, *(int(part) for part in parts[1:]))


def _candidates(text: Text, table: Contents | None) -> list[_Candidate]:
    body = text.body()
    listed = (
        {(entry.number, entry.appendix): entry.title for entry in table.entries} if table else {}
    )
    depth = table.depth if table else 0
    found: list[_Candidate] = []
    for index, (number, line) in enumerate(body):
        if not line.strip() or (table and table.first <= number <= table.last):
            continue
        match = _HEADING.match(line)
        if match is None or len(match["number"]) > 24:
            continue
        candidate = _candidate(body, index, match, listed, depth)
        if candidate is not None:
            found.append(candidate)
    if len(found) > MAX_CANDIDATES:
        found = [candidate for candidate in found if candidate.weight > 3]
    return found


def _candidate(
    body: list[tuple[int, str]],
    index: int,
    match: re.Match[str],
    listed: dict[tuple[str, bool], str],
    depth: int,
) -> _Candidate | None:
    label, title = match["number"], match["title"] or ""
    appendix = label[0].isalpha()
    if appendix and "." not in label and not (match["word"] or (match["dot"] and listed)):
        return None
    before = index == 0 or not body[index - 1][1].strip()
    after = index + 1 >= len(body) or not body[index + 1][1].strip()
    in_table = listed.get((label, appendix))
    full = f"{title} {body[index + 1][1].strip()}" if index + 1 < len(body) else title
    agrees = in_table is not None and (
        key(title)[:24] == key(in_table)[: len(key(title)[:24])] if title else not in_table
    )
    agrees = agrees or (in_table is not None and key(full)[:24] == key(in_table)[:24])
    margin = not match["indent"]
    if match["word"] and not title and before:
        agrees = True  # `APPENDIX A` alone on its line, the title below
        title = next((line.strip() for _, line in body[index + 1 : index + 4] if line.strip()), "")
    if agrees and (before or margin):
        weight = 20 + 2 * margin + before + after
    elif not before or not title or (not margin and len(match["indent"]) > 8):
        return None
    elif in_table is not None:
        weight = 4 * margin + after  # the number is in the contents with another title
    elif listed and label.count(".") + 1 <= depth:
        weight = (2 if margin and after and match["dot"] else 0) - 1  # should have been listed
    else:
        weight = 3 * margin + 2 * after - 1 - 2 * title.rstrip().endswith((".", ",", ";"))
    if weight <= 0 or len(title) > 90 or (not agrees and title[:1] in "=+-*|<>/"):
        return None
    steps = _steps(label)
    if max(steps) > 200 or (not appendix and steps[0] == 0 and not agrees):
        return None
    return _Candidate(body[index][0], steps, appendix, title.strip(), label, weight, agrees)


def _follows(after: _Candidate, before: _Candidate) -> bool:
    """May `after` be the next heading? A first child, or the next sibling of it or of one above."""
    if after.appendix != before.appendix:
        return after.appendix and len(after.steps) == 1
    ours, theirs = after.steps, before.steps
    if ours <= theirs:
        return False
    if after.listed and before.listed:
        return True
    if len(ours) > len(theirs):
        return ours[:-1] == theirs and ours[-1] <= 1
    return ours[:-1] == theirs[: len(ours) - 1] and ours[-1] == theirs[len(ours) - 1] + 1


def _heaviest(candidates: list[_Candidate]) -> list[_Candidate]:
    best: list[int] = []
    back: list[int] = []
    for index, candidate in enumerate(candidates):
        top, source = (0 if _may_begin(candidate) else -6), -1
        for other in range(index):
            gain = best[other] - (0 if _follows(candidate, candidates[other]) else 1_000_000)
            if gain <= -500_000 and candidate.listed and _later(candidate, candidates[other]):
                gain = best[other] - 3  # a listed heading is believed across a gap
            if gain <= -500_000 and _skips_one(candidate, candidates[other]):
                gain = best[other] - 4  # authors forget a number, or the heading of a whole section
            if gain >= top:
                top, source = gain, other
        best.append(top + candidate.weight)
        back.append(source)
    chain: list[_Candidate] = []
    at = max(range(len(best)), key=best.__getitem__, default=-1)
    while at >= 0:
        chain.append(candidates[at])
        at = back[at]
    return chain[::-1]


def _skips_one(after: _Candidate, before: _Candidate) -> bool:
    """Is one number between two headings that stands nowhere: 3 and 5, or 3 and 4.1?"""
    if after.appendix or before.appendix:
        return False
    ahead = after.steps[0] - before.steps[0]
    return (ahead == 2 and len(after.steps) == 1) or (ahead == 1 and after.steps[1:] == (1,))


def _may_begin(candidate: _Candidate) -> bool:
    return candidate.steps in ((1,), (0,)) or candidate.listed


def _later(after: _Candidate, before: _Candidate) -> bool:
    if after.appendix != before.appendix:
        return after.appendix
    return after.steps > before.steps


def _sections(text: Text, chain: list[_Candidate]) -> tuple[Section, ...]:
    end = len(text.lines)
    out = []
    for index, heading in enumerate(chain):
        own_end = chain[index + 1].line - 1 if index + 1 < len(chain) else end
        close = end
        for later in chain[index + 1 :]:
            inside = (
                later.appendix == heading.appendix
                and later.steps[: len(heading.steps)] == heading.steps
            )
            if not inside:
                close = later.line - 1
                break
        out.append(
            Section(
                number=heading.number,
                title=heading.title,
                line=heading.line,
                end_line=close,
                own_end_line=own_end,
                depth=len(heading.steps),
                appendix=heading.appendix,
            )
        )
    return tuple(out)
