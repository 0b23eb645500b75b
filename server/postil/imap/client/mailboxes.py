"""Responses about mailboxes: LIST, LSUB, STATUS, NAMESPACE, QUOTA, QUOTAROOT, METADATA.

RFC 9051 §7.3; RFC 5258 §6 (extended items), RFC 3501 §7.2.3 (LSUB), RFC 9208 §4.2, RFC 5464 §4.4,
RFC 7889 §4, RFC 8438, RFC 8474 §4.3, RFC 7162 §3.1.7 (items of STATUS).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from postil.imap.client import values
from postil.imap.client.values import Value
from postil.imap.client.words import Words


@dataclass(frozen=True, slots=True)
class Mailbox:
    """LIST, or LSUB."""

    name: str
    attributes: tuple[str, ...]
    delimiter: str | None
    old_name: str | None = None
    child_info: tuple[str, ...] = ()
    more: Mapping[str, Value] = field(default_factory=dict)  # extended items that are not known
    lsub: bool = False

    def has(self, attribute: str) -> bool:
        """Is it so? The case of letters does not matter."""
        return attribute.lower() in (one.lower() for one in self.attributes)


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """STATUS; None is what was not told. `append_limit` is -1 for NIL: none of its own."""

    name: str
    messages: int | None = None
    recent: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    unseen: int | None = None
    deleted: int | None = None
    size: int | None = None
    deleted_storage: int | None = None
    highest_modseq: int | None = None
    append_limit: int | None = None
    mailbox_id: str | None = None
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Namespace:
    """One prefix."""

    prefix: str
    delimiter: str | None
    more: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Namespaces:
    """NAMESPACE."""

    personal: tuple[Namespace, ...]
    others: tuple[Namespace, ...]
    shared: tuple[Namespace, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """Of a quota: STORAGE counts 1,024 octets."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Quota:
    """QUOTA."""

    root: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class QuotaRoots:
    """QUOTAROOT."""

    mailbox: str
    roots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """METADATA with values; the mailbox "" is the server."""

    mailbox: str
    entries: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class MetadataChanged:
    """METADATA with names alone: their values are others now."""

    mailbox: str
    entries: tuple[str, ...]


_NUMBERS = {
    "MESSAGES": "messages",
    "RECENT": "recent",
    "UIDNEXT": "uidnext",
    "UIDVALIDITY": "uidvalidity",
    "UNSEEN": "unseen",
    "DELETED": "deleted",
    "SIZE": "size",
    "DELETED-STORAGE": "deleted_storage",
    "HIGHESTMODSEQ": "highest_modseq",
}


def mailbox(words: Words, *, lsub: bool = False) -> Mailbox:
    """Behind LIST or LSUB."""
    attributes = values.flags(words)
    words.sp()
    delimiter = words.nstring()
    words.sp()
    name = values.mailbox(words)
    words.skip()
    old_name: str | None = None
    child_info: tuple[str, ...] = ()
    more: dict[str, Value] = {}
    if words.peek() == b"(":
        for key, found in words.list_of(lambda: _pair(words)):
            match key, found:
                case "OLDNAME", (bytes(old),):
                    old_name = values.name(old, words.utf8)
                case "CHILDINFO", tuple(kinds):
                    child_info = tuple(values.text(one) for one in kinds if isinstance(one, bytes))
                case _:
                    more[key] = found
    words.end()
    shown = None if delimiter is None else values.text(delimiter)
    return Mailbox(name, attributes, shown, old_name, child_info, more, lsub)


def _pair(words: Words) -> tuple[str, Value]:
    name = values.text(words.astring()).upper()
    words.sp()
    return name, values.value(words)


def status(words: Words) -> MailboxStatus:
    """Behind STATUS."""
    name = values.mailbox(words)
    words.sp()
    numbers: dict[str, int] = {}
    more: dict[str, Value] = {}
    limit: int | None = None
    object_id: str | None = None

    def item() -> None:
        nonlocal limit, object_id
        key = words.word()
        words.sp()
        if key in _NUMBERS:
            numbers[_NUMBERS[key]] = words.number()
        elif key == "APPENDLIMIT":
            limit = -1 if words.nil() else words.number()
        elif key == "MAILBOXID":
            found = b"".join(words.list_of(words.astring))
            object_id = values.text(found)
        else:
            more[key] = values.value(words)

    words.list_of(item)
    words.end()
    return MailboxStatus(name, append_limit=limit, mailbox_id=object_id, more=more, **numbers)


def namespaces(words: Words) -> Namespaces:
    """Behind NAMESPACE."""
    found = []
    for _ in range(3):
        words.skip()
        found.append(() if words.nil() else words.list_of(lambda: _namespace(words)))
    words.end()
    return Namespaces(*found)


def _namespace(words: Words) -> Namespace:
    words.expect(b"(")
    prefix = words.string()
    words.sp()
    delimiter = words.nstring()
    more: dict[str, Value] = {}
    words.skip()
    while not words.accept(b")"):
        key, found = _pair(words)
        more[key] = found
        words.skip()
    shown = None if delimiter is None else values.text(delimiter)
    return Namespace(values.name(prefix, words.utf8), shown, more)


def quota(words: Words) -> Quota:
    """Behind QUOTA."""
    root = values.text(words.astring())
    words.sp()

    def resource() -> Resource:
        name = words.word()
        words.sp()
        used = words.number()
        words.sp()
        return Resource(name, used, words.number())

    resources = words.list_of(resource)
    words.end()
    return Quota(root, resources)


def quota_roots(words: Words) -> QuotaRoots:
    """Behind QUOTAROOT."""
    name = values.mailbox(words)
    roots = []
    while not words.done:
        words.sp()
        roots.append(values.text(words.astring()))
    return QuotaRoots(name, tuple(roots))


def metadata(words: Words) -> Metadata | MetadataChanged:
    """Behind METADATA."""
    name = values.mailbox(words)
    words.sp()
    if words.peek() != b"(":
        entries = []
        while not words.done:
            words.skip()
            entries.append(values.text(words.astring()))
        return MetadataChanged(name, tuple(entries))

    def entry() -> tuple[str, bytes | None]:
        key = values.text(words.astring())
        words.sp()
        return key, words.nstring()

    found = dict(words.list_of(entry))
    words.end()
    return Metadata(name, found)
