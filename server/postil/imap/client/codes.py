"""Response codes: what stands in brackets before the text, typed.

RFC 9051 §7.1 and §9 (resp-text-code), RFC 4315 §3 (APPENDUID, COPYUID), RFC 7162 §3.1.2 and §3.2.10 (HIGHESTMODSEQ, NOMODSEQ, MODIFIED, CLOSED), RFC 5464 §4.2.1, §4.3 (METADATA),
RFC 5465 §5 (BADEVENT), RFC 5267 §4.3 (NOUPDATE), RFC 5530 (words alone), RFC 8474 §4 (MAILBOXID), RFC 9208 §4.3 (OVERQUOTA),
RFC 9585 §4 (INPROGRESS), RFC 9586 §3.2 (UIDREQUIRED).

A code that is not known, or known and not as its RFC says, is a `Code` with its arguments as octets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from postil.imap.client import values
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.numbers import Numbers
from postil.imap.client.words import Words


@dataclass(frozen=True, slots=True)
class Code:
    """A code that is a word alone (ALERT, TRYCREATE, CLOSED, NOMODSEQ …), or one that is not known with what follows it."""

    name: str
    arguments: bytes = b""


@dataclass(frozen=True, slots=True)
class Number:
    """A code with a number: UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ, APPENDLIMIT."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A code with words: CAPABILITY, PERMANENTFLAGS, BADCHARSET, BADEVENT."""

    name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppendUid:
    """Where APPEND put messages: several uids after MULTIAPPEND."""

    uidvalidity: int
    uids: Numbers
    name: str = "APPENDUID"


@dataclass(frozen=True, slots=True)
class CopyUid:
    """The n-th of `source` became the n-th of `target`."""

    uidvalidity: int
    source: Numbers
    target: Numbers
    name: str = "COPYUID"

    def pairs(self) -> list[tuple[int, int]]:
        """(uid here, uid there)"""
        return list(zip(self.source, self.target, strict=True))


@dataclass(frozen=True, slots=True)
class Modified:
    """Messages that a conditional STORE left alone."""

    numbers: Numbers
    name: str = "MODIFIED"


@dataclass(frozen=True, slots=True)
class MailboxId:
    """The mailbox's object id."""

    id: str
    name: str = "MAILBOXID"


@dataclass(frozen=True, slots=True)
class InProgress:
    """How far a long command is; None is what the server does not tell."""

    tag: str | None = None
    done: int | None = None
    goal: int | None = None
    name: str = "INPROGRESS"


@dataclass(frozen=True, slots=True)
class MetadataCode:
    """`problem`: LONGENTRIES, MAXSIZE (both with a number), TOOMANY, NOPRIVATE."""

    problem: str
    value: int | None = None
    name: str = "METADATA"


@dataclass(frozen=True, slots=True)
class NoUpdate:
    """The search of that tag is not kept up to date."""

    tag: str
    name: str = "NOUPDATE"


AnyCode: TypeAlias = (
    Code | Number | Listed | AppendUid | CopyUid | Modified | MailboxId | InProgress | MetadataCode | NoUpdate
)  # fmt: skip


def read(words: Words) -> AnyCode | None:
    """The code that begins here, with its brackets; None, and the place unchanged, when no `]` ends it."""
    end = _end(words.text, words.at + 1)
    if end < 0:
        return None
    words.expect(b"[")
    start = words.at
    inner = words.until(end)
    words.at = end + 1
    try:
        name = inner.word()
        reader = _READERS.get(name)
        if reader is not None:
            try:
                at = inner.at
                inner.skip()
                code = reader(name, inner)
                inner.end()
                return code
            except ProtocolViolation:
                inner.at = at
        inner.skip()
        return Code(name, inner.rest())
    except ProtocolViolation:
        return Code("", words.text[start:end])


def _end(text: bytes, at: int) -> int:
    """Where the bracket closes: not inside a quoted string."""
    quoted = False
    while at < len(text):
        octet = text[at]
        if quoted and octet == 0x5C:
            at += 1
        elif octet == 0x22:
            quoted = not quoted
        elif octet == 0x5D and not quoted:
            return at
        at += 1
    return -1


def _number(name: str, words: Words) -> AnyCode:
    return Number(name, words.number())


def _words(name: str, words: Words) -> AnyCode:
    items = []
    while not words.done:
        words.skip()
        items.append(words.atom().decode("ascii", "replace"))
    return Listed(name, tuple(items))


def _flags(name: str, words: Words) -> AnyCode:
    return Listed(name, values.flags(words))


def _strings(name: str, words: Words) -> AnyCode:
    if words.done:
        return Listed(name, ())
    return Listed(name, words.list_of(lambda: values.text(words.astring())))


def _append_uid(name: str, words: Words) -> AnyCode:
    validity = words.number()
    words.sp()
    return AppendUid(validity, words.numbers())


def _copy_uid(name: str, words: Words) -> AnyCode:
    validity = words.number()
    words.sp()
    source = words.numbers()
    words.sp()
    target = words.numbers()
    if source.count != target.count:
        words.fail("as many uids on both sides of COPYUID")
    return CopyUid(validity, source, target)


def _modified(name: str, words: Words) -> AnyCode:
    return Modified(words.numbers())


def _mailbox_id(name: str, words: Words) -> AnyCode:
    (found,) = words.list_of(words.atom) if words.peek() == b"(" else (words.atom(),)
    return MailboxId(values.text(found))


def _in_progress(name: str, words: Words) -> AnyCode:
    if words.done:
        return InProgress()
    words.expect(b"(")
    tag = words.nstring()
    words.sp()
    done = None if words.nil() else words.number()
    words.sp()
    goal = None if words.nil() else words.number()
    words.expect(b")")
    # RFC 9585 §6: "Specifically, the client should guard against values that can cause arithmetic exceptions, like GOAL = 0,
    # GOAL/VALUE < 0, GOAL/ VALUE ≥ 2^32 (these are not possible within a correct implementation of the ABNF syntax above), and
    # VALUE > GOAL. In these cases, the notification MUST be disregarded."
    if max(done or 0, goal or 0) >= 2**32 or (
        goal is not None and not 0 <= (done or 0) <= goal > 0
    ):
        words.fail("how much is done of how much")
    return InProgress(None if tag is None else values.text(tag), done, goal)


def _metadata(name: str, words: Words) -> AnyCode:
    problem = words.word()
    words.skip()
    return MetadataCode(problem, None if words.done else words.number())


def _no_update(name: str, words: Words) -> AnyCode:
    return NoUpdate(values.text(words.astring()))


def _bad_event(name: str, words: Words) -> AnyCode:
    return Listed(name, words.list_of(lambda: words.atom().decode("ascii", "replace")))


_READERS: Final[dict[str, Callable[[str, Words], AnyCode]]] = {
    "UIDNEXT": _number,
    "UIDVALIDITY": _number,
    "UNSEEN": _number,
    "HIGHESTMODSEQ": _number,
    "APPENDLIMIT": _number,
    "CAPABILITY": _words,
    "PERMANENTFLAGS": _flags,
    "BADCHARSET": _strings,
    "BADEVENT": _bad_event,
    "APPENDUID": _append_uid,
    "COPYUID": _copy_uid,
    "MODIFIED": _modified,
    "MAILBOXID": _mailbox_id,
    "INPROGRESS": _in_progress,
    "METADATA": _metadata,
    "NOUPDATE": _no_update,
}
