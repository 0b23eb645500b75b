"""Requirements of an RFC: one per BCP 14 keyword in its prose, with a stable id (rules 6 and 7).

Not requirements: the paragraph that explains the keywords, keywords in quotation marks, contents, headings, figures and grammar.
A sentence that ends in a colon before a list is one requirement per item (intro + item).
"""

from __future__ import annotations

import base64
import hashlib
import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass

from postil_site.model import Level, Requirement, Section
from postil_site.texts.decode import Text
from postil_site.texts.normal import KEYWORD, normal
from postil_site.texts.prose import Paragraph, paragraphs, sentences

LEVELS = {
    "MUST": Level.MUST,
    "SHALL": Level.MUST,
    "REQUIRED": Level.MUST,
    "MUST NOT": Level.MUST_NOT,
    "SHALL NOT": Level.MUST_NOT,
    "SHOULD": Level.SHOULD,
    "RECOMMENDED": Level.SHOULD,
    "SHOULD NOT": Level.SHOULD_NOT,
    "NOT RECOMMENDED": Level.SHOULD_NOT,
    "MAY": Level.MAY,
    "OPTIONAL": Level.MAY,
}

_KEYWORDS_PARAGRAPH = re.compile(
    r"key\s?words|are to be interpreted as (?:described|defined)|RFC[- ]?2119\].{0,80}interpreted",
    re.I,
)
_BREAK = re.compile(
    r"[;:]\s+|,\s+(?:and|but|or|nor|which|while|whereas|unless|so)\s+|\s+(?:but|and)\s+(?=\S+\s)"
)
_QUOTED = re.compile(r"[\"“][^\"”]{0,60}[\"”]|'[A-Z ]+'")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a sentence stands: its paragraph, and its bounds in that paragraph's text."""

    paragraph: Paragraph
    start: int
    end: int
    intro: str = ""


def find(text: Text, sections: tuple[Section, ...], rfc: int) -> tuple[Requirement, ...]:
    """All requirements in order of the text."""
    body = text.body()
    numbers = [number for number, _ in body]
    seen: Counter[tuple[str, str]] = Counter()
    out: list[Requirement] = []
    for section in sections:
        lines = body[
            bisect_right(numbers, section.line) : bisect_right(numbers, section.own_end_line)
        ]
        for place in _places(paragraphs(lines)):
            out.extend(_of_sentence(place, section, rfc, seen))
    return tuple(out)


def _places(blocks: list[Paragraph]) -> list[_Place]:
    """Sentences, with the intro that a list item completes."""
    out: list[_Place] = []
    intro: tuple[int, str] | None = None
    for block in blocks:
        if not block.prose or _KEYWORDS_PARAGRAPH.search(block.text):
            continue
        if intro is not None and not (block.bullet or block.indent > intro[0]):
            intro = None
        bounds = sentences(block.text)
        for number, (start, end) in enumerate(bounds):
            sentence = block.text[start:end]
            last = number == len(bounds) - 1
            if last and sentence.endswith(":") and KEYWORD.search(sentence):
                intro = (block.indent, sentence)
                out.append(_Place(block, start, end))
            elif intro is not None and block.bullet and number == 0:
                out.append(_Place(block, start, end, intro[1]))
            else:
                out.append(_Place(block, start, end))
    return _without_consumed_intros(out)


def _without_consumed_intros(places: list[_Place]) -> list[_Place]:
    """An intro whose items carry it is no requirement of its own."""
    used = {place.intro for place in places if place.intro}
    return [
        place
        for place in places
        if place.intro or place.paragraph.text[place.start : place.end] not in used
    ]


def _of_sentence(
    place: _Place, section: Section, rfc: int, seen: Counter[tuple[str, str]]
) -> list[Requirement]:
    sentence = place.paragraph.text[place.start : place.end]
    whole = f"{place.intro} {sentence}" if place.intro else sentence
    quoted = [match.span() for match in _QUOTED.finditer(sentence)]
    found = [
        match
        for match in KEYWORD.finditer(sentence)
        if not any(start < match.start() < end for start, end in quoted)
    ]
    if not found and place.intro:
        keyword = KEYWORD.search(place.intro)
        assert keyword is not None
        first = re.search(r"\S", sentence)
        at = first.start() if first else 0
        return [
            _requirement(
                place,
                section,
                rfc,
                seen,
                whole,
                keyword.group(),
                0,
                (0, len(sentence)),
                (at, at + 1),
            )
        ]
    out = []
    for index, match in enumerate(found):
        start = _break_before(sentence, found[index - 1].end(), match.start()) if index else 0
        end = (
            _break_before(sentence, match.end(), found[index + 1].start())
            if index + 1 < len(found)
            else len(sentence)
        )
        out.append(
            _requirement(
                place, section, rfc, seen, whole, match.group(), index, (start, end), match.span()
            )
        )
    return out


def _break_before(sentence: str, start: int, end: int) -> int:
    """Where the clause of the keyword at `end` begins: behind the last joint since `start`."""
    joints = list(_BREAK.finditer(sentence, start, end))
    if joints:
        joint = joints[-1]
        return joint.start() + (2 if sentence[joint.start()] in ";:," else 1)
    return start


def _requirement(
    place: _Place,
    section: Section,
    rfc: int,
    seen: Counter[tuple[str, str]],
    whole: str,
    keyword: str,
    index: int,
    clause: tuple[int, int],
    keyword_at: tuple[int, int],
) -> Requirement:
    raw = f"{rfc}\0{section.number}\0{normal(whole)}\0{keyword}\0{index}"
    digest = base64.b32encode(hashlib.sha256(raw.encode()).digest()[:5]).decode().lower()
    identity = f"r{rfc}-{digest}"
    seen[section.number, identity] += 1
    if (count := seen[section.number, identity]) > 1:
        identity += f"-{count}"
    text = place.paragraph.text[place.start : place.end]
    own = text[clause[0] : clause[1]].strip()
    return Requirement(
        id=identity,
        rfc=rfc,
        section=section.number,
        level=LEVELS[keyword],
        keyword=keyword,
        clause=f"{place.intro} {own}" if place.intro else own,
        sentence=whole,
        span=place.paragraph.span(place.start + clause[0], place.start + clause[1]),
        keyword_span=place.paragraph.span(place.start + keyword_at[0], place.start + keyword_at[1]),
    )
