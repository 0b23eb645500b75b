"""Responses that hold numbers of messages: SEARCH, ESEARCH, SORT, THREAD, UIDBATCHES, VANISHED.

RFC 3501 §7.2.5, RFC 9051 §7.3.4, RFC 4731 §3.1, §3.2 (MODSEQ), RFC 9394 §3.1 (PARTIAL), RFC 7377 §2.1 (the mailbox), RFC 5256 §4, RFC 7162 §3.1.5, §3.2.10,
RFC 10022 §3.1.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from postil.imap.client import values
from postil.imap.client.numbers import Numbers
from postil.imap.client.responses import Vanished
from postil.imap.client.values import Value
from postil.imap.client.words import Words


@dataclass(frozen=True, slots=True)
class Found:
    """SEARCH; `modseq` is the highest of those found, when the search asked for it."""

    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """SORT: the order matters."""

    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Messages each of which answers the one before, and what branches off behind the last."""

    numbers: tuple[int, ...]
    branches: tuple[Thread, ...] = ()


@dataclass(frozen=True, slots=True)
class Threads:
    """THREAD."""

    threads: tuple[Thread, ...]


@dataclass(frozen=True, slots=True)
class Extended:
    """ESEARCH; None is what was not told. `mailbox` only in an answer of MULTISEARCH."""

    tag: str = ""
    uid: bool = False
    mailbox: str | None = None
    uidvalidity: int | None = None
    lowest: int | None = None
    highest: int | None = None
    count: int | None = None
    all: Numbers | None = None
    modseq: int | None = None
    partial: tuple[str, Numbers] | None = None  # the range asked for, and what is in it
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batches:
    """UIDBATCHES: ranges of uids, the highest first."""

    tag: str
    ranges: tuple[tuple[int, int], ...]


def found(words: Words) -> tuple[tuple[int, ...], int | None]:
    """Behind SEARCH or SORT."""
    numbers = []
    modseq = None
    words.skip()
    while not words.done:
        if words.accept(b"("):
            modseq = _modseq(words)
            words.expect(b")")
        else:
            numbers.append(words.number())
        words.skip()
    return tuple(numbers), modseq


def _modseq(words: Words) -> int:
    if words.word() != "MODSEQ":
        words.fail("MODSEQ")
    words.sp()
    return words.number()


def threads(words: Words) -> Threads:
    """Behind THREAD; without recursion, since threads are as deep as people quarrel."""
    done: list[Thread] = []
    open_: list[tuple[list[int], list[Thread]]] = []
    words.skip()
    while not words.done:
        if words.accept(b"("):
            open_.append(([], []))
        elif not open_:
            words.fail("a thread")
        elif words.accept(b")"):
            numbers, branches = open_.pop()
            thread = Thread(tuple(numbers), tuple(branches))
            (open_[-1][1] if open_ else done).append(thread)
        elif open_[-1][1]:
            words.fail("a branch or the end of the thread")
        else:
            open_[-1][0].append(words.number())
        words.skip()
    if open_:
        words.fail("the end of the thread")
    return Threads(tuple(done))


def extended(words: Words) -> Extended:
    """Behind ESEARCH."""
    correlator = _correlator(words)
    words.skip()
    uid = False
    told: dict[str, int] = {}
    everything: Numbers | None = None
    partial: tuple[str, Numbers] | None = None
    more: dict[str, Value] = {}
    while not words.done:
        name = words.word()
        if name == "UID":
            uid = True
            words.skip()
            continue
        words.sp()
        if name in _COUNTED:
            told[_COUNTED[name]] = words.number()
        elif name == "ALL":
            everything = words.numbers()
        elif name == "PARTIAL":
            words.expect(b"(")
            asked = words.atom().decode("ascii", "replace")
            words.sp()
            partial = asked, Numbers() if words.nil() else words.numbers()
            words.expect(b")")
        else:
            more[name] = values.value(words)
        words.skip()
    tag, mailbox, validity = correlator
    return Extended(tag, uid, mailbox, validity, all=everything, partial=partial, more=more, **told)


_COUNTED = {"MIN": "lowest", "MAX": "highest", "COUNT": "count", "MODSEQ": "modseq"}


def _correlator(words: Words) -> tuple[str, str | None, int | None]:
    """`(TAG "a1" MAILBOX x UIDVALIDITY 1)`, if it is there."""
    words.skip()
    tag, mailbox, validity = "", None, None
    if not words.accept(b"("):
        return tag, mailbox, validity
    while not words.accept(b")"):
        name = words.word()
        words.sp()
        if name == "TAG":
            tag = values.text(words.astring())
        elif name == "MAILBOX":
            mailbox = values.mailbox(words)
        elif name == "UIDVALIDITY":
            validity = words.number()
        else:
            values.value(words)
        words.skip()
    return tag, mailbox, validity


def batches(words: Words) -> Batches:
    """Behind UIDBATCHES."""
    tag, _, _ = _correlator(words)
    words.skip()
    ranges = Numbers() if words.done else words.numbers()
    words.end()
    return Batches(tag, ranges.ranges)


def vanished(words: Words) -> Vanished:
    """Behind VANISHED."""
    earlier = words.accept(b"(")
    if earlier:
        if words.word() != "EARLIER":
            words.fail("EARLIER")
        words.expect(b")")
        words.sp()
    uids = words.numbers()
    words.end()
    return Vanished(uids, earlier)
