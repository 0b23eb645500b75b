"""FETCH and UIDFETCH: what is told of one message.

RFC 9051 §7.5.2; RFC 3516 §4.2 (BINARY), RFC 7162 §3.1.4.2 (MODSEQ), RFC 8474 §5 (EMAILID, THREADID), RFC 8514 §4 (SAVEDATE), RFC 8970 §3 (PREVIEW),
RFC 9586 §3.3 (UIDFETCH), RFC 3501 §7.4.2 (RFC822 and its parts).
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from postil.imap.client import structure, values
from postil.imap.client.structure import Envelope, Structure
from postil.imap.client.values import Value
from postil.imap.client.words import Words

# The name of an item ends at a space, a bracket or a list.
_NAME = re.compile(rb"[A-Za-z0-9.\-_=]+")
# What synchronising clients hear 100,000 times in a row; everything else, and every other order, goes the long way.
_HOT = re.compile(
    rb"\((?:UID ([1-9][0-9]{0,9}) )?FLAGS \("
    rb'((?:\\?[^\x00-\x20\x7f(){"\\\]]+(?: \\?[^\x00-\x20\x7f(){"\\\]]+)*+)?)'
    rb"\)(?: MODSEQ \(([0-9]{1,19})\))?\)\Z"
)
_ORIGIN = re.compile(rb"<([0-9]{1,20})>")


@dataclass(frozen=True, slots=True)
class Section:
    """Octets of a message: BODY[…], BINARY[…], RFC822 and its parts; None is NIL."""

    name: str  # as in `BODY[1.MIME]`, in capitals, without origin
    octets: bytes | None
    origin: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message; None is what was not told, `given` says which of the items that may be NIL were."""

    number: int | None = None  # None in UIDFETCH
    uid: int | None = None
    flags: tuple[str, ...] | None = None
    modseq: int | None = None
    size: int | None = None
    internal_date: datetime.datetime | None = None
    save_date: datetime.datetime | None = None
    email_id: str | None = None
    thread_id: str | None = None
    preview: bytes | None = None
    envelope: Envelope | None = None
    body: Structure | None = None
    structure: Structure | None = None
    sections: tuple[Section, ...] = ()
    binary_sizes: Mapping[str, int] = field(default_factory=dict)
    more: Mapping[str, Value] = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    def octets(self, name: str) -> bytes | None:
        """Of a section, by its name without BODY (`1.MIME`, "" for the whole) or with it."""
        wanted = (
            name.upper()
            if "[" in name or name.upper().startswith("RFC822")
            else f"BODY[{name.upper()}]"
        )
        return next((one.octets for one in self.sections if one.name == wanted), None)


def read(words: Words, number: int, *, by_uid: bool = False) -> Fetched:
    """Behind FETCH or UIDFETCH."""
    hot = _HOT.match(words.text, words.at) if not by_uid else None
    if hot is not None:
        uid, flags, modseq = hot.groups()
        return Fetched(
            number,
            None if uid is None else int(uid),
            _flags(flags),
            None if modseq is None else int(modseq),
            given=_GIVEN[uid is not None, modseq is not None],
        )
    return _read(words, number, by_uid)


# Which items a hot line has: (with UID, with MODSEQ).
_GIVEN: Final = {
    (uid, modseq): frozenset(
        {"FLAGS"} | ({"UID"} if uid else set()) | ({"MODSEQ"} if modseq else set())
    )
    for uid in (False, True)
    for modseq in (False, True)
}


@functools.lru_cache(maxsize=1024)
def _flags(text: bytes) -> tuple[str, ...]:
    """Few combinations of flags stand on many messages."""
    return tuple(flag.decode("utf-8", "surrogateescape") for flag in text.split())


def _read(words: Words, number: int, by_uid: bool) -> Fetched:
    """Item by item."""
    found: dict[str, Any] = {}
    sections: list[Section] = []
    sizes: dict[str, int] = {}
    more: dict[str, Value] = {}
    given: list[str] = []

    def item() -> None:
        match = _NAME.match(words.text, words.at)
        if match is None:
            words.fail("an item of FETCH")
        words.at = match.end()
        name = match.group().decode("ascii").upper()
        given.append(name)
        if words.peek() == b"[":
            section = name + _section(words)
            if name == "BINARY.SIZE":
                words.sp()
                sizes[section[len(name) + 1 : -1]] = words.number()
            else:
                sections.append(_octets(words, section))
        elif name in ("RFC822", "RFC822.HEADER", "RFC822.TEXT"):
            sections.append(_octets(words, name))
        elif name in _ITEMS:
            words.sp()
            key, reader = _ITEMS[name]
            found[key] = reader(words)
        else:
            words.sp()
            more[name] = values.value(words)

    words.list_of(item)
    words.end()
    if by_uid:
        found["uid"] = number
    return Fetched(
        None if by_uid else number,
        sections=tuple(sections),
        binary_sizes=sizes,
        more=more,
        given=frozenset(given),
        **found,
    )


def _section(words: Words) -> str:
    """`[HEADER.FIELDS ("A")]` in capitals, names of fields without quotes, so that both spellings are one."""
    words.expect(b"[")
    out: list[str] = []
    while not words.accept(b"]"):
        if words.accept(b"("):
            names = []
            words.skip()
            while not words.accept(b")"):
                names.append(words.astring())
                words.skip()
            out.append("(" + values.text(b" ".join(names)) + ")")
        elif words.accept(b" "):
            out.append(" ")
        else:
            match = _NAME.match(words.text, words.at)
            if match is None:
                words.fail("the end of the section")
            words.at = match.end()
            out.append(match.group().decode("ascii"))
    return f"[{''.join(out).upper()}]"


def _octets(words: Words, name: str) -> Section:
    match = _ORIGIN.match(words.text, words.at)
    if match is not None:
        words.at = match.end()
    words.sp()
    return Section(name, words.nstring(), None if match is None else int(match.group(1)))


def _parenthesised(words: Words) -> bytes:
    words.expect(b"(")
    found = words.astring()
    words.expect(b")")
    return found


def _modseq(words: Words) -> int:
    words.expect(b"(")
    found = words.number()
    words.expect(b")")
    return found


def _id(words: Words) -> str | None:
    return None if words.nil() else values.text(_parenthesised(words))


def _date(words: Words) -> datetime.datetime | None:
    return None if words.nil() else values.date_time(words)


_ITEMS: Final[dict[str, tuple[str, Callable[[Words], Any]]]] = {
    "UID": ("uid", lambda words: words.number()),
    "FLAGS": ("flags", values.flags),
    "MODSEQ": ("modseq", _modseq),
    "RFC822.SIZE": ("size", lambda words: words.number()),
    "INTERNALDATE": ("internal_date", values.date_time),
    "SAVEDATE": ("save_date", _date),
    "EMAILID": ("email_id", _id),
    "THREADID": ("thread_id", _id),
    "PREVIEW": ("preview", lambda words: words.nstring()),
    "ENVELOPE": ("envelope", structure.envelope),
    "BODY": ("body", structure.body),
    "BODYSTRUCTURE": ("structure", structure.body),
}
