"""What people really write when they name an RFC, in order of precedence: what a stronger form took, a weaker one leaves alone.

The input is the text of one comment, docstring or paragraph, joined over its lines; the output are places in that text. Which RFC and
section exist is asked through `Known`, so that a bare number becomes a reference only where a section of that number is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from postil_site.model import Target, TargetKind
from postil_site.refs import words


@dataclass(frozen=True, slots=True)
class Known:
    """What the grammar may ask about the world."""

    newest: int = 99_999  # numbers above are no RFC
    has_section: Callable[[int, str], bool] = lambda rfc, section: False
    series: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    rfc_of_erratum: Callable[[int], int | None] = lambda eid: None


@dataclass(frozen=True, slots=True)
class Found:
    """A reference in a text: characters from `start` up to `end`."""

    start: int
    end: int
    rfc: int
    target: Target
    style: str
    weak: bool = False
    status_word: str | None = None  # `not planned` …, as written behind it


class _Taken:
    """Parts of the text that a stronger form has taken."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def free(self, start: int, end: int) -> bool:
        return not any(start < stop and end > begin for begin, stop in self._spans)

    def take(self, start: int, end: int) -> None:
        self._spans.append((start, end))


def scan(text: str, known: Known) -> list[Found]:
    """All strong references of a text, in order; weak ones are `weak`'s."""
    if not _worth(text):
        return []
    taken = _Taken()
    out: list[Found] = []
    for form in (_urls, _paths, _prose, _reversed, _several, _series, _bare):
        for found in form(text, known, taken):
            out.append(_with_tail(text, found))
    return sorted(out, key=lambda found: (found.start, found.end))


def _worth(text: str) -> bool:
    lowered = text.lower()
    return (
        "rfc" in lowered
        or "bcp" in lowered
        or "std" in lowered
        or "fyi" in lowered
        or "/errata/" in lowered
    )


def weak(text: str, rfc: int, known: Known, strong: list[Found]) -> list[Found]:
    """`section 4.2` alone, where the surroundings name exactly one RFC: a link, never coverage."""
    taken = _Taken()
    for found in strong:
        taken.take(found.start, found.end)
    out = []
    for match in words.WEAK.finditer(text):
        if not taken.free(*match.span()):
            continue
        for number in _list(match):
            if known.has_section(rfc, number[0]):
                target = Target(TargetKind.SECTION, number[0], match.group())
                out.append(Found(number[1], number[2], rfc, target, "prose", weak=True))
    return out


def _ok(text: str, at: int, rfc: int, known: Known) -> bool:
    if rfc > known.newest:
        return False
    head = text[max(0, at - 16) : at]
    if words.FOREIGN.search(head):
        return False
    # rfc822 is the name of a format, of a MIME type, of a module; RFC 822 is the document
    return not re.match(r"\[?rfc822(?!\d)", text[at : at + 9], re.IGNORECASE)


def _list(match: re.Match[str], group: str = "list") -> list[tuple[str, int, int]]:
    """The sections of a list, each with its place; `4.1 to 4.3` gives both ends."""
    base = match.start(group)
    return [
        (number.group().rstrip("."), base + number.start(), base + number.end())
        for number in words.NUMBERS.finditer(match[group])
    ]


def _urls(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.URL.finditer(text):
        taken.take(*match.span())
        url = match["path"].rstrip(".:")
        end = match.start("path") + len(url)
        erratum = words.URL_ERRATUM.search(url)
        if erratum:
            eid = int(erratum["eid"] or erratum["eid2"])
            rfc = known.rfc_of_erratum(eid)
            if rfc is not None:
                yield Found(match.start(), end, rfc, Target(TargetKind.ERRATUM, str(eid)), "url")
            continue
        path, _, fragment = url.partition("#")
        numbers = list(words.URL_RFC.finditer(path))
        if not numbers:
            continue
        rfc = int(numbers[-1]["rfc"])
        if rfc <= known.newest:
            yield Found(match.start(), end, rfc, _fragment(fragment), "url")


def _fragment(fragment: str) -> Target:
    if section := words.URL_SECTION.match(fragment):
        return Target(TargetKind.SECTION, section["number"], fragment)
    if appendix := words.URL_APPENDIX.match(fragment):
        number = appendix["number"]
        return Target(TargetKind.SECTION, number[0].upper() + number[1:], fragment)
    if page := words.URL_PAGE.match(fragment):
        return Target(TargetKind.PAGE, page["number"])
    if fragment.startswith("name-"):
        return Target(TargetKind.SECTION, fragment, fragment)
    return Target(TargetKind.DOCUMENT, "")


def _paths(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for pattern in (words.PATH, words.FILE):
        for match in pattern.finditer(text):
            if not taken.free(*match.span()) or int(match["rfc"]) > known.newest:
                continue
            groups = match.groupdict()
            if not groups.get("line") and not groups.get("eid") and "/" not in match.group():
                continue
            taken.take(*match.span())
            if groups.get("eid"):
                target = Target(TargetKind.ERRATUM, str(groups["eid"]))
            elif groups.get("line"):
                target = Target(TargetKind.LINE, str(groups["line"]))
            else:
                target = Target(TargetKind.DOCUMENT, "")
            yield Found(match.start(), match.end(), int(match["rfc"]), target, "path")


def _prose(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.PROSE_PAGE.finditer(text):
        rfc = int(match["rfc"])
        if taken.free(*match.span()) and _ok(text, match.start(), rfc, known):
            taken.take(*match.span())
            yield Found(
                match.start(), match.end(), rfc, Target(TargetKind.PAGE, match["page"]), "prose"
            )
    for pattern, sure in ((words.PROSE, True), (words.PROSE_DASH, True), (words.PROSE_BARE, False)):
        for match in pattern.finditer(text):
            rfc = int(match["rfc"])
            if not taken.free(*match.span()) or not _ok(text, match.start(), rfc, known):
                continue
            numbers = _list(match)
            if not sure and not all(known.has_section(rfc, number[0]) for number in numbers):
                continue
            if pattern is words.PROSE and _next_sentence(match["sep"]):
                continue
            if pattern is words.PROSE_DASH and not known.has_section(rfc, numbers[0][0]):
                continue
            taken.take(*match.span())
            for index, (number, start, end) in enumerate(numbers):
                begin = match.start() if index == 0 else start
                written = text[match.start(pattern.groupindex.get("word", 0) or 0) : match.end()]
                yield Found(
                    begin,
                    end,
                    rfc,
                    Target(TargetKind.SECTION, number, _one_line(written)),
                    "prose",
                )


def _next_sentence(sep: str) -> bool:
    return "." in sep


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _reversed(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.REVERSED.finditer(text):
        rfc = int(match["rfc"])
        if not taken.free(*match.span()) or not _ok(text, match.start("rfc") - 4, rfc, known):
            continue
        taken.take(*match.span())
        written = _one_line(text[match.start("word") : match.end("list")])
        for number, start, end in _list(match):
            target = Target(TargetKind.SECTION, number, written)
            only = len(_list(match)) == 1
            yield Found(
                match.start() if only else start,
                match.end() if only else end,
                rfc,
                target,
                "reversed",
            )


def _several(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.SEVERAL.finditer(text):
        if not taken.free(*match.span()):
            continue
        numbers = [(match.start("first"), match["first"])] + [
            (match.start("rest") + number.start(), number.group())
            for number in re.finditer(r"\d+", match["rest"])
        ]
        if not all(int(number) <= known.newest for _, number in numbers):
            continue
        if words.FOREIGN.search(text[max(0, match.start() - 16) : match.start()]):
            continue
        taken.take(*match.span())
        for index, (start, number) in enumerate(numbers):
            begin = match.start() if index == 0 else start
            yield Found(
                begin, start + len(number), int(number), Target(TargetKind.DOCUMENT, ""), "bare"
            )


def _series(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.SERIES.finditer(text):
        members = known.series.get((match["series"], int(match["number"])), ())
        if taken.free(*match.span()) and members:
            taken.take(*match.span())
            for rfc in members:
                yield Found(*match.span(), rfc, Target(TargetKind.DOCUMENT, ""), "bare")


def _bare(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.BARE.finditer(text):
        rfc = int(match["rfc"])
        if taken.free(*match.span()) and _ok(text, match.start(), rfc, known):
            taken.take(*match.span())
            yield Found(*match.span(), rfc, Target(TargetKind.DOCUMENT, ""), "bare")


def _with_tail(text: str, found: Found) -> Found:
    """What stands directly behind a section: quoted words (rule 1), or a decision."""
    if found.target.kind is not TargetKind.SECTION:
        status = words.STATUS.match(text, found.end)
        if status and found.target.kind is TargetKind.DOCUMENT:
            return Found(
                found.start, status.end(), found.rfc, found.target, found.style, found.weak,
                status["status"].lower(),
            )  # fmt: skip
        return found
    status = words.STATUS.match(text, found.end)
    word = status["status"].lower() if status else None
    end = status.end() if status else found.end
    quote = words.QUOTE.match(text, end) or words.QUOTE_TYPED.match(text, end)
    target = found.target
    if quote:
        target = Target(TargetKind.QUOTE, _one_line(quote["words"]), found.target.value)
        end = quote.end()
    return Found(found.start, end, found.rfc, target, found.style, found.weak, word)
