"""From the octets of a message to the record that FETCH answers from.

RFC 9051 §7.5.2 (ENVELOPE, BODYSTRUCTURE), RFC 8970 (preview), RFC 5256 §2.1 and §3 (base subject, references).

Done once per message, when it has arrived. The parse is taken in slices of about a millisecond with the event loop in between, so that
25 MB do not hold up anybody. It keeps no text for searching: `search` takes that from the body later.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import NamedTuple

from postil.message.addresses import Address, address_steps, mailboxes, parse_addresses
from postil.message.content import preview
from postil.message.fields import Buffer
from postil.message.limits import MAX_HEADER
from postil.message.parse import parse, parse_steps
from postil.message.part import Part
from postil.message.structure import Rendered, render, render_steps
from postil.message.threading import base_subject, message_id, references

# Whole, named fields, none of which ENVELOPE, BODYSTRUCTURE or threads are made from: a prefix with one of those needs a new parse.
_HARMLESS = re.compile(
    rb"(?i:(?!(?:date|subject|from|sender|reply-to|to|cc|bcc|in-reply-to|message-id|references)[ \t]*:|content-)"
    rb"[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t](?!\r?\n)[^\n]*+\n)*+)++"
)


class Ingested(NamedTuple):
    """What the store keeps of a message beside its octets. A tuple: one is made for every message, in a quarter of the time."""

    size: int
    header_size: int  # the message header with its blank line
    plain: bool  # as in `ports.store.Details`
    envelope: bytes
    bodystructure: bytes
    message_id: bytes  # normalised, empty when there is none
    references: tuple[bytes, ...]
    base_subject: str
    preview: str
    sender: bytes  # `address_key` of the one address in From; empty when there is none, or several
    sent_to: tuple[bytes, ...]  # To, Cc and Bcc, unfolded
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
    if not record.prefixable or size > MAX_HEADER or _HARMLESS.fullmatch(prefix) is None:
        return None
    return record._replace(size=record.size + len(prefix), header_size=size)


def address_key(address: Address) -> bytes:
    """An address as two are compared: who writes to somebody seldom minds the case, and his program never."""
    return (address.local + b"@" + address.domain).lower()


def addressees(record: Ingested) -> frozenset[bytes]:
    """`address_key` of everybody a message is addressed to."""
    return frozenset(
        address_key(address)
        for value in record.sent_to
        for address in mailboxes(parse_addresses(value))
        if address.local and address.domain
    )


def _author(value: bytes) -> bytes:
    """`address_key` of the one address of a From field."""
    found = list(itertools.islice(address_steps(value), 2))
    match found:
        case [Address(local=local, domain=domain) as author] if local and domain:
            return address_key(author)
    return b""


def _record(octets: Buffer, root: Part, rendered: Rendered) -> Ingested:
    header_size = root.body_start
    subject = root.fields.get(b"subject", b"")
    starts_with_blank = octets[:1] in (b" ", b"\t")
    return Ingested(
        size=len(octets),
        header_size=header_size,
        plain=rendered.same,
        envelope=rendered.envelope,
        bodystructure=rendered.bodystructure,
        message_id=message_id(root) or b"",
        references=tuple(references(root)),
        base_subject=base_subject(subject).text,
        preview=preview(root, octets),
        sender=_author(root.fields.get(b"from", b"")),
        sent_to=tuple(filter(None, map(root.fields.get, (b"to", b"cc", b"bcc")))),
        prefixable=header_size > 0 and not starts_with_blank,
    )
