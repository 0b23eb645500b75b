"""One complete response, from its octets to a dataclass.

RFC 9051 §7, §9 (response). Names of responses are looked up in two tables: those that begin with a word and those that begin with a number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from postil.imap.client import codes, fetched, found, mailboxes, values
from postil.imap.client.errors import ProtocolViolation
from postil.imap.client.fetched import Fetched
from postil.imap.client.found import Batches, Extended, Found, Sorted, Threads
from postil.imap.client.framer import Frame
from postil.imap.client.mailboxes import (
    Mailbox,
    MailboxStatus,
    Metadata,
    MetadataChanged,
    Namespaces,
    Quota,
    QuotaRoots,
)
from postil.imap.client.responses import (
    Capabilities,
    Condition,
    Continuation,
    Enabled,
    Exists,
    Expunged,
    Flags,
    Identified,
    Recent,
    Status,
    Unknown,
    Vanished,
)
from postil.imap.client.words import Words

Response: TypeAlias = (
    Status | Continuation | Capabilities | Enabled | Flags | Exists | Recent | Expunged | Vanished | Identified
    | Mailbox | MailboxStatus | Namespaces | Quota | QuotaRoots | Metadata | MetadataChanged
    | Found | Sorted | Threads | Extended | Batches | Fetched | Unknown
)  # fmt: skip

_CONDITIONS = {one.value: one for one in Condition}


def response(frame: Frame, *, utf8: bool = False) -> Response:
    """What the server says; ProtocolViolation when it cannot be read."""
    words = Words(frame.text, frame.literals, utf8=utf8)
    if words.accept(b"+"):
        words.accept(b" ")
        return Continuation(words.rest())
    if not words.accept(b"*"):
        return _tagged(words)
    words.sp()
    if words.peek().isdigit():
        return _numbered(words, frame)
    start = words.at
    name = words.word()
    if name in _CONDITIONS:
        return _status(words, _CONDITIONS[name], "")
    reader = _NAMED.get(name)
    if reader is None:
        words.skip()
        return Unknown(name, None, words.rest(), frame.literals)
    try:
        words.skip()
        return reader(words)
    except ProtocolViolation as error:
        raise ProtocolViolation(f"in a response {_shown(frame.text[start:])}: {error}") from None


def _shown(text: bytes) -> str:
    """The beginning, for people."""
    return repr(text[:60])[1:]


def _tagged(words: Words) -> Status:
    tag = words.atom().decode("ascii", "replace")
    words.sp()
    name = words.word()
    condition = _CONDITIONS.get(name)
    # RFC 9051 §9: response-tagged has only OK, NO and BAD
    if condition not in (Condition.OK, Condition.NO, Condition.BAD):
        words.fail("OK, NO or BAD behind the tag")
    return _status(words, condition, tag)


def _status(words: Words, condition: Condition, tag: str) -> Status:
    words.skip()
    code = codes.read(words) if words.peek() == b"[" else None
    words.accept(b" ")
    return Status(condition, values.text(words.rest()), code, tag)


def _numbered(words: Words, frame: Frame) -> Response:
    start = words.at
    number = words.number()
    words.sp()
    name = words.word()
    try:
        words.skip()
        match name:
            case "EXISTS":
                words.end()
                return Exists(number)
            case "RECENT":
                words.end()
                return Recent(number)
            case "EXPUNGE":
                words.end()
                return Expunged(number)
            case "FETCH":
                return fetched.read(words, number)
            case "UIDFETCH":
                return fetched.read(words, number, by_uid=True)
    except ProtocolViolation as error:
        raise ProtocolViolation(f"in a response {_shown(frame.text[start:])}: {error}") from None
    return Unknown(name, number, words.rest(), frame.literals)


def _names(words: Words) -> tuple[str, ...]:
    out = []
    while not words.done:
        out.append(words.word())
        words.skip()
    return tuple(out)


def _flags(words: Words) -> Flags:
    flags = values.flags(words)
    words.end()
    return Flags(flags)


def _identified(words: Words) -> Identified:
    if words.nil():
        return Identified(None)
    flat = [None if one is None else values.text(one) for one in words.list_of(words.nstring)]
    if len(flat) % 2:
        words.fail("pairs of names and values")
    return Identified(
        {name or "": value for name, value in zip(flat[::2], flat[1::2], strict=True)}
    )


_NAMED: Final[dict[str, Callable[[Words], Response]]] = {
    "CAPABILITY": lambda words: Capabilities(_names(words)),
    "ENABLED": lambda words: Enabled(_names(words)),
    "FLAGS": _flags,
    "LIST": mailboxes.mailbox,
    "LSUB": lambda words: mailboxes.mailbox(words, lsub=True),
    "STATUS": mailboxes.status,
    "NAMESPACE": mailboxes.namespaces,
    "QUOTA": mailboxes.quota,
    "QUOTAROOT": mailboxes.quota_roots,
    "METADATA": mailboxes.metadata,
    "ID": _identified,
    "SEARCH": lambda words: Found(*found.found(words)),
    "SORT": lambda words: Sorted(*found.found(words)),
    "THREAD": found.threads,
    "ESEARCH": found.extended,
    "UIDBATCHES": found.batches,
    "VANISHED": found.vanished,
}
