"""What a person has decided about requirements: `rfc/requirements/N.toml` (rule 9).

    [[decision]]                     # status of one requirement, or of what is left of a section
    section = "6.3.12"
    quote = "words of the sentence"  # or: all = true
    status = "not planned"           # not planned, not applicable, exception
    reason = "why"

    [[requirement]]                  # for texts without keywords
    section = "4.5"
    quote = "words"
    level = "MUST"

    [[alias]]                        # a restatement: it takes the status of the other and is not counted
    section = "9"
    quote = "words"
    of = { section = "6.3.12", quote = "other words" }

    [[split]]                        # one sentence, several promises
    section = "6.3.12"
    quote = "the whole"
    parts = ["one part", "other part"]

Every entry stores section and quote, never an id; one that no longer resolves is a finding, and so is one that cannot be read.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from postil_site.model import Finding, FindingClass, Level, Requirement, Status
from postil_site.texts.normal import normal
from postil_site.texts.quotes import Match, Quotes

STATUSES = {
    "not planned": Status.NOT_PLANNED,
    "not applicable": Status.NOT_APPLICABLE,
    "exception": Status.EXCEPTION,
}
_FIELDS = {
    "decision": {"section", "quote", "all", "status", "reason"},
    "requirement": {"section", "quote", "level"},
    "alias": {"section", "quote", "of", "reason"},
    "split": {"section", "quote", "parts", "reason"},
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A status by decision, with its reason and where it was written."""

    status: Status
    reason: str
    path: str
    line: int


@dataclass(slots=True)
class Decided:
    """All decisions about one RFC, resolved."""

    requirements: tuple[Requirement, ...]  # with those added and split
    own: dict[str, Decision] = field(default_factory=dict)  # by requirement id
    sections: dict[str, Decision] = field(default_factory=dict)  # `all = true`
    aliases: dict[str, str] = field(default_factory=dict)  # id to id
    findings: list[Finding] = field(default_factory=list)


class _Bad(ValueError):
    """An entry that cannot be used."""


def read(file: Path, shown: str, quotes: Quotes) -> Decided:
    """The decisions of a file about the document in `quotes`; a file that is not there decides nothing."""
    decided = Decided(quotes.document.requirements)
    rfc = quotes.document.rfc
    try:
        text = file.read_text("utf-8-sig")
        table = tomllib.loads(text)
    except FileNotFoundError:
        return decided
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        decided.findings.append(_finding(shown, 1, rfc, "", str(error)))
        return decided
    lines = _lines(text)
    for name in table:
        if name not in _FIELDS:
            message = f"[[{name}]] is none of {', '.join(_FIELDS)}"
            decided.findings.append(_finding(shown, 1, rfc, name, message))
    # requirements first: decisions and aliases may be about them
    for name in ("requirement", "split", "alias", "decision"):
        entries = table.get(name, [])
        for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            line = lines.get((name, index), 1)
            try:
                quotes = _entry(name, entry, quotes, decided, shown, line)
            except _Bad as error:
                said = entry.get("quote", "") if isinstance(entry, dict) else ""
                decided.findings.append(
                    _finding(shown, line, rfc, str(said), f"[[{name}]] {error}")
                )
    decided.requirements = quotes.document.requirements
    return decided


def _finding(path: str, line: int, rfc: int, about: str, message: str) -> Finding:
    return Finding(
        FindingClass.DECISION, path, line, f"RFC {rfc} decision {normal(about)!r}", message
    )


def _lines(text: str) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    count: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name = line.strip().removeprefix("[[").partition("]]")[0].strip()
        if line.strip().startswith("[[") and name in _FIELDS:
            found[name, count.get(name, 0)] = number
            count[name] = count.get(name, 0) + 1
    return found


def _entry(
    name: str, entry: object, quotes: Quotes, decided: Decided, path: str, line: int
) -> Quotes:
    if not isinstance(entry, dict):
        raise _Bad("is not a table")
    unknown = sorted(set(entry) - _FIELDS[name])
    if unknown:
        raise _Bad(f"has no field {', '.join(unknown)}")
    section = _word(entry, "section").lstrip("§ ")
    if quotes.section(section) is None:
        raise _Bad(f"RFC {quotes.document.rfc} has no section {section}")
    match name:
        case "requirement":
            return _added(entry, section, quotes)
        case "split":
            return _split(entry, section, quotes)
        case "alias":
            of = entry.get("of")
            if not isinstance(of, dict):
                raise _Bad("needs `of = { section = …, quote = … }`")
            target = _one(quotes, _word(of, "section"), _word(of, "quote"))
            alias = _one(quotes, section, _word(entry, "quote"))
            if alias.id == target.id or target.id in decided.aliases:
                raise _Bad("must be of a requirement that is no alias itself")
            decided.aliases[alias.id] = target.id
        case _:
            status = STATUSES.get(_word(entry, "status").replace("-", " ").lower())
            if status is None:
                raise _Bad(f"status is none of {', '.join(STATUSES)}")
            decision = Decision(status, _word(entry, "reason"), path, line)
            if entry.get("all") is True:
                decided.sections[section] = decision
            else:
                for one in _pinned(quotes, section, _word(entry, "quote")):
                    decided.own[one.id] = decision
    return quotes


def _word(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _Bad(f"needs a text as {name}")
    return value.strip()


def _pinned(quotes: Quotes, section: str, quote: str) -> tuple[Requirement, ...]:
    if quotes.section(section) is None:
        raise _Bad(f"RFC {quotes.document.rfc} has no section {section}")
    found = quotes.find(section, quote)
    if found.match is Match.SEVERAL:
        raise _Bad(f"the words stand {len(found.spans)} times in section {section}")
    if found.match is Match.MISSING:
        raise _Bad(f"the words are not in section {section}: {quote}")
    if not found.requirements:
        raise _Bad(f"the words are in no requirement: {quote}")
    return found.requirements


def _one(quotes: Quotes, section: str, quote: str) -> Requirement:
    found = _pinned(quotes, section, quote)
    if len(found) > 1:
        raise _Bad(f"the words hold {len(found)} requirements: {quote}")
    return found[0]


def _added(entry: dict[str, Any], section: str, quotes: Quotes) -> Quotes:
    quote = _word(entry, "quote")
    spans = quotes.find_in(section, quote)
    if len(spans) != 1:
        raise _Bad(f"the words stand {len(spans)} times in section {section}: {quote}")
    word = _word(entry, "level").upper()
    level = next((one for one in Level if one.value == word), None)
    if level is None:
        raise _Bad(f"level is none of {', '.join(one.value for one in Level)}")
    rfc = quotes.document.rfc
    clause = " ".join(quote.split())
    new = Requirement(
        id=_identity(rfc, section, clause, level.value, 0),
        rfc=rfc,
        section=section,
        level=level,
        keyword=level.value,
        clause=clause,
        sentence=clause,
        span=spans[0],
        keyword_span=spans[0],
    )
    return _with(quotes, [*quotes.document.requirements, new])


def _split(entry: dict[str, Any], section: str, quotes: Quotes) -> Quotes:
    whole = _one(quotes, section, _word(entry, "quote"))
    parts = entry.get("parts")
    if not isinstance(parts, list) or len(parts) < 2:
        raise _Bad("needs two or more texts as parts")
    new = []
    for index, part in enumerate(parts):
        if not isinstance(part, str):
            raise _Bad("needs two or more texts as parts")
        spans = quotes.find_in(section, part)
        if len(spans) != 1:
            raise _Bad(f"the part stands {len(spans)} times in section {section}: {part}")
        identity = _identity(whole.rfc, section, part, whole.keyword, index)
        words = " ".join(part.split())
        new.append(replace(whole, id=identity, clause=words, span=spans[0], keyword_span=spans[0]))
    return _with(quotes, [one for one in quotes.document.requirements if one.id != whole.id] + new)


def _identity(rfc: int, section: str, sentence: str, keyword: str, index: int) -> str:
    raw = f"{rfc}\0{section}\0{normal(sentence)}\0{keyword}\0{index}"
    return f"r{rfc}-" + base64.b32encode(hashlib.sha256(raw.encode()).digest()[:5]).decode().lower()


def _with(quotes: Quotes, requirements: list[Requirement]) -> Quotes:
    ordered = sorted(requirements, key=lambda one: (one.span.line, one.span.column))
    return Quotes(replace(quotes.document, requirements=tuple(ordered)))
