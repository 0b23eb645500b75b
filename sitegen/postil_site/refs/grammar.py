"""What people really write when they name an RFC, in order of precedence: what a stronger form took, a weaker one leaves alone.

The input is the text of one comment, docstring or paragraph, joined over its lines with single blanks (`blocks`); a line break in it is an
empty line of the comment and ends everything. The output are places in that text. Which RFC and section exist is asked through `Known`, so that a bare
number becomes a reference only where a section of that number is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from postil_site.model import Target, TargetKind
from postil_site.refs import words

_PATH = words.path_pattern()


@dataclass(frozen=True, slots=True)
class Known:
    """What the grammar may ask about the world."""

    newest: int = 99_999  # numbers above are no RFC; 0 for not known
    has_section: Callable[[int, str], bool] = lambda rfc, section: False
    series: dict[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    rfc_of_erratum: Callable[[int], int | None] = lambda eid: None
    path: re.Pattern[str] = _PATH

    def exists(self, rfc: int) -> bool:
        """Can there be an RFC of that number?"""
        return rfc <= (self.newest or 99_999)


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


@dataclass(frozen=True, slots=True)
class _Number:
    """A section of a list: normalised, as written, and where."""

    value: str
    written: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Name:
    """`RFC 9051` somewhere in the text."""

    start: int
    end: int
    rfc: int
    plural: bool


class _Taken:
    """Parts of the text that a stronger form has taken."""

    def __init__(self, length: int) -> None:
        self._mask = bytearray(length + 1)

    def free(self, start: int, end: int) -> bool:
        return self._mask.find(1, start, end) < 0

    def take(self, start: int, end: int) -> None:
        self._mask[start:end] = b"\1" * (end - start)


DOCUMENT = Target(TargetKind.DOCUMENT, "")


def scan(text: str, known: Known) -> list[Found]:
    """All strong references of a text, in order; weak ones are `weak`'s."""
    if not _worth(text):
        return []
    taken = _Taken(len(text))
    out = [*_urls(text, known, taken), *_paths(text, known, taken)]
    foreign = words.FOREIGN_BLOCK.search(text) is not None
    names = [] if foreign else list(_names(text, known, taken))
    for form in (_named_parts, _reversed, _several):
        out += form(text, known, taken, names)
    out += _series(text, known, taken)
    out += [
        Found(name.start, name.end, name.rfc, DOCUMENT, "bare")
        for name in names
        if taken.free(name.start, name.end)
    ]
    out += _lone_errata(text, known, out)
    return sorted((_with_tail(text, one) for one in out), key=lambda one: (one.start, one.end))


def _worth(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for word in ("rfc", "bcp", "std", "fyi", "/errata/"))


def weak(text: str, rfc: int, known: Known, strong: list[Found]) -> list[Found]:
    """`section 4.2` alone, where the surroundings name exactly one RFC: a link, never coverage."""
    taken = _Taken(len(text))
    for found in strong:
        taken.take(found.start, found.end)
    out = []
    for match in words.WORD_START.finditer(text):
        word = words.WORD.match(text, match.start())
        if word is None or word["paragraph"] or match.group().rstrip(".") in ("s", "ss"):
            continue
        for number in _list(text, word.end(), word):
            if known.has_section(rfc, number.value) and taken.free(number.start, number.end):
                target = Target(TargetKind.SECTION, number.value, number.written)
                begin = match.start() if taken.free(match.start(), number.end) else number.start
                taken.take(begin, number.end)
                out.append(Found(begin, number.end, rfc, target, "prose", weak=True))
    return out


def _names(text: str, known: Known, taken: _Taken) -> Iterator[_Name]:
    for match in words.RFC.finditer(text):
        rfc = int(match["rfc"])
        start, end = match.span()
        if not known.exists(rfc) or not taken.free(start, end) or _is_name(text, match):
            continue
        if text[start] == "[" and text[end - 1] != "]" and "]" not in text[end : end + 40]:
            start += 1
        if words.FOREIGN.search(text[max(0, start - 20) : start]) or words.FOREIGN_AFTER.match(
            text, end
        ):
            continue
        yield _Name(start, end, rfc, match["name"].lower() == "rfcs")


def _is_name(text: str, match: re.Match[str]) -> bool:
    """`rfc822` is the name of a format, a module, an option; `RFC 822` is the document."""
    if match["gap"].strip(" -") == ":" and (match["name"] != "RFC" or len(match["rfc"]) < 3):
        return True
    if match["name"] != "rfc" or " " in match["gap"]:
        return False
    if match["rfc"] == "822" and "-" not in match["gap"]:
        return True
    end = match.end("rfc")
    before = words.NAME_BEFORE.search(text[max(0, match.start() - 1) : match.start()])
    if before and text[match.start() - 1] in "`'\"<{" and text[end : end + 1] in "`'\">}":
        return True
    return words.NAME_AFTER.match(text, end) is not None and text[end] not in "`'\">*}"


def _list(text: str, at: int, word: re.Match[str] | None) -> list[_Number]:
    """The sections that begin at a place, joined by commas and the like; `4.1 to 4.3` gives both ends."""
    appendix = word is not None and word["appendix"] is not None
    plural = word is not None and words.PLURAL.match(word.group().strip(" :#")) is not None
    out: list[_Number] = []
    dotted_only = word is None or word["paragraph"] is not None
    while len(out) < words.MAX_LIST:
        number = _number(text, at, appendix)
        if number is None or (dotted_only and "." not in number.value):
            break
        if out and not plural and not appendix and not _continues(text, out[0], number):
            break
        out.append(number)
        join = words.JOIN.match(text, number.end)
        if join is None:
            break
        at = join.end()
        again = words.WORD.match(text, at)
        if again is not None:
            if again["paragraph"]:
                break
            appendix, plural, at = again["appendix"] is not None, True, again.end()
            if again.group().startswith("s"):  # `RFC 5321 section 4, s 5` may be; `and seconds` not
                plural = True
    return out


def _number(text: str, at: int, appendix: bool) -> _Number | None:
    match = words.NUMBER.match(text, at)
    if match is None and appendix:
        match = words.LETTER.match(text, at) or words.LETTERED.match(text, at)
    if match is None:
        return None
    written = match.group()
    return _Number(written[0].upper() + written[1:], written, match.start(), match.end())


def _continues(text: str, first: _Number, number: _Number) -> bool:
    """After a singular word a bare number goes on the list only if the first was bare too: `Section 4.5.3, 64 octets`."""
    if words.UNITS.match(text, number.end):
        return False
    if "." in number.value:
        return True
    rest = text[number.end : number.end + 1]
    return "." not in first.value and (rest in ("", ".", ",", ")", ";", ":", "]", "\n"))


def _urls(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in words.URL.finditer(text):
        taken.take(*match.span())
        url = match["path"].rstrip(".:*_")
        end = match.start("path") + len(url)
        start = match.start()
        number = words.URL_BARE.search(url)
        erratum = words.URL_ERRATUM.search(url)
        if erratum:
            eid = int(erratum["eid"] or erratum["eid2"] or erratum["eid3"])
            rfc = int(number["rfc"]) if number else known.rfc_of_erratum(eid)
            target = Target(TargetKind.ERRATUM, str(eid))
            yield Found(start, end, rfc or 0, target, "url")
            continue
        path, _, fragment = url.partition("#")
        numbers = list(words.URL_RFC.finditer(path))
        if numbers:
            rfc = int(numbers[-1]["rfc"] or numbers[-1]["plain"])
        elif number:
            rfc = int(number["rfc"])
        else:
            continue
        if known.exists(rfc) and not words.FOREIGN_BLOCK.search(match.group()):
            yield Found(start, end, rfc, fragment_target(fragment), "url")


def fragment_target(fragment: str) -> Target:
    """What `#section-8.1-3`, `#appendix-A`, `#page-7` and `#name-…` point at."""
    if section := words.URL_SECTION.match(fragment):
        return Target(TargetKind.SECTION, section["number"], section["number"])
    if appendix := words.URL_APPENDIX.match(fragment):
        number = appendix["number"]
        return Target(TargetKind.SECTION, number[0].upper() + number[1:], number)
    if page := words.URL_PAGE.match(fragment):
        return Target(TargetKind.PAGE, str(int(page["number"])))
    if fragment.startswith("name-"):
        return Target(TargetKind.SECTION, fragment, fragment)
    return DOCUMENT


def _paths(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for pattern in (known.path, words.FILE):
        for match in pattern.finditer(text):
            groups = match.groupdict()
            rfc = int(match["rfc"])
            if not taken.free(*match.span()) or not known.exists(rfc):
                continue
            if not (groups.get("line") or groups.get("eid") or groups.get("up")):
                if not match.group().startswith(("rfc/",)) or ".txt" in match.group():
                    continue
                if len(match["rfc"]) < 3:
                    continue  # `rfc/2` is a count of something
            taken.take(*match.span())
            if groups.get("eid"):
                target = Target(TargetKind.ERRATUM, str(groups["eid"]))
            elif groups.get("line"):
                target = Target(TargetKind.LINE, str(int(groups["line"])))
            else:
                target = DOCUMENT
            yield Found(match.start(), match.end(), rfc, target, "path")


def _named_parts(text: str, known: Known, taken: _Taken, names: list[_Name]) -> Iterator[Found]:
    """What follows the name: an erratum, a page, sections."""
    for name in names:
        if not taken.free(name.start, name.end):
            continue
        if erratum := words.ERRATUM.match(text, name.end):
            taken.take(name.start, erratum.end())
            target = Target(TargetKind.ERRATUM, str(int(erratum["eid"])))
            yield Found(name.start, erratum.end(), name.rfc, target, "prose")
        elif page := words.PAGE.match(text, name.end):
            taken.take(name.start, page.end())
            target = Target(TargetKind.PAGE, str(int(page["page"])))
            yield Found(name.start, page.end(), name.rfc, target, "prose")
        else:
            numbers = _sections_after(text, known, name)
            if numbers and taken.free(name.start, numbers[-1].end):
                taken.take(name.start, numbers[-1].end)
                yield from _each(name.start, numbers, name.rfc, "prose")


def normal_section(written: str) -> str:
    """A section's number as documents have it: `a.2` is `A.2`; `name-…` stays."""
    return written if written.startswith("name-") else written[:1].upper() + written[1:].rstrip(".")


def _each(start: int, numbers: list[_Number], rfc: int, style: str) -> Iterator[Found]:
    """A reference for each of a list; the first begins where the whole does."""
    for index, number in enumerate(numbers):
        target = Target(TargetKind.SECTION, number.value, number.written)
        yield Found(number.start if index else start, number.end, rfc, target, style)


def _sections_after(text: str, known: Known, name: _Name) -> list[_Number]:
    tight = words.HASH.match(text, name.end) or words.COLON.match(text, name.end)
    if tight:
        numbers = _list(text, tight.end(), None) or _tight(text, tight.end(), known, name.rfc)
        if numbers:
            return numbers
    sep = words.SEP.match(text, name.end)
    word = words.WORD.match(text, sep.end()) if sep else None
    if word is None and sep is not None and "[" not in sep.group():
        sep = re.compile(r" ?[)\]]? ?").match(text, name.end)
        word = words.WORD.match(text, sep.end()) if sep else None
    if word is not None and sep is not None and (sep.group() or word.group()[0] == "§"):
        numbers = _list(text, word.end(), word)
        if numbers and not _belongs_to_next(text, numbers[-1].end, sep.group()):
            return numbers
        return []
    if dash := words.DASH.match(text, name.end):
        number = _number(text, dash.end(), False)
        if number is not None and known.has_section(name.rfc, number.value):
            return [number] if "." in number.value or _ends(text, number.end) else []
    bare = words.BARE_SEP.match(text, name.end)
    if bare is None:
        return []
    numbers = _list(text, bare.end(), None)
    return numbers if all(known.has_section(name.rfc, one.value) for one in numbers) else []


def _tight(text: str, at: int, known: Known, rfc: int) -> list[_Number]:
    """`RFC5321#4`, `RFC 5321:4`: a bare number only where there is such a section."""
    number = _number(text, at, True)
    written_out = text[at - 1] == "-"  # `#section-4`
    if number is not None and (written_out or known.has_section(rfc, number.value)):
        return [number]
    return []


def _ends(text: str, at: int) -> bool:
    return text[at : at + 1] in ("", ".", ",", ")", ";", ":", "\n")


def _belongs_to_next(text: str, end: int, sep: str) -> bool:
    """`RFC N, section 6.8 of RFC M`: the section is the second one's."""
    of = words.OF.match(text, end)
    if of is None or not re.match(r"[)\]]?(?: ?,)? (?:of|in|from) ", of.group()):
        return False
    return words.RFC.match(text, of.end()) is not None


def _reversed(text: str, known: Known, taken: _Taken, names: list[_Name]) -> Iterator[Found]:
    at = {name.start: name for name in names}
    for pattern, kind in (
        (words.PAGE_OF, TargetKind.PAGE),
        (words.ERRATUM_OF, TargetKind.ERRATUM),
    ):
        for match in pattern.finditer(text):
            name = at.get(match.end())
            if name is not None and taken.free(match.start(), name.end):
                taken.take(match.start(), name.end)
                value = str(int(match["page" if kind is TargetKind.PAGE else "eid"]))
                yield Found(match.start(), name.end, name.rfc, Target(kind, value), "reversed")
    for start in words.WORD_START.finditer(text):
        if not taken.free(*start.span()):
            continue
        word = words.WORD.match(text, start.start())
        numbers = _list(text, word.end(), word) if word else []
        of = words.OF.match(text, numbers[-1].end) if numbers else None
        name = at.get(of.end()) if of else None
        if name is None or not taken.free(start.start(), name.end):
            continue
        if (
            of is not None
            and not of.group().strip()
            and start.group()[0] in "sS"
            and "." not in numbers[-1].value
            and "ection" not in start.group()
        ):
            continue  # `s4 RFC 5321`
        taken.take(start.start(), name.end)
        end = (
            name.end + (1 if text[name.end : name.end + 1] == ")" and "(" in of.group() else 0)
            if of
            else name.end
        )
        for index, number in enumerate(numbers):
            target = Target(TargetKind.SECTION, number.value, number.written)
            begin = number.start if index else start.start()
            stop = end if index == len(numbers) - 1 else number.end
            yield Found(begin, stop, name.rfc, target, "reversed")


_MORE = re.compile(
    r"(?P<join> ?, ?(?:and |or )?| (?:and|or|to|through|&|\+) | ?[/&+] ?| ?[-\u2013] ?)(?:RFC ?-?)?(?P<number>[1-9]\d{2,5})(?![\w%]|\.\w|[-/][A-Za-z])"
)


def _several(text: str, known: Known, taken: _Taken, names: list[_Name]) -> Iterator[Found]:
    """`RFC 3501/9051`, `RFCs 2535 & 2931`: the name is written once."""
    for name in names:
        if not taken.free(name.start, name.end):
            continue
        more: list[tuple[int, int]] = []
        at = name.end
        while match := _MORE.match(text, at):
            if not _another(text, name, match, known) or not taken.free(
                match.start("number"), match.end()
            ):
                break
            more.append((match.start("number"), match.end()))
            at = match.end()
        if not more:
            continue
        taken.take(name.start, at)
        yield Found(name.start, name.end, name.rfc, DOCUMENT, "bare")
        for start, end in more[:-1]:
            yield Found(start, end, int(text[start:end]), DOCUMENT, "bare")
        start, end = more[-1]
        last = _Name(start, end, int(text[start:end]), False)
        numbers = _sections_after(text, known, last)
        if numbers and taken.free(end, numbers[-1].end):
            taken.take(end, numbers[-1].end)
            yield from _each(start, numbers, last.rfc, "prose")
        else:
            yield Found(start, end, last.rfc, DOCUMENT, "bare")


def _another(text: str, name: _Name, match: re.Match[str], known: Known) -> bool:
    number = int(match["number"])
    if not known.exists(number) or words.UNITS.match(text, match.end()):
        return False
    if name.plural or "RFC" in match.group():
        return True
    join = match["join"].strip()
    if join in ("-", "\u2013"):
        return match["join"] == join and number > name.rfc and len(match["number"]) >= 4
    if join.startswith(",") and 1969 <= number <= 2035:
        return False  # a year
    return len(match["number"]) >= len(str(name.rfc)) or number >= 1000


_SERIES = re.compile(
    r"(?<![\w./-])\[?(?P<series>BCP|STD|FYI)[ -]?0{0,3}(?P<number>[1-9]\d{0,3})(?![\w]|\.\w|-\w)\]?"
)


def _series(text: str, known: Known, taken: _Taken) -> Iterator[Found]:
    for match in _SERIES.finditer(text):
        members = known.series.get((match["series"], int(match["number"])), ())
        if not members or not taken.free(*match.span()):
            continue
        taken.take(*match.span())
        if len(members) == 1:
            numbers = _sections_after(
                text, known, _Name(match.start(), match.end(), members[0], False)
            )
            if numbers and taken.free(match.end(), numbers[-1].end):
                taken.take(match.end(), numbers[-1].end)
                yield from _each(match.start(), numbers, members[0], "prose")
                continue
        for rfc in members:
            yield Found(match.start(), match.end(), rfc, DOCUMENT, "bare")


def _lone_errata(text: str, known: Known, out: list[Found]) -> list[Found]:
    """The URL of an erratum does not say which RFC it is of: the one that the text names, if it is one."""
    lone = [one for one in out if not one.rfc]
    named = {one.rfc for one in out if one.rfc}
    for one in lone:
        out.remove(one)
    return [replace(one, rfc=next(iter(named))) for one in lone] if len(named) == 1 else []


def _with_tail(text: str, found: Found) -> Found:
    """What stands directly behind a section: quoted words (rule 1), or a decision."""
    kind = found.target.kind
    status = words.STATUS.match(text, found.end)
    if kind is TargetKind.DOCUMENT and status:
        return replace(found, end=status.end(), status_word=status["status"].lower())
    if kind is not TargetKind.SECTION:
        return found
    end = status.end() if status else found.end
    quote = words.QUOTE.match(text, end)
    if quote is not None:
        said = (quote["words"] or quote["typed"]).strip()
        if " " in said:
            target = Target(TargetKind.QUOTE, said, found.target.section)
            found = replace(found, target=target)
            end = quote.end()
            after = words.STATUS.match(text, end)
            if status is None and after is not None:
                status, end = after, after.end()
    return replace(found, end=end, status_word=status["status"].lower() if status else None)
