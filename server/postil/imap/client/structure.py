"""ENVELOPE and BODYSTRUCTURE as trees.

RFC 9051 §7.5.2, §9 (body, envelope). Strings are octets as the server sent them: header fields with their encoded words (RFC 2047), which
`message.words` reads. Servers leave out extension data from any place on; what is missing is None or empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postil.imap.client import limits, values
from postil.imap.client.values import Value
from postil.imap.client.words import Words

Parameters = tuple[tuple[str, bytes], ...]  # names in small letters


@dataclass(frozen=True, slots=True)
class Address:
    """One address; a group begins with one without host and ends with one without anything."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """ENVELOPE."""

    date: bytes | None
    subject: bytes | None
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    in_reply_to: bytes | None
    message_id: bytes | None


@dataclass(frozen=True, slots=True)
class Extension:
    """What BODYSTRUCTURE has and BODY has not."""

    md5: bytes | None = None
    disposition: str | None = None  # in small letters
    disposition_parameters: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    more: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is no multipart; a message/rfc822 holds `envelope` and `body`. Types are in small letters."""

    type: str
    subtype: str
    parameters: Parameters
    id: bytes | None
    description: bytes | None
    encoding: str
    octets: int
    lines: int | None = None
    envelope: Envelope | None = None
    body: Structure | None = None
    extension: Extension = Extension()


@dataclass(frozen=True, slots=True)
class Multipart:
    """A multipart."""

    parts: tuple[Structure, ...]
    subtype: str
    parameters: Parameters = ()
    extension: Extension = Extension()


Structure = Part | Multipart


def walk(body: Structure, prefix: str = "") -> Iterator[tuple[str, Part]]:
    """The parts with the numbers FETCH knows them by: `1`, `2.1` …"""
    # RFC 9051 §6.4.5.1: "Every message has at least one part number." Messages that are no
    # multipart have one, 1
    if isinstance(body, Part):
        yield from _inside(body, f"{prefix}1")
        return
    for number, part in enumerate(body.parts, 1):
        if isinstance(part, Multipart):
            yield from walk(part, f"{prefix}{number}.")
        else:
            yield from _inside(part, f"{prefix}{number}")


def _inside(part: Part, number: str) -> Iterator[tuple[str, Part]]:
    yield number, part
    if part.body is not None:
        yield from walk(part.body, f"{number}.")


def envelope(words: Words) -> Envelope:
    """`(date subject from …)`"""
    words.expect(b"(")
    date = words.nstring()
    words.skip()
    subject = words.nstring()
    from_, sender, reply_to, to, cc, bcc = (_addresses(words) for _ in range(6))
    words.skip()
    in_reply_to = words.nstring()
    words.skip()
    message_id = words.nstring()
    words.skip()
    words.expect(b")")
    return Envelope(date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id)


def _addresses(words: Words) -> tuple[Address, ...]:
    words.skip()
    return () if words.nil() else words.list_of(lambda: _address(words))


def _address(words: Words) -> Address:
    words.expect(b"(")
    found = []
    for _ in range(4):
        words.skip()
        found.append(words.nstring())
    words.skip()
    words.expect(b")")
    return Address(*found)


def body(words: Words, depth: int = 0) -> Structure:
    """BODY or BODYSTRUCTURE."""
    if depth > limits.DEPTH:
        words.fail(f"parts nested less than {limits.DEPTH} deep")
    words.expect(b"(")
    words.skip()
    found = _multipart(words, depth) if words.peek() == b"(" else _part(words, depth)
    words.skip()
    words.expect(b")")
    return found


def _multipart(words: Words, depth: int) -> Multipart:
    parts = []
    while words.peek() == b"(":
        parts.append(body(words, depth + 1))
        words.skip()
    subtype = _small(words.nstring())
    words.skip()
    if words.peek() == b")":
        return Multipart(tuple(parts), subtype)
    parameters = _parameters(words)
    return Multipart(tuple(parts), subtype, parameters, _extension(words, None))


def _part(words: Words, depth: int) -> Part:
    type_ = _small(words.nstring())
    words.skip()
    subtype = _small(words.nstring())
    words.skip()
    parameters = _parameters(words)
    words.skip()
    id_ = words.nstring()
    words.skip()
    description = words.nstring()
    words.skip()
    encoding = _small(words.nstring())
    words.skip()
    octets = 0 if words.nil() else words.number()
    words.skip()
    lines: int | None = None
    about: Envelope | None = None
    inner: Structure | None = None
    # RFC 9051 §7.5.2: "A body type of type MESSAGE and subtype RFC822 contains, immediately after the basic
    # fields, the envelope structure, body structure, and size in text lines of the encapsulated message."
    if type_ == "message" and words.peek() == b"(":
        about = envelope(words)
        words.skip()
        inner = body(words, depth + 1)
        words.skip()
        lines = _lines(words)
    elif type_ == "text" and words.peek() != b")":
        lines = _lines(words)
    words.skip()
    md5 = None if words.peek() == b")" else words.nstring()
    extension = _extension(words, md5)
    return Part(
        type_, subtype, parameters, id_, description, encoding, octets, lines, about, inner, extension
    )  # fmt: skip


def _lines(words: Words) -> int | None:
    return None if words.nil() else words.number()


def _extension(words: Words, md5: bytes | None) -> Extension:
    """From the disposition on; each may be the last."""
    disposition: str | None = None
    parameters: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    more: list[Value] = []
    words.skip()
    if words.peek() not in (b")", b"") and not words.nil():
        words.expect(b"(")
        disposition = _small(words.nstring())
        words.skip()
        parameters = _parameters(words)
        words.expect(b")")
    words.skip()
    if words.peek() not in (b")", b"") and not words.nil():
        one = words.peek() != b"("
        language = (words.astring(),) if one else words.list_of(words.astring)
    words.skip()
    if words.peek() not in (b")", b""):
        location = words.nstring()
    words.skip()
    while words.peek() not in (b")", b""):
        more.append(values.value(words))
        words.skip()
    return Extension(md5, disposition, parameters, language, location, tuple(more))


def _parameters(words: Words) -> Parameters:
    if words.nil():
        return ()
    flat = words.list_of(words.nstring)
    return tuple(
        (_small(name), value or b"") for name, value in zip(flat[::2], flat[1::2], strict=False)
    )


def _small(octets: bytes | None) -> str:
    return "" if octets is None else values.text(octets).lower()
