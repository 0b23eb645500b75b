"""From the octets of a message to the record that FETCH answers from.

RFC 9051 §7.5.2 (ENVELOPE, BODYSTRUCTURE), RFC 8970 (preview), RFC 5256 §2.1 and §3 (base subject, references).

Done once per message, when it has arrived. The parse is taken in slices of about a millisecond with the event loop in between, so that
25 MB do not hold up anybody. It keeps no text for searching: `search` takes that from the body later.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from postil.message.content import preview
from postil.message.fields import Buffer, blank_line, iter_fields
from postil.message.limits import MAX_HEADER
from postil.message.parse import parse, parse_steps
from postil.message.part import Part
from postil.message.structure import Rendered, render, render_steps
from postil.message.threading import base_subject, message_id, references
from postil.store.limits import HEADER_CACHE_OCTETS

# Fields that ENVELOPE, BODYSTRUCTURE or threads are made from: a prefix with one of them needs a new parse.
_TELLING = frozenset(
    b"date subject from sender reply-to to cc bcc in-reply-to message-id references".split()
)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the store keeps of a message beside its octets."""

    size: int
    header_size: int  # the message header with its blank line
    header: bytes | None  # the same octets when they are at most 8 KiB
    plain: bool  # as in `ports.store.Details`
    envelope: bytes
    bodystructure: bytes
    message_id: bytes  # normalised, empty when there is none
    references: tuple[bytes, ...]
    base_subject: str
    preview: str
    prefixable: bool  # header fields can be put in front without a change of structure


def ingest_now(octets: Buffer) -> Ingested:
    """The record of a small message."""
    root = parse(octets)
    return _record(octets, root, render(root))


async def ingest(octets: Buffer) -> Ingested:
    """The record of a message of any size; gives the loop back between slices."""
    steps = parse_steps(octets)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            root: Part = stop.value
            break
        await asyncio.sleep(0)
    rendering = render_steps(root)
    while True:
        try:
            next(rendering)
        except StopIteration as stop:
            return _record(octets, root, stop.value)
        await asyncio.sleep(0)


def with_prefix(record: Ingested, prefix: bytes) -> Ingested | None:
    """The record of the message with header fields in front; None when only a new parse can tell.

    A delivery puts Return-Path and Received before a message that has been parsed already; for a
    well-formed message that changes its header and nothing else.
    """
    if not prefix:
        return record
    size = record.header_size + len(prefix)
    if not record.prefixable or size > MAX_HEADER or not _harmless(prefix):
        return None
    header = None
    if record.header is not None and size <= HEADER_CACHE_OCTETS:
        header = prefix + record.header
    return replace(record, size=record.size + len(prefix), header_size=size, header=header)


def _harmless(prefix: bytes) -> bool:
    """Whole, named fields, none of them one that says what the message is."""
    if not prefix.endswith(b"\n") or blank_line(prefix):
        return False
    fields = list(iter_fields(prefix))
    if b"".join(field.raw for field in fields) != prefix:
        return False
    return all(
        field.name and field.name not in _TELLING and not field.name.startswith(b"content-")
        for field in fields
    )


def _record(octets: Buffer, root: Part, rendered: Rendered) -> Ingested:
    header_size = root.body_start
    header = octets[:header_size] if header_size <= HEADER_CACHE_OCTETS else None
    subject = root.fields.get(b"subject", b"")
    starts_with_blank = octets[:1] in (b" ", b"\t")
    return Ingested(
        size=len(octets),
        header_size=header_size,
        header=header,
        plain=rendered.same,
        envelope=rendered.envelope,
        bodystructure=rendered.bodystructure,
        message_id=message_id(root) or b"",
        references=tuple(references(root)),
        base_subject=base_subject(subject).text,
        preview=preview(root, octets),
        prefixable=header_size > 0 and not starts_with_blank,
    )
