"""A message made ready in the loop for the writer: its octets as a record, and everything the index keeps of it.

RFC 9051 §2.3, RFC 8474 §5. What the writer thread still does with it is SQL.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Protocol
from zlib import crc32

from postil.base.ids import object_id
from postil.ports.store import NewMessage, StoreUnavailable
from postil.store.ingest import Ingested, addressees, ingest, with_prefix
from postil.store.intents.appending import Incoming, Shape
from postil.store.limits import CORRESPONDENTS_MAX
from postil.store.readers import Segments
from postil.store.segments import Record
from postil.store.staging import Stage, StagedBody

_RECENT = "\\recent"


class Staging(Protocol):
    """What of a shard is used."""

    stage: Stage
    segments: Segments


def staged(shard: Staging, number: int) -> StagedBody:
    """What was staged under a number. StoreUnavailable when it was discarded."""
    body = shard.stage.bodies.get(number)
    if body is None:
        raise StoreUnavailable("the message was thrown away before it was stored")
    return body


async def incoming(shard: Staging, message: NewMessage, sent: bool = False) -> Incoming:
    """`sent`: it goes to a mailbox of sent mail, so its addressees are people the account writes to."""
    body = staged(shard, message.body.number)
    prefix = message.prefix
    ingested = with_prefix(body.ingested, prefix)
    head = prefix + body.header
    if ingested is None:
        octets = prefix + await _octets(shard, body)
        ingested = await ingest(octets)
        head = octets[: ingested.header_size]
    record = None
    if body.octets is not None:
        crc = crc32(body.octets, crc32(prefix))
        length = len(prefix) + len(body.octets)
        record = Record(body.account, (prefix, body.octets), length, crc)
    return Incoming(
        settable(message.flags),
        message.internal_date,
        ingested.size,
        ingested.header_size,
        crc32(head),
        _shape(ingested),
        record,
        body.file,
        prefix,
        _correspondents(ingested) if sent else None,
    )


def settable(flags: frozenset[str]) -> frozenset[str]:
    """Without \\Recent, which is ours to give."""
    return frozenset(flag for flag in flags if flag.lower() != _RECENT)


async def _octets(shard: Staging, body: StagedBody) -> bytes:
    if body.octets is not None:
        return body.octets
    file = body.file
    assert file is not None
    segment = shard.segments.get(file.number)
    octets: bytes = await shard.stage.run(segment.read, file.length, file.offset)
    return octets


def reference_key(reference: bytes) -> int:
    """A message id or address as the index keeps it: 64 bits, signed as SQLite has them."""
    return int.from_bytes(blake2b(reference, digest_size=8).digest(), "big", signed=True)


def nearest(ingested: Ingested) -> tuple[int, ...]:
    """The keys of the messages it refers to, as far as threads are made of them."""
    return tuple(reference_key(reference) for reference in ingested.references[-_REFERENCES:])


def _shape(ingested: Ingested) -> Shape:
    own = ingested.message_id
    return Shape(
        ingested.plain,
        ingested.envelope,
        ingested.bodystructure,
        ingested.preview,
        own.decode("utf-8", "replace"),
        object_id("M"),
        reference_key(own) if own else None,
        nearest(ingested),
        object_id("T"),
        reference_key(ingested.sender) if ingested.sender else None,
    )


def _correspondents(ingested: Ingested) -> tuple[int, ...]:
    people = addressees(ingested)
    return tuple(map(reference_key, sorted(people))) if len(people) <= CORRESPONDENTS_MAX else ()


_REFERENCES = 20  # the nearest relatives; a thread longer than that is found by the others
